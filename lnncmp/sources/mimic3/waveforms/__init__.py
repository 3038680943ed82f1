"""Bedside numerics of the MIMIC-III Waveform Database and of other records in the same format.

Numerics are what a bedside monitor showed: heart and breathing rate, pressures, oxygen saturation, once a minute,
once a second or every 1.024 s. Moody et al., MIMIC-III Waveform Database Matched Subset 1.0, PhysioNet 2020, doi
10.13026/c2294b. Each record becomes one recording of the 12 columns of `lnncmp.sources.mimic3.variables`, of which
only the core can be observed; its group is the subject in the record's name. The unmatched database (names such as
3000003n) does not show which records share a patient: there each record is a group.

With `--data DIR` all records below DIR are read where they lie. Without it, the option `records` names numerics
records of the matched subset (comma-separated, pNN/pNNNNNN/pNNNNNN-YYYY-MM-DD-hh-mmn), which are downloaded into the
private cache folder `mimic3-waveforms`. The option `grid` is "hour" (default), "minute" or "event".

Nothing here names a record or a subject in a message.
"""

from collections.abc import Sequence
from pathlib import Path

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.mimic3.waveforms.download import ADDRESS, FOLDER, WGET, download_records
from lnncmp.sources.mimic3.waveforms.grid import checked_grid
from lnncmp.sources.mimic3.waveforms.header import find_headers
from lnncmp.sources.mimic3.waveforms.names import asked_names, keep_names
from lnncmp.sources.mimic3.waveforms.reading import Collected, collect

HINT = (
    "Name a folder with numerics records with --data DIR; "
    f"those of the matched subset come with `{WGET}` (and p01 to p09)."
)


def obtain(context: SourceContext, address: str = ADDRESS) -> tuple[Path, Collected]:
    """Return the folder with the records and what was read from them.

    Raises DataError if there is no folder, no record to download, or no record that gives a recording; UsageError
    for an unknown grid or a record name of the wrong form.
    """
    grid = checked_grid(context.options.get("grid", "hour"))
    if context.data_dir is not None:
        folder, headers = context.data_dir, _headers_below(context.data_dir)
    else:
        asked = context.options.get("records", "")
        names = asked_names(asked, context.cache / FOLDER)
        if not names:
            raise DataError(
                "the waveform numerics need a folder with records, or the names of records to download",
                f"{HINT} Or name records with --set data.records=NAME,NAME.",
            )
        folder, headers = context.cache / FOLDER, download_records(names, context, address)
        keep_names(asked, folder)
    collected = collect(headers, grid, context.progress)
    if not collected.recordings:
        lost = collected.lost()
        raise DataError(
            f"no usable numerics among the {collected.found:,} records found{': ' if lost else ''}{lost}",
            f"Needed are numerics: .hea files below 2 Hz with their .dat files. {HINT}",
        )
    return folder, collected


def _headers_below(folder: Path) -> list[Path]:
    """Return the header files below the user's `folder`. Raises DataError, without its path: it may hold an id."""
    if not folder.is_dir():
        problem = "is a file" if folder.is_file() else "does not exist"
        raise DataError(f"the folder named with --data {problem}, expected a folder with waveform records", HINT)
    try:
        return find_headers(folder)
    except OSError as error:
        raise DataError(f"cannot list the folder named with --data or one below: {error.strerror}", HINT) from None


def _load(context: SourceContext) -> list[Recording]:
    collected = obtain(context)[1]
    lost = collected.lost()
    if lost:
        total = sum(collected.skipped.values())
        context.warn(f"left out {total:,} of {collected.found:,} waveform records: {lost}")
    return collected.recordings


def _fetch(context: SourceContext) -> Path:
    return obtain(context)[0]


def _attrition(context: SourceContext) -> Sequence[AttritionStep]:
    return obtain(context)[1].steps()


SOURCE = Source(
    name="waveforms",
    summary="Bedside numerics of the MIMIC-III Waveform Database, from your own folder or downloaded by record name.",
    card="mimic3",
    version=2,
    load=_load,
    fetch=_fetch,
    attrition=_attrition,
)

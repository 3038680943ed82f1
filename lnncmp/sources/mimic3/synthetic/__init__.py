"""Simulated intensive care stays in the layout of MIMIC-III: for tests, and for those without access to the real ones.

The tables are made once, kept in the cache, and then extracted by the same code that extracts real ones. The data
card `datasets/mimic3/synthetic.md` describes the simulation. No result on them says anything about patients.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import UsageError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.mimic3.synthetic.settings import VERSION, Settings, settings_key
from lnncmp.sources.mimic3.synthetic.store import obtain

if TYPE_CHECKING:
    from lnncmp.sources.mimic3.extraction.extraction import Extraction

_FOLDER = "mimic3-synthetic"

SETTINGS = Settings()
"""The settings of the data set."""


def _tables(context: SourceContext) -> Mapping[str, bytes]:
    from lnncmp.sources.mimic3.synthetic.simulate import simulate_tables

    return simulate_tables(SETTINGS, context.progress)


def fetch(context: SourceContext) -> Path:
    """Return the folder of the four tables, made first if it is missing. Raises DataError or UsageError."""
    if context.data_dir is not None:
        raise UsageError(
            f"synthetic stays are simulated, not read, so --data {context.data_dir} cannot be used",
            "To read MIMIC-III tables use another source with --data FOLDER; else leave --data out.",
        )
    folder = context.cache / _FOLDER / settings_key(SETTINGS)
    return obtain(folder, lambda: _tables(context), context.warn)


def _extraction(context: SourceContext) -> "Extraction":
    from lnncmp.sources.mimic3.extraction.extraction import extract

    return extract(
        fetch(context),
        context.cache,
        name="synthetic",
        grid=context.options.get("grid", "hour"),
        progress=context.progress,
        warn=context.warn,
    )


def load(context: SourceContext) -> list[Recording]:
    """Return one recording per stay, as extracted from the simulated tables. Raises DataError or UsageError."""
    return _extraction(context).recordings


def attrition(context: SourceContext) -> Sequence[AttritionStep]:
    """Return what was lost between the simulated rows and the recordings. Raises DataError or UsageError."""
    return _extraction(context).attrition


SOURCE = Source(
    name="synthetic",
    summary="simulated intensive care stays of 200 subjects in the layout of MIMIC-III; no patient data, no download",
    card="mimic3",
    version=VERSION,
    load=load,
    fetch=fetch,
    attrition=attrition,
    invented=True,
)

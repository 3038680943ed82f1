"""The PhysioNet/Computing in Cardiology Challenge 2012: two days of 12,000 adults in intensive care, open to all.

Silva, Moody, Scott, Celi, Mark, Computing in Cardiology 39, 2012. Three sets (A, B, C) of 4,000 stays, from the
hospital of MIMIC. An archive of each is downloaded from PhysioNet without a login, never shipped, and compared with the
SHA-256 in `datasets/mimic3/challenge2012.json` each time it is used. The data card is
`datasets/mimic3/challenge2012.md`.

With `--data DIR` a copy is read where it lies: archives or unpacked sets, whose content is compared where it is known.
Options of the context: `grid` ("hour", "event"), `sets` (letters, default "a"), and for other cases `variables` ("all":
41 parameters in place of the case's twelve), `quantum` (hours to whose multiples times are rounded) and `ranges`
("keep": values outside of the plausible range are kept).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import UsageError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.download.fetch import TIMEOUT
from lnncmp.sources.mimic3.challenge2012.archives import SETS
from lnncmp.sources.mimic3.challenge2012.outcomes import read_outcomes
from lnncmp.sources.mimic3.published import Manifest, Published, read_manifest

if TYPE_CHECKING:
    from lnncmp.sources.mimic3.challenge2012.copies import Copy
    from lnncmp.sources.mimic3.extraction.extraction import Extraction

HINT = (
    "Run `lnncmp data fetch mimic3 --source challenge2012` with a connection; or get set-a.tar.gz from "
    "https://physionet.org/content/challenge-2012/1.0.0/ and name it with --data. `lnncmp mimic3 --source synthetic` "
    "needs no download."
)
CHALLENGE = Published("PhysioNet Challenge 2012", "mimic3-challenge2012", HINT)
DEFAULT_SETS = "a"


@cache
def published() -> Manifest:
    """Return the manifest of all sets and outcomes. Raises LnncmpError if the installation lacks it."""
    return read_manifest("challenge2012")


def of_sets(manifest: Manifest, sets: str) -> Manifest:
    """Return the manifest of the archives and outcomes of `sets`."""
    return manifest.only([name for letter in sets for name in (f"Outcomes-{letter}.txt", f"set-{letter}.tar.gz")])


def asked_sets(context: SourceContext) -> str:
    """Return the letters of the sets that `context` asks for. Raises UsageError unless they are some of a, b, c."""
    sets = context.options.get("sets", DEFAULT_SETS).lower()
    if not sets or len(set(sets)) < len(sets) or not set(sets) <= set(SETS):
        raise UsageError(f"data.sets names some of the sets a, b and c, such as a or abc, got '{sets}'")
    return "".join(sorted(sets))


def obtain(context: SourceContext, manifest: Manifest, timeout: tuple[float, float] = TIMEOUT) -> Path:
    """Return the user's own copy, else the folder of the cache, downloading what is missing.

    Raises DataError if a file is missing and cannot be downloaded; UnreachableError if PhysioNet does not answer.
    """
    if context.data_dir is not None:
        return context.data_dir
    return CHALLENGE.obtain(context, of_sets(manifest, asked_sets(context)), timeout)


def outcomes(context: SourceContext, manifest: Manifest | None = None) -> Mapping[str, int]:
    """Return group of each stay -> 1 if the patient died in hospital, else 0. Raises DataError.

    It covers the recordings that `SOURCE.load` returns, and stays without any observation.
    """
    return read_outcomes(obtain(context, manifest or published()), asked_sets(context))


def extracted(context: SourceContext, manifest: Manifest) -> "Extraction":
    """Return the stays that `context` asks for. Raises DataError, UsageError."""
    from lnncmp.sources.mimic3.challenge2012.copies import find_copy
    from lnncmp.sources.mimic3.challenge2012.extraction import Wanted, extract

    options = context.options
    wanted = Wanted(
        options.get("grid", "hour"),
        options.get("variables", "case"),
        float(options["quantum"]) if "quantum" in options else None,
        options.get("ranges", "") != "keep",
    )
    copy = find_copy(obtain(context, manifest), asked_sets(context), context.warn)
    found, contents = extract(copy, context.cache, wanted, progress=context.progress)
    _warn_of_others(copy, contents, manifest, context.warn)
    return found


def _warn_of_others(copy: "Copy", contents: Mapping[str, str], manifest: Manifest, warn: Callable[[str], None]) -> None:
    """Warn of sets that are neither a published archive nor have the content of one."""
    archives = {entry.sha256 for entry in manifest.files}
    known = {entry.content for entry in manifest.files}
    original = {place.letter for place in copy.places if place.fingerprint in archives}
    unlike = [letter for letter, found in contents.items() if letter not in original and found not in known]
    if unlike:
        sets = " and ".join(f"set {letter.upper()}" if letter else "a set without a name" for letter in unlike)
        warn(
            f"{sets} in {copy.asked} could not be checked against the published archives: it may be packed anew, or "
            "changed"
        )


def _load(context: SourceContext) -> list[Recording]:
    return extracted(context, published()).recordings


def _attrition(context: SourceContext) -> Sequence[AttritionStep]:
    # `load` has given the warnings.
    return extracted(replace(context, warn=lambda message: None), published()).attrition


def _fetch(context: SourceContext) -> Path:
    if context.data_dir is not None:
        extracted(context, published())
    return obtain(context, published())


SOURCE = Source(
    name="challenge2012",
    summary="The open PhysioNet Challenge 2012: 4,000 adults in intensive care, downloaded once, checked by hash.",
    card="mimic3",
    version=1,
    load=_load,
    fetch=_fetch,
    attrition=_attrition,
    outcomes=outcomes,
)

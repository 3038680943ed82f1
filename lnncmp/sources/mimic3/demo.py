"""The open MIMIC-III demo v1.4: 100 intensive care patients, downloaded from PhysioNet without a login, never shipped.

Every file is compared with PhysioNet's published SHA-256 (`datasets/mimic3/demo.json`) each time it is used. The
data card is `datasets/mimic3/demo.md`.

With `--data DIR` a copy of the demo is read where it lies, in the demo's own layout or another (.csv or .csv.gz, any
case of letters), and the network is not touched. Otherwise the tables live in the cache folder `mimic3-demo`, which
only its owner can read.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.download.fetch import TIMEOUT
from lnncmp.sources.download.manifest import some_names, unpacked_sha256
from lnncmp.sources.mimic3.extraction.tables import find_tables
from lnncmp.sources.mimic3.published import Manifest, Published, read_manifest

if TYPE_CHECKING:
    from lnncmp.sources.mimic3.extraction.extraction import Extraction

COMMAND = "lnncmp data fetch mimic3 --source demo"
HINT = (
    f"Run `{COMMAND}` with a connection; or `wget -r -N -c -np https://physionet.org/files/mimiciii-demo/1.4/` and "
    "--data physionet.org/files/mimiciii-demo/1.4; or use --source synthetic, which needs no download."
)
DEMO = Published("MIMIC-III demo", "mimic3-demo", HINT)
_LARGEST = 1 << 28  # the longest table, CHARTEVENTS, has some 78 MB


@cache
def published() -> Manifest:
    """Return the manifest of the published demo. Raises LnncmpError if the installation lacks it."""
    return read_manifest("demo")


def obtain(context: SourceContext, manifest: Manifest, timeout: tuple[float, float] = TIMEOUT) -> Path:
    """Return the folder with the tables: the user's own, else the cache, downloading what is missing.

    Raises DataError if a table is missing and cannot be downloaded; UnreachableError if PhysioNet does not answer.
    """
    if context.data_dir is not None:
        return check_copy(context.data_dir, manifest, context.warn)
    return DEMO.obtain(context, manifest, timeout)


def check_copy(folder: Path, manifest: Manifest, warn: Callable[[str], None]) -> Path:
    """Return `folder`, which holds a user's own copy of the demo, in any layout.

    Unpacked bytes are compared with the published hashes. A converted copy has others, so what differs is read all
    the same, with a warning. Raises DataError if a table without which nothing works is missing or unreadable.
    """
    published_sha256 = {entry.name: entry.sha256 for entry in manifest.files}
    unlike = [
        table.path.name
        # Warnings about the folder come when the tables are read.
        for name, table in find_tables(folder, lambda message: None).items()
        if unpacked_sha256(table.path, _LARGEST) != published_sha256[f"{name}.csv"]
    ]
    if unlike:
        warn(
            f"{some_names(unlike, len(unlike))} in {folder} could not be checked against PhysioNet's list of the "
            "demo's files: they may come from a converted copy"
        )
    return folder


def _extract(context: SourceContext) -> "Extraction":
    """Read the stays out of the tables. Raises DataError."""
    from lnncmp.sources.mimic3.extraction.extraction import extract

    folder = obtain(context, published())
    grid = context.options.get("grid", "hour")
    return extract(folder, context.cache, name="demo", grid=grid, progress=context.progress, warn=context.warn)


def _load(context: SourceContext) -> list[Recording]:
    return _extract(context).recordings


def _attrition(context: SourceContext) -> Sequence[AttritionStep]:
    # `load` has given the warnings.
    return _extract(replace(context, warn=lambda message: None)).attrition


def _fetch(context: SourceContext) -> Path:
    return obtain(context, published())


SOURCE = Source(
    name="demo",
    summary="The open MIMIC-III demo: 100 intensive care patients; downloaded once from PhysioNet, checked by hash.",
    card="mimic3",
    version=1,
    load=_load,
    fetch=_fetch,
    attrition=_attrition,
)

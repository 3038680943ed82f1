"""The open MIMIC-III demo v1.4: 100 intensive care patients, downloaded from PhysioNet without a login, never shipped.

Every file is compared with PhysioNet's published SHA-256 (`datasets/mimic3/demo.json`) each time it is used. The
data card is `datasets/mimic3/demo.md`.

With `--data DIR` a copy of the demo is read where it lies, in the demo's own layout or another (.csv or .csv.gz, any
case of letters), and the network is not touched. Otherwise the tables live in the cache folder `mimic3-demo`, which
only its owner can read.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.common.files import explained, make_dir, share_dir
from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.download.fetch import TIMEOUT, download, open_session
from lnncmp.sources.download.manifest import HashEntry, file_sha256, some_names, unpacked_sha256
from lnncmp.sources.mimic3.extraction.tables import find_tables

if TYPE_CHECKING:
    from lnncmp.sources.mimic3.extraction.extraction import Extraction

FOLDER = "mimic3-demo"
COMMAND = "lnncmp data fetch mimic3 --source demo"
HINT = (
    f"Run `{COMMAND}` with a connection; or `wget -r -N -c -np https://physionet.org/files/mimiciii-demo/1.4/` and "
    "--data physionet.org/files/mimiciii-demo/1.4; or use --source synthetic, which needs no download."
)
_LARGEST = 1 << 28  # the longest table, CHARTEVENTS, has some 78 MB


class DemoEntry(HashEntry):
    """One published file; `bytes` is None where PhysioNet's list gives the hash only and we do not have the file."""

    bytes: int | None = Field(default=None, ge=0)


class DemoManifest(BaseModel):
    """The files that are needed, a small one first, and the address of the folder they are published in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    address: str
    files: tuple[DemoEntry, ...] = Field(min_length=1)

    def url(self, entry: DemoEntry) -> str:
        """Return the address of one file."""
        return f"{self.address}/{entry.name}"


@cache
def published() -> DemoManifest:
    """Return the manifest of the published demo. Raises LnncmpError if the installation lacks it."""
    return DemoManifest.model_validate_json((share_dir("datasets") / "mimic3" / "demo.json").read_bytes())


def flaws(folder: Path, manifest: DemoManifest) -> tuple[list[str], list[str]]:
    """Return the names of the files of the cache that are missing, and of those that are not as published.

    Raises DataError if the cache cannot be read.
    """
    missing, damaged = [], []
    try:
        for entry in manifest.files:
            path = folder / entry.name
            if not path.is_file():
                missing.append(entry.name)
            elif file_sha256(path) != entry.sha256:
                damaged.append(entry.name)
    except OSError as error:
        raise DataError(f"cannot read the cache {folder}: {error.strerror or error}", "Set LNNCMP_CACHE.") from error
    return missing, damaged


def obtain(context: SourceContext, manifest: DemoManifest, timeout: tuple[float, float] = TIMEOUT) -> Path:
    """Return the folder with the tables: the user's own, else the cache, downloading what is missing.

    Raises DataError if a table is missing and cannot be downloaded; UnreachableError if PhysioNet does not answer.
    """
    if context.data_dir is not None:
        return check_copy(context.data_dir, manifest, context.warn)
    folder = context.cache / FOLDER
    missing, damaged = flaws(folder, manifest)
    if not missing and not damaged:
        return folder
    state = f"is damaged ({some_names(damaged)})" if damaged else f"is not complete (no {some_names(missing)})"
    problem = f"the MIMIC-III demo in the cache {folder} {state}"
    if context.offline:
        raise DataError(f"{problem}, and offline mode forbids downloading it", HINT)
    if damaged:
        context.warn(f"{problem}; downloading it again")
    _download(folder, manifest, context, timeout)
    return folder


def _download(folder: Path, manifest: DemoManifest, context: SourceContext, timeout: tuple[float, float]) -> None:
    """Bring every file of `manifest` into `folder`, each one checked; finished files are not asked for again."""
    make_dir(folder, 0o700)
    with explained(folder):
        folder.chmod(0o700)
    with open_session() as session:
        for entry in manifest.files:
            path = download(
                [manifest.url(entry)],
                folder / entry.name,
                sha256=entry.sha256,
                size=entry.bytes,
                max_bytes=_LARGEST,
                progress=partial(context.progress, f"downloading {entry.name} of the MIMIC-III demo"),
                hint=HINT,
                timeout=timeout,
                session=session,
            )
            with explained(path):
                path.chmod(0o600)


def check_copy(folder: Path, manifest: DemoManifest, warn: Callable[[str], None]) -> Path:
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

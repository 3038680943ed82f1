"""Files that PhysioNet publishes under one address, downloaded once into a private folder of the cache.

Every file is compared with its SHA-256 each time it is used. The folder can be entered by its owner only.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.common.files import explained, make_dir, share_dir
from lnncmp.errors import DataError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.download.fetch import TIMEOUT, download, open_session
from lnncmp.sources.download.manifest import HashEntry, file_sha256, some_names

_LARGEST = 1 << 28


class Entry(HashEntry):
    """One published file. bytes: None where the hash alone is known.

    content: of an archive, the hash of what is in it, None if not known.
    """

    bytes: int | None = Field(default=None, ge=0)
    content: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """The files that are needed, a small one first, and the address of the folder they are published in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    address: str
    files: tuple[Entry, ...] = Field(min_length=1)

    def url(self, entry: Entry) -> str:
        """Return the address of one file."""
        return f"{self.address}/{entry.name}"

    def only(self, names: Collection[str]) -> "Manifest":
        """Return the manifest of some of the files."""
        return self.model_copy(update={"files": tuple(entry for entry in self.files if entry.name in names)})


def read_manifest(name: str) -> Manifest:
    """Return the manifest `datasets/mimic3/<name>.json`. Raises LnncmpError if the installation lacks it."""
    return Manifest.model_validate_json((share_dir("datasets") / "mimic3" / f"{name}.json").read_bytes())


@dataclass(frozen=True)
class Published:
    """A published data set: what messages call it, its folder in the cache, what to do where it cannot be had."""

    title: str
    folder: str
    hint: str

    def flaws(self, cache: Path, manifest: Manifest) -> tuple[list[str], list[str]]:
        """Return the names of the files in the cache that are missing, and of those that are not as published.

        Raises DataError if the cache cannot be read.
        """
        folder = cache / self.folder
        missing, damaged = [], []
        try:
            for entry in manifest.files:
                path = folder / entry.name
                if not path.is_file():
                    missing.append(entry.name)
                elif file_sha256(path) != entry.sha256:
                    damaged.append(entry.name)
        except OSError as error:
            why = error.strerror or error
            raise DataError(f"cannot read the cache {folder}: {why}", "Set LNNCMP_CACHE.") from error
        return missing, damaged

    def obtain(self, context: SourceContext, manifest: Manifest, timeout: tuple[float, float] = TIMEOUT) -> Path:
        """Return the folder of the cache with all files of `manifest`; what is missing is downloaded.

        Raises DataError if a file is missing and cannot be downloaded; UnreachableError if nobody answers.
        """
        folder = context.cache / self.folder
        missing, damaged = self.flaws(context.cache, manifest)
        if not missing and not damaged:
            return folder
        state = f"is damaged ({some_names(damaged)})" if damaged else f"is not complete (no {some_names(missing)})"
        problem = f"the {self.title} in the cache {folder} {state}"
        if context.offline:
            raise DataError(f"{problem}, and offline mode forbids downloading it", self.hint)
        if damaged:
            context.warn(f"{problem}; downloading it again")
        self._download(folder, manifest, context, timeout)
        return folder

    def _download(self, folder: Path, manifest: Manifest, context: SourceContext, timeout: tuple[float, float]) -> None:
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
                    progress=partial(context.progress, f"downloading {entry.name} of the {self.title}"),
                    hint=self.hint,
                    timeout=timeout,
                    session=session,
                )
                with explained(path):
                    path.chmod(0o600)

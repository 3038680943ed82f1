"""The files of one data set of the UCI repository, where they are published, and what must be in them."""

from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from lnncmp.common.files import share_dir
from lnncmp.sources.download.manifest import FileEntry


class UciEntry(FileEntry):
    """One file, unpacked.

    bytes, sha256: of the copy that is known. content: SHA-256 of the numbers and words that are read from it (see
    `content_sha256`), which does not depend on line ends, the way dates are written, or packing. mirror: address of
    the known copy, None if there is none. needed: whether the data set is of use without it.
    """

    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    mirror: str | None = None
    needed: bool = True


class UciManifest(BaseModel):
    """A data set: addresses of its archive, tried in order, and its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    archives: tuple[str, ...]
    files: tuple[UciEntry, ...] = Field(min_length=1)

    @property
    def mirrored(self) -> tuple[UciEntry, ...]:
        """The files of which a copy is published elsewhere, too."""
        return tuple(entry for entry in self.files if entry.mirror is not None)

    @property
    def total_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(entry.bytes for entry in self.files)


@cache
def published(case: str) -> UciManifest:
    """Return the manifest of the data of a case. Raises LnncmpError if the installation lacks it."""
    return UciManifest.model_validate_json((share_dir("datasets") / case / "uci.json").read_bytes())

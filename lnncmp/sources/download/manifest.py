"""Hash manifests: which files make up a data set, how long they are, and what their SHA-256 must be."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lnncmp.errors import DataError

_BLOCK = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class HashEntry(BaseModel):
    """One file of a data set: a plain name without folders, and its SHA-256 in hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        """Refuse names that could leave the folder they are written to."""
        if not _PLAIN_NAME.fullmatch(name):
            raise ValueError(f"'{name}' is not a plain file name")
        return name


class FileEntry(HashEntry):
    """One file of a data set whose size in bytes is known, too."""

    bytes: int = Field(ge=0)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the file `path` in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpacked_sha256(path: Path, limit: int) -> str | None:
    """Return the SHA-256 of a file, of a .gz file that of what is in it; None if that is longer than `limit` bytes.

    Raises DataError if the file cannot be read or unpacked.
    """
    packed = path.suffix.lower() == ".gz"
    found = hashlib.sha256()
    length = 0
    try:
        with cast(BinaryIO, gzip.open(path)) if packed else path.open("rb") as file:
            while block := file.read(_BLOCK):
                length += len(block)
                if length > limit:
                    return None
                found.update(block)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}", "Copy or download the file again.") from error
    return found.hexdigest()


def digest(entries: Iterable[HashEntry]) -> str:
    """Return one SHA-256 over all names and hashes, in name order.

    It equals the output of `sha256sum * | sha256sum` in a folder that holds exactly these files.
    """
    lines = "".join(f"{entry.sha256}  {entry.name}\n" for entry in sorted(entries, key=lambda e: e.name))
    return hashlib.sha256(lines.encode()).hexdigest()


def some_names(names: Iterable[str], shown: int = 3) -> str:
    """Return the first names for a message, and the number of others.

    >>> some_names(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    found = list(names)
    rest = len(found) - shown
    return ", ".join(found[:shown]) + (f" and {rest} more" if rest > 0 else "")

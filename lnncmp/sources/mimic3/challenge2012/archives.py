"""Read stays out of untrusted archives and folders: plain members with the right name, bounded in size and number.

Nothing is unpacked to disk, so no name can lead anywhere; links, folders and other files are passed over.
"""

import lzma
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, cast

from lnncmp.errors import DataError
from lnncmp.sources.parsing import parsing
from lnncmp.sources.whole_rows import GZIP_MAGIC, inflated, plain

SETS = "abc"
MOST_MEMBERS = 50_000
MOST_BYTES = 1 << 20
"""Longest text of a stay; those of set A have 24 kB at most."""
MOST_TEXT = 1 << 28
"""Longest unpacked archive, 256 MB: all three sets together have a third of it."""
AGAIN = "Download or copy it again."

_STAY = re.compile(r"(\d{1,9})\.txt", re.IGNORECASE)
_SET = re.compile(r"set[-_ ]?([abc])", re.IGNORECASE)


@dataclass(frozen=True)
class StayText:
    """One stay as it is stored: letter of its set ("" if its path names none), number of its record, text."""

    set: str
    record: int
    text: bytes = field(repr=False)


def set_of(path: PurePath) -> str:
    """Return the letter of the set that the last telling part of `path` names, empty if none does.

    >>> set_of(PurePath("data/set-b/readme.txt")), set_of(PurePath("Set_A.tar.gz")), set_of(PurePath("data"))
    ('b', 'a', '')
    """
    found = [named[1].lower() for part in path.parts if (named := _SET.fullmatch(part.partition(".")[0]))]
    return found[-1] if found else ""


def record_of(name: str) -> int | None:
    """Return the number of the record whose file is called `name`, None if it is another file's name."""
    named = _STAY.fullmatch(name)
    return int(named[1]) if named else None


def read_archive(path: Path) -> Iterator[StayText]:
    """Yield the stays in a .tar.gz, .tar.xz, .tar or .zip file, in its order.

    Raises DataError if the file cannot be read, is damaged, or is larger inside than any set.
    """
    # Without the library's words and the exception itself: they name members, and so patients.
    try:
        with parsing(DataError(f"{path.name} is damaged, or no archive", AGAIN)), path.open("rb") as file:
            start = file.read(6)
            file.seek(0)
            if start.startswith(b"PK"):
                yield from _zip(path)
            elif start.startswith(GZIP_MAGIC):
                yield from _tar(path, inflated(file))
            elif start.startswith(b"\xfd7zXZ"):
                with lzma.open(file) as unpacked:
                    yield from _tar(path, plain(cast(BinaryIO, unpacked)))
            else:
                yield from _tar(path, plain(file))
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}", AGAIN) from None


def read_folder(folder: Path) -> Iterator[StayText]:
    """Yield the stays that lie in `folder` itself, by name. Raises DataError if one cannot be read."""
    letter = set_of(folder)
    try:
        for path in sorted(folder.iterdir()):
            record = record_of(path.name)
            if record is not None and path.is_file():
                with path.open("rb") as file:
                    yield StayText(letter, record, _bounded(file.read(MOST_BYTES + 1), folder))
    except OSError as error:
        raise DataError(f"a stay in {folder} cannot be read: {error.strerror}", AGAIN) from None


class _Limited:
    """A stream to read from that ends in a DataError after MOST_TEXT bytes."""

    def __init__(self, pieces: Iterator[bytes], path: Path) -> None:
        self.pieces, self.path, self.left, self.held = pieces, path, MOST_TEXT, b""

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` of them at most; none at the end."""
        text = self.held or next(self.pieces, b"")
        block, self.held = text[:size], text[size:]
        self.left -= len(block)
        if self.left < 0:
            raise _too_large(self.path)
        return block


def _tar(path: Path, pieces: Iterator[bytes]) -> Iterator[StayText]:
    own = set_of(PurePath(path.name))
    limited = _Limited(pieces, path)
    with tarfile.open(fileobj=cast(BinaryIO, limited), mode="r|") as opened:
        for number, member in enumerate(opened):
            if number >= MOST_MEMBERS:
                raise _too_large(path)
            record = record_of(PurePosixPath(member.name).name)
            if record is None or not member.isreg():
                continue
            file = opened.extractfile(member)
            text = b"" if file is None else file.read(MOST_BYTES + 1)
            yield StayText(set_of(PurePosixPath(member.name)) or own, record, _bounded(text, path))
    # To the end of the packed stream, where its checksum stands.
    while limited.read(1 << 16):
        pass


def _zip(path: Path) -> Iterator[StayText]:
    own = set_of(PurePath(path.name))
    with zipfile.ZipFile(path) as opened:
        members = opened.infolist()
        if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_TEXT:
            raise _too_large(path)
        for member in members:
            inside = PurePosixPath(member.filename.replace("\\", "/"))
            record = record_of(inside.name)
            if record is None or member.is_dir() or "__MACOSX" in inside.parts:
                continue
            if member.flag_bits & 0x1:
                raise DataError(f"{path.name} is encrypted", "Unpack it, and name the folder with --data DIR.")
            with opened.open(member) as file:
                # One byte more than allowed: a header that lies about the length must not fill the memory.
                text = _bounded(file.read(MOST_BYTES + 1), path)
            yield StayText(set_of(inside) or own, record, text)


def _bounded(text: bytes, path: Path) -> bytes:
    if len(text) > MOST_BYTES:
        raise DataError(f"a file in {path.name} is longer than any stay ({MOST_BYTES:,} bytes)", AGAIN)
    return text


def _too_large(path: Path) -> DataError:
    return DataError(
        f"{path.name} holds more than any set of the challenge ({MOST_MEMBERS:,} files, {MOST_TEXT >> 20} MB)", AGAIN
    )

"""Find the files of a data set in a folder, its subfolders, or a zip file, plain or packed with gzip; write nothing.

Only names of the manifest are read, and never more bytes of one than a file of these data can have.
"""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from lnncmp.errors import DataError
from lnncmp.sources.parsing import parsing
from lnncmp.sources.whole_rows import inflated, plain

LARGEST = 1 << 24
"""Most bytes of one unpacked file; the largest published one has some three million."""
_MOST_ENTRIES = 20_000
_ENCRYPTED = 0x1


def read_copies(place: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of each of `names` that `place`, a folder or a zip file, holds, by name.

    NAME.gz counts as NAME. Of several files of one name the one least deep is taken, then the first in order.
    Raises DataError if `place` cannot be read, or one of the files is damaged or too long.
    """
    wanted = set(names)
    try:
        if place.is_dir():
            return _from_folder(place, wanted)
        if place.is_file():
            with place.open("rb") as file:
                return read_archive(file, place.name, wanted)
    except OSError as error:
        raise DataError(f"cannot read {place}: {error.strerror or error}") from error
    raise DataError(f"{place} is neither a folder nor a file")


def _from_folder(folder: Path, wanted: set[str]) -> dict[str, bytes]:
    """Return the files of a folder; if it holds none itself, those of the zip files in it."""
    paths: list[Path] = []
    for path in folder.rglob("*"):
        paths.append(path)
        if len(paths) > _MOST_ENTRIES:
            raise DataError(
                f"{folder} holds more than {_MOST_ENTRIES:,} files", "Name the folder with the data itself."
            )
    paths.sort(key=lambda path: (len(path.parts), path))
    found: dict[str, bytes] = {}
    for path in paths:
        name = _plain(path.name)
        if name in wanted and name not in found and path.is_file():
            with path.open("rb") as file:
                found[name] = _bounded(file, path.name)
    for path in paths if not found else []:
        if path.suffix.lower() == ".zip" and path.is_file():
            with path.open("rb") as file:
                found |= read_archive(file, path.name, wanted - set(found))
    return found


def read_archive(file: BinaryIO, label: str, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of each of `names` in the zip file `file`, by name; `label` names it in messages.

    Raises DataError if it is damaged, or a member is encrypted or too long.
    """
    wanted = set(names)
    found: dict[str, bytes] = {}
    refusal = DataError(f"{label} is not a readable zip file", "Download it again.")
    with parsing(refusal), zipfile.ZipFile(file) as opened:
        for member in _in_order(opened.infolist()):
            name = _plain(PurePosixPath(member.filename).name)
            if name not in wanted or name in found or member.is_dir():
                continue
            if member.flag_bits & _ENCRYPTED:
                raise DataError(f"{name} in {label} is encrypted")
            with opened.open(member) as content:
                found[name] = _bounded(cast(BinaryIO, content), PurePosixPath(member.filename).name)
    return found


def _in_order(members: list[zipfile.ZipInfo]) -> Iterator[zipfile.ZipInfo]:
    """Yield the members, least deep first; without the resource forks that macOS adds."""
    paths = sorted((member.filename.count("/"), member.filename, number) for number, member in enumerate(members))
    for _, filename, number in paths:
        if not filename.startswith("__MACOSX/"):
            yield members[number]


def _plain(name: str) -> str:
    return name.removesuffix(".gz")


def _bounded(file: BinaryIO, name: str) -> bytes:
    """Return what is in an open file, unpacked if its name ends with .gz. Raises DataError."""
    with parsing(DataError(f"{name} cannot be unpacked", "Copy or download it again.")):
        content, pieces = b"", inflated(file) if name.endswith(".gz") else plain(file)
        while len(content) <= LARGEST and (piece := next(pieces, b"")):
            content += piece
    if len(content) > LARGEST:
        raise DataError(f"{name} has more than {LARGEST:,} bytes, which no file of these data has")
    return content

"""Which files a user has named: tables only, each recognized by its first bytes, not by its name alone."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lnncmp.errors import DataError, UsageError

Kind = Literal["text", "parquet", "npz"]
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".data", ".dat", ".tab")
ENDINGS: dict[str, Kind] = {
    **{ending + packed: "text" for ending in TEXT_ENDINGS for packed in ("", ".gz")},
    **{".parquet": "parquet", ".pq": "parquet", ".npz": "npz"},
}
EXPECTED = (
    f"Expected a table: text with one row per line ({', '.join(TEXT_ENDINGS)}, also with .gz), Parquet (.parquet) or "
    "arrays of NumPy (.npz)."
)
_WORDS: dict[Kind, str] = {"text": "text", "parquet": "Parquet", "npz": "NPZ"}
_CONTENT: tuple[tuple[bytes, Kind], ...] = ((b"PAR1", "parquet"), (b"PK\x03\x04", "npz"), (b"PK\x05\x06", "npz"))
_OTHERS = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"\x93NUMPY", "one array of NumPy (.npy)"),
    (b"MATLAB 5", "a MATLAB file"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x1f\x9d", "packed in a way that is not read"),
    (b"BZh", "packed in a way that is not read"),
    (b"\xfd7zXZ", "packed in a way that is not read"),
    (b"\x28\xb5\x2f\xfd", "packed in a way that is not read"),
)
_HEAD = 16


@dataclass(frozen=True)
class TableFile:
    """A file to be read: its kind, its size in bytes, and the name of its series (the file's name without ending)."""

    path: Path
    kind: Kind
    size: int
    series: str

    @property
    def name(self) -> str:
        """The file's name without its folder, for messages."""
        return self.path.name


def find_files(named: Sequence[Path]) -> tuple[tuple[TableFile, ...], tuple[str, ...]]:
    """Return the tables that a user has named, in the given order (those of a folder by name), and notes.

    Of a folder all tables directly in it are read, if they are of one kind; hidden files and texts that may be
    descriptions (.txt beside other tables) are not. Raises UsageError for no file, DataError for what is no table.
    """
    if not named:
        raise UsageError("no file was named", EXPECTED)
    notes: list[str] = []
    paths: list[Path] = []
    for path in named:
        paths += _in_folder(path, notes) if os.path.isdir(path) else [path]  # noqa: PTH112 - which may raise
    files = tuple(_table_file(path, name) for path, name in zip(paths, _series_names(paths), strict=True))
    return files, tuple(notes)


def _series_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for the series of each file, with its folder where names alone are the same. Raises UsageError."""
    again = _repeated([os.path.realpath(path) for path in paths])
    if again:
        raise UsageError(f"{Path(again).name} was named twice", "Name each file once.")
    stems = Counter(_stem(path) for path in paths)
    names = [f"{path.parent.name}/{_stem(path)}" if stems[_stem(path)] > 1 else _stem(path) for path in paths]
    again = _repeated(names)
    if again:
        raise UsageError(f"several of the files are called {Path(again).name}", "Rename them: each is a series.")
    return names


def _repeated(names: Sequence[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _ending(path: Path) -> str | None:
    name = path.name.lower()
    return next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if name.endswith(ending)), None)


def _stem(path: Path) -> str:
    return path.name[: len(path.name) - len(_ending(path) or "")] or path.name


def _in_folder(folder: Path, notes: list[str]) -> list[Path]:
    """Return the tables of a folder by name; add to `notes` how many other files it holds."""
    called = folder.absolute().name
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    except OSError as error:
        raise DataError(f"cannot open the folder {called}: {error.strerror or error}") from error
    tables = [path for path in files if _ending(path)]
    data = [path for path in tables if not path.name.lower().endswith((".txt", ".txt.gz"))]
    tables = data or tables
    if not tables:
        raise DataError(f"the folder {called} holds no table", EXPECTED)
    by_kind = {ENDINGS[_ending(path) or ""]: path.name for path in tables}
    if len(by_kind) > 1:
        shown = " and ".join(f"{_WORDS[kind]} ({name})" for kind, name in by_kind.items())
        raise DataError(f"the folder {called} holds tables of several kinds: {shown}", "Name the files to be read.")
    if len(tables) < len(files):
        others = len(files) - len(tables)
        notes.append(f"{others} other file{'s' if others > 1 else ''} of the folder {called} not read")
    return tables


def _table_file(path: Path, series: str) -> TableFile:
    """Return the file as a table of the kind that its first bytes say. Raises DataError."""
    ending = _ending(path)
    try:
        if not path.exists():
            raise DataError(f"{path} does not exist", EXPECTED)
        if not path.is_file():
            raise DataError(f"{path.name} is not a regular file", EXPECTED)
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if not head:
        raise DataError(f"{path.name} is empty", EXPECTED)
    other = next((word for magic, word in _OTHERS if head.startswith(magic)), None)
    if other:
        raise DataError(f"{path.name} is {other}, not a table that can be read", EXPECTED)
    if ending is None:
        raise DataError(f"{path.name} has none of the endings of tables", EXPECTED)
    kind: Kind = next((kind for magic, kind in _CONTENT if head.startswith(magic)), "text")
    if kind != ENDINGS[ending]:
        raise DataError(
            f"{path.name} is not {_WORDS[ENDINGS[ending]]}: by its content it is {_of_content(kind)}",
            EXPECTED if kind == "npz" else "Rename it if that is right.",
        )
    return TableFile(path, kind, size, series)


def _of_content(kind: Kind) -> str:
    return "a zip file (of arrays, or an Excel workbook)" if kind == "npz" else _WORDS[kind]

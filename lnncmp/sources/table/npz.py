"""Arrays of NumPy in one NPZ file as the columns of a table; nothing is unpickled, and only what is asked for is read.

(T,) is a column, (T, C) are columns key_0, key_1, ... With an array (N, T, C) the file holds N series, and further
arrays are (N, T) by row, (N,) by series, or (T,) the same in every series.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.errors import DataError
from lnncmp.sources.parsing import parsing
from lnncmp.sources.table.budget import Budget
from lnncmp.sources.table.chunks import Chunk, Opened
from lnncmp.sources.table.files import TableFile

_KINDS = "biufUM"
_HEAD = 1000
_SHAPES = "Arrays should be (T,), (T, C) or (N, T, C), T rows of the same number in all."
Shape = tuple[int, ...]
Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """One column: the array that holds it, and how to take its cells (N, T) from that."""

    name: str
    key: str
    take: Callable[[Array], Array]


def open_npz(file: TableFile) -> Opened:
    """Return the arrays of `file` as columns. Raises DataError for damage, objects and shapes that do not fit."""
    shapes = _shapes(file)
    deep = [shape for shape in shapes.values() if len(shape) == 3]
    series, rows = deep[0][:2] if deep else (1, next(iter(shapes.values()))[0])
    if not rows or not series:
        raise DataError(f"{file.name} holds arrays without rows", _SHAPES)
    parts: dict[str, Part] = {}
    for key, shape in shapes.items():
        for part in _of_many(key, shape, series, rows, file) if deep else _of_one(key, shape, rows, file):
            if part.name in parts:
                raise DataError(f"{file.name} has more than one column '{part.name}'", "Rename one of its arrays.")
            parts[part.name] = part

    def chunks(names: Sequence[str], notes: list[str]) -> Iterator[Chunk]:
        cells = _cells(file, [parts[name] for name in names], series, rows)
        for number in range(series):
            yield _chunk(file, cells, number, series)

    def head(names: Sequence[str]) -> Chunk:
        return _chunk(file, _cells(file, [parts[name] for name in names], 1, min(_HEAD, rows)), 0, series)

    return Opened(file.name, tuple(parts), rows * series, head, chunks)


def _shapes(file: TableFile) -> dict[str, Shape]:
    """Return the shape of each array of `file` by key; only their headers are read, and checked against their sizes."""
    shapes: dict[str, Shape] = {}
    with _parsed(file), zipfile.ZipFile(file.path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                raise DataError(f"{file.name} is a zip file, but not of NumPy's arrays alone", "Use numpy.savez.")
            with archive.open(member) as opened:
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = read[np.lib.format.read_magic(opened)](opened)
                held = member.file_size - opened.tell()
            key = member.filename.removesuffix(".npy")
            if dtype.kind not in _KINDS or not 1 <= len(shape) <= 3:
                raise DataError(f"the array '{key}' of {file.name} is {dtype} {shape}, no column", _SHAPES)
            if np.prod(shape, dtype=object) * dtype.itemsize != held:
                raise EOFError
            shapes[key] = shape
    if not shapes:
        raise DataError(f"{file.name} holds no arrays", _SHAPES)
    return shapes


def _parsed(file: TableFile) -> AbstractContextManager[None]:
    return parsing(
        DataError(f"{file.name} is damaged: its arrays cannot be read", "Write it again with numpy.savez."),
    )


def _of_one(key: str, shape: Shape, rows: int, file: TableFile) -> list[Part]:
    if shape[0] != rows:
        raise _misfit(key, shape, f"others have {rows:,} rows", file)
    if len(shape) == 1:
        return [Part(key, key, lambda array: array[None])]
    return [Part(f"{key}_{place}", key, _column(place, None)) for place in range(shape[1])]


def _of_many(key: str, shape: Shape, series: int, rows: int, file: TableFile) -> list[Part]:
    if len(shape) == 3 and shape[:2] == (series, rows):
        return [Part(f"{key}_{place}", key, _column(place, ...)) for place in range(shape[2])]
    if shape == (series, rows):
        return [Part(key, key, lambda array: array)]
    if len(shape) == 1 and shape[0] in {series, rows}:
        if series == rows:
            raise _misfit(key, shape, f"which may go with the {series:,} series or with their {rows:,} rows", file)
        by_series = shape[0] == series
        whole = (series, rows)
        return [Part(key, key, lambda array: np.broadcast_to(array[:, None] if by_series else array[None], whole))]
    raise _misfit(key, shape, f"others hold {series:,} series of {rows:,} rows", file)


def _column(place: int, before: Any) -> Callable[[Array], Array]:
    return lambda array: array[None, :, place] if before is None else array[..., place]


def _misfit(key: str, shape: Shape, why: str, file: TableFile) -> DataError:
    return DataError(f"the array '{key}' of {file.name} is {shape}, {why}", _SHAPES)


def _cells(file: TableFile, parts: Sequence[Part], series: int, rows: int) -> dict[str, Array]:
    """Return the first rows of the first series of columns (N, T) by name. Each array is read once."""
    budget = Budget()
    cells: dict[str, Array] = {}
    with _parsed(file), np.load(file.path, allow_pickle=False) as loaded, zipfile.ZipFile(file.path) as archive:
        for key in dict.fromkeys(part.key for part in parts):
            budget.fits(file.name, archive.getinfo(f"{key}.npy").file_size)
            array = loaded[key]
            for part in parts:
                if part.key == key:
                    cells[part.name] = part.take(array)[:series, :rows].copy()
    return cells


def _chunk(file: TableFile, cells: dict[str, Array], number: int, series: int) -> Chunk:
    typed = {name: _typed(name, values[number]) for name, values in cells.items()}
    rows = np.arange(1, len(next(iter(typed.values()))) + 1)
    if series == 1:
        return Chunk(file.name, file.series, typed, rows)
    return Chunk(f"series {number} of {file.name}", f"{file.series}/{number}", typed, rows)


def _typed(name: str, values: Array) -> pl.Series:
    """Return one column as polars takes it."""
    if values.dtype.kind == "U":
        return pl.Series(name, values.tolist(), pl.String)
    if values.dtype.kind == "M":
        return pl.Series(name, values.astype("M8[ns]"))
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float64)
    return pl.Series(name, np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False)))

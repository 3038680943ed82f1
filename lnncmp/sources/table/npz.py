"""Arrays of NumPy in one NPZ file as the columns of a table; nothing is unpickled.

(T,) is a column, (T, C) are columns key_0, key_1, ... With an array (N, T, C) the file holds N series, and further
arrays are (N, T) by row, (N,) by series, or (T,) the same in every series.
"""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.common.memory import available_memory
from lnncmp.errors import DataError
from lnncmp.sources.table.chunks import Chunk, Opened
from lnncmp.sources.table.files import TableFile

_MEMORY_SHARE = 0.4
_KINDS = "biufUM"
_HEAD = 1000
_SHAPES = "Arrays should be (T,), (T, C) or (N, T, C), T rows of the same number in all."


@dataclass(frozen=True)
class Part:
    """One column: a view (T,) of an array for one series, (N, T) for several."""

    name: str
    values: NDArray[Any]


def open_npz(file: TableFile) -> Opened:
    """Return the arrays of `file` as columns. Raises DataError for damage, objects and shapes that do not fit."""
    arrays = _arrays(file)
    deep = {key: array for key, array in arrays.items() if array.ndim == 3}
    if deep:
        series, rows = next(iter(deep.values())).shape[:2]
        parts = [part for key, array in arrays.items() for part in _of_many(key, array, series, rows, file)]
    else:
        series, rows = 1, next(iter(arrays.values())).shape[0]
        parts = [part for key, array in arrays.items() for part in _of_one(key, array, rows, file)]
    if not rows or not series:
        raise DataError(f"{file.name} holds arrays without rows", _SHAPES)
    names = tuple(part.name for part in parts)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{file.name} has more than one column '{twice}'", "Rename one of its arrays.")
    by_name = {part.name: part.values for part in parts}

    def chunk(number: int, names: Sequence[str], most: int) -> Chunk:
        cells = {name: _cells(name, by_name[name][number, :most]) for name in names}
        called = file.series if series == 1 else f"{file.series}/{number}"
        within = file.name if series == 1 else f"series {number} of {file.name}"
        return Chunk(within, called, cells, np.arange(1, min(most, rows) + 1))

    def chunks(names: Sequence[str], notes: list[str]) -> Iterator[Chunk]:
        for number in range(series):
            yield chunk(number, names, rows)

    return Opened(file.name, names, rows * series, lambda names: chunk(0, names, _HEAD), chunks)


def _arrays(file: TableFile) -> dict[str, NDArray[Any]]:
    """Return the arrays of `file` by key, after checking that they fit into memory."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = archive.infolist()
        if not members or any(not member.filename.endswith(".npy") for member in members):
            raise DataError(f"{file.name} is a zip file, but not one of NumPy's arrays", "Write it with numpy.savez.")
        size, free = sum(member.file_size for member in members), available_memory()
        if size > _MEMORY_SHARE * free:
            needed = size / 1e9 / _MEMORY_SHARE
            raise DataError(f"{file.name} would need {needed:,.1f} GB of memory, {free / 1e9:,.1f} GB are free")
        with np.load(file.path, allow_pickle=False) as loaded:
            arrays = {key: loaded[key] for key in loaded.files}
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, OSError, SyntaxError):
        raise DataError(
            f"{file.name} is damaged or holds objects: its arrays cannot be read",
            "Save plain arrays of numbers, texts or times.",
        ) from None
    except (MemoryError, OverflowError):
        raise DataError(f"{file.name} holds an array that does not fit into memory") from None
    for key, array in arrays.items():
        if array.dtype.kind not in _KINDS or not 1 <= array.ndim <= 3:
            raise DataError(f"the array '{key}' of {file.name} is {array.dtype} {array.shape}, no column", _SHAPES)
    return arrays


def _of_one(key: str, array: NDArray[Any], rows: int, file: TableFile) -> list[Part]:
    if len(array) != rows:
        raise _misfit(key, array, f"others have {rows:,} rows", file)
    if array.ndim == 1:
        return [Part(key, array[None])]
    return [Part(f"{key}_{place}", array[None, :, place]) for place in range(array.shape[1])]


def _of_many(key: str, array: NDArray[Any], series: int, rows: int, file: TableFile) -> list[Part]:
    if array.ndim == 3 and array.shape[:2] == (series, rows):
        return [Part(f"{key}_{place}", array[..., place]) for place in range(array.shape[2])]
    if array.shape == (series, rows):
        return [Part(key, array)]
    if array.ndim == 1 and len(array) in {series, rows}:
        if series == rows:
            raise _misfit(key, array, f"which may go with the {series:,} series or with their {rows:,} rows", file)
        whole = array[:, None] if len(array) == series else array[None]
        return [Part(key, np.broadcast_to(whole, (series, rows)))]
    raise _misfit(key, array, f"others hold {series:,} series of {rows:,} rows", file)


def _misfit(key: str, array: NDArray[Any], why: str, file: TableFile) -> DataError:
    return DataError(f"the array '{key}' of {file.name} is {array.shape}, {why}", _SHAPES)


def _cells(name: str, values: NDArray[Any]) -> pl.Series:
    """Return one column as polars takes it."""
    if values.dtype.kind == "U":
        return pl.Series(name, values.tolist(), pl.String)
    if values.dtype.kind == "M":
        return pl.Series(name, values.astype("M8[ns]"))
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float64)
    return pl.Series(name, np.ascontiguousarray(values))

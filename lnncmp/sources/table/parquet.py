"""Tables in Parquet; polars' messages, which may quote cells, stay here."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import polars as pl

from lnncmp.errors import DataError
from lnncmp.sources.parsing import parsing
from lnncmp.sources.table.chunks import Chunk, Opened
from lnncmp.sources.table.files import TableFile

_SLICE = 1 << 18
_HEAD = 1000
"""Rows of a chunk, and rows from which roles are guessed."""
_MAGIC = b"PAR1"
Result = TypeVar("Result")


def open_parquet(file: TableFile) -> Opened:
    """Return the Parquet table `file`, its columns known. Raises DataError if it is damaged or has no rows."""
    with file.path.open("rb") as opened:
        opened.seek(-len(_MAGIC), 2)
        if opened.read() != _MAGIC:
            raise DataError(f"{file.name} was cut off: it does not end as a Parquet file does", "Copy it again.")
    lazy = pl.scan_parquet(file.path, glob=False)
    columns = _tried(file, lambda: tuple(lazy.collect_schema().names()))
    rows = _tried(file, lambda: int(lazy.select(pl.len()).collect().item()))
    if not rows or not columns:
        raise DataError(f"{file.name} has {'columns and no rows' if columns else 'no columns'}")

    def head(names: Sequence[str]) -> Chunk:
        return _chunk(file, _tried(file, lambda: lazy.select(list(names)).head(_HEAD).collect()), 0)

    def chunks(names: Sequence[str], notes: list[str]) -> Iterator[Chunk]:
        # Whole: a slice of a large group of rows would unpack the group each time.
        frame = _tried(file, lambda: lazy.select(list(names)).collect())
        for start in range(0, rows, _SLICE):
            yield _chunk(file, frame[start : start + _SLICE], start)

    return Opened(file.name, columns, rows, head, chunks)


def _chunk(file: TableFile, frame: pl.DataFrame, start: int) -> Chunk:
    cells = {name: frame.get_column(name) for name in frame.columns}
    return Chunk(file.name, file.series, cells, np.arange(start, start + len(frame)) + 1)


def _tried(file: TableFile, read: Callable[[], Result]) -> Result:
    with parsing(DataError(f"{file.name} is damaged: it cannot be read as Parquet", "Copy it again.")):
        return read()

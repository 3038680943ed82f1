"""What every kind of file gives: its columns, and the cells of some of them chunk by chunk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.sources.table.numbers import PLAIN, Style


@dataclass(frozen=True)
class Chunk:
    """Some rows of one series of one file.

    cells: by name of the column, each R long; texts as they were written, or typed. lines: line of the file (of its
    array, its table) where each row is, counted from 1. word: what such a line is called.
    """

    file: str
    series: str
    cells: Mapping[str, pl.Series]
    lines: NDArray[np.int64]
    word: str = "row"
    style: Style = PLAIN

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.lines)

    def where(self, row: int) -> str:
        """Return where a row is, for messages."""
        return f"{self.word} {self.lines[row]} of {self.file}"


@dataclass(frozen=True)
class Opened:
    """A file whose columns are known and whose rows are still to be read.

    columns: in their order. unnamed: those that had no name of their own. rows: number of rows, as far as it can be
    told beforehand. head: first cells of some columns, from which roles are guessed. notes: what is unusual about
    it, said before reading. read: chosen columns -> chunks; more notes go to the list it is given. Raises DataError.
    """

    file: str
    columns: tuple[str, ...]
    rows: int
    head: Callable[[Sequence[str]], Chunk]
    read: Callable[[Sequence[str], list[str]], Iterator[Chunk]]
    unnamed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

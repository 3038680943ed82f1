"""Stretches of a table without a gap: what windows are cut from, and the unit in which their elapsed times are given.

Legend of shapes: T rows of a stretch, C columns.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.table.table import Series, Table

Floats = NDArray[np.float64]
_LENGTHS = ((86400.0, "day", "days"), (3600.0, "h", "h"), (60.0, "min", "min"), (1.0, "s", "s"))
_FRACTIONS = ((1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


@dataclass(frozen=True)
class Piece:
    """Rows of one series that follow one another without a gap.

    series: number of the series; first: its row that is the first here. times (T,), dt (T,): in units of elapsed time;
    dt is the time since the row before, 1 at the beginning of a series and after a gap. values (T, C), NaN = missing.
    label: what the split column says of all of these rows, None without one.
    """

    series: int
    first: int
    group: str
    times: Floats
    dt: Floats
    values: Floats
    label: str | None = None

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        """Shapes only: values and group may be patient data."""
        return f"Piece({self.values.shape})"

    def rows(self, first: int, end: int) -> "Piece":
        """Return the rows `first` up to `end` of the series, as far as they are in this piece; it may be empty."""
        inside = slice(max(first - self.first, 0), max(end - self.first, 0))
        return replace(
            self,
            first=self.first + inside.start,
            times=self.times[inside],
            dt=self.dt[inside],
            values=self.values[inside],
        )


def median_step(table: Table) -> float:
    """Return the median time from row to row over all series, 1 where no series has two rows."""
    steps = np.concatenate([np.diff(series.times) for series in table.series] or [np.zeros(0)])
    return float(np.median(steps)) if len(steps) else 1.0


def in_words(unit: float, kind: str, time: str | None) -> str:
    """Return the unit of elapsed time in words; kind: of the table's times, time: name of their column.

    >>> in_words(0.02, "seconds", "t"), in_words(3600.0, "seconds", "t"), in_words(259200.0, "seconds", "t")
    ('20 ms', '1 h', '3 days')
    >>> in_words(0.5, "number", "t"), in_words(1.0, "row", None)
    ('0.5 in t', 'row')
    """
    if kind == "row":
        return "row"
    if kind == "number":
        return f"{unit:.6g} in {time}" if time else f"{unit:.6g}"
    for length, one, several in _LENGTHS:
        if unit >= length:
            return f"{unit / length:.4g} {one if unit == length else several}"
    length, word = next((pair for pair in _FRACTIONS if unit >= pair[0]), _FRACTIONS[-1])
    return f"{unit / length:.4g} {word}"


def pieces_of(table: Table, unit: float, max_gap: float | None) -> list[Piece]:
    """Return the pieces of all series in order; an elapsed time over `max_gap` units begins a new one (None: never).

    Where the table has a split column, rows of one piece have one label.
    """
    return [piece for number, series in enumerate(table.series) for piece in _cut(number, series, unit, max_gap)]


def gaps(table: Table, unit: float, max_gap: float) -> list[float]:
    """Return the elapsed times over `max_gap` units, in units."""
    steps = np.concatenate([np.diff(series.times) for series in table.series] or [np.zeros(0)]) / unit
    return [float(step) for step in steps[steps > max_gap]]


def _cut(number: int, series: Series, unit: float, max_gap: float | None) -> Iterator[Piece]:
    times = (series.times - (series.times[0] if len(series.times) else 0.0)) / unit
    steps = np.diff(times)
    begins = np.zeros(len(times), bool)
    begins[:1] = True
    if max_gap is not None:
        begins[1:] |= steps > max_gap
    if series.split is not None:
        begins[1:] |= series.split[1:] != series.split[:-1]
    dt = np.ones(len(times))
    dt[1:] = np.where(begins[1:], 1.0, steps)
    edges = [*np.flatnonzero(begins).tolist(), len(times)]
    for first, end in itertools.pairwise(edges):
        rows = slice(first, end)
        label = None if series.split is None else str(series.split[first])
        yield Piece(number, first, series.group, times[rows], dt[rows], series.values[rows], label)


def lengths(pieces: Sequence[Piece]) -> dict[int, int]:
    """Return how many rows each series has, by its number."""
    found: dict[int, int] = {}
    for piece in pieces:
        found[piece.series] = max(found.get(piece.series, 0), piece.first + len(piece))
    return found

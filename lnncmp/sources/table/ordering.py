"""Rows into series in the order of time: sorted where they go backwards, the first kept of each repeated time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
MOST_REPEATED = 0.5
"""Share of rows of a repeated time above which the times cannot be those of the series."""


@dataclass(frozen=True)
class Ordered:
    """The rows of each series in the order of time, the series in the order of their first rows.

    rows: (S arrays) numbers of the rows that are kept. backwards: rows that came before the row above them.
    repeated: rows left out, as their time was taken.
    """

    rows: tuple[Integers, ...]
    groups: tuple[int, ...]
    backwards: int
    repeated: int


def ordered(groups: NDArray[np.int32], times: NDArray[np.int64] | NDArray[np.float64] | None) -> Ordered:
    """Return the rows of all series: groups (T,) codes, times (T,) or None for the order of the rows."""
    order = np.argsort(groups, kind="stable") if np.any(np.diff(groups) < 0) else np.arange(len(groups))
    backwards = repeated = 0
    if times is not None:
        same = np.diff(groups[order]) == 0
        falling = (np.diff(times[order]) < 0) & same
        backwards = int(falling.sum())
        if backwards:
            order = np.lexsort((times, groups))
        same = np.diff(groups[order]) == 0
        again = np.concatenate([[False], (np.diff(times[order]) == 0) & same])
        repeated = int(again.sum())
        if repeated:
            order = order[~again]
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    parts = np.split(order, starts[1:])
    return Ordered(tuple(parts), tuple(int(groups[part[0]]) for part in parts), backwards, repeated)


def steps_forwards(groups: NDArray[np.int32], times: NDArray[np.int64] | NDArray[np.float64]) -> float:
    """Return the share of steps within series that do not go backwards."""
    order = np.argsort(groups, kind="stable")
    same = np.diff(groups[order]) == 0
    steps = np.diff(times[order])[same]
    return float((steps >= 0).mean()) if len(steps) else 1.0

"""Values carried forward from row to row, and how old they are. Nothing comes from the future of a row.

Legend of shapes: T rows of one series, V columns.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def last_seen(observed: Bools) -> NDArray[np.intp]:
    """Return (T, V): the row of the latest measurement up to and including each row, -1 before the first."""
    rows = np.where(observed, np.arange(len(observed))[:, None], -1)
    return np.maximum.accumulate(rows, axis=0)


def carried(values: Floats, observed: Bools, times: Floats, cap: float) -> tuple[Floats, Floats]:
    """Return the latest values (T, V), NaN before the first, and their ages (T, V) in the unit of `times` (T,).

    An age is at most `cap`, and `cap` before the first measurement.
    """
    latest = last_seen(observed)
    known = latest >= 0
    held = np.where(known, np.take_along_axis(values, np.maximum(latest, 0), axis=0), np.nan)
    ages = np.where(known, np.minimum(times[:, None] - times[np.maximum(latest, 0)], cap), cap)
    return held, ages

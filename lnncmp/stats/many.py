"""Means and intervals of many cells of a table at once: the same bits as one at a time, in a fraction of the time."""

import math
from collections.abc import Sequence

import numpy as np

from lnncmp.stats.estimates import NO_SPREAD, as_factors
from lnncmp.stats.student import t_quantile

Interval = tuple[float, float]
_LEVEL = (1 + 0.95) / 2


def means(rows: Sequence[Sequence[float]]) -> list[float | None]:
    """Return `mean` of each of K rows of S values."""
    if not rows or not len(rows[0]):
        return [None] * len(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.add.reduce(np.asarray(rows, dtype=np.float64), axis=1) / len(rows[0])
    return [value if math.isfinite(value) else None for value in found.tolist()]


def mean_intervals(rows: Sequence[Sequence[float]]) -> list[tuple[float | None, Interval | None]]:
    """Return `mean` of each of K rows of S finite values, and the 95% interval of its `mean_estimate`."""
    if not rows or len(rows[0]) < 2:
        return [(value, None) for value in means(rows)]
    values, count = np.asarray(rows, dtype=np.float64), len(rows[0])
    with np.errstate(over="ignore", invalid="ignore"):
        middles = np.add.reduce(values, axis=1) / count
        apart = values - middles[:, np.newaxis]
        spreads = np.sqrt(np.add.reduce(apart * apart, axis=1) / (count - 1))
        rounding = NO_SPREAD * np.maximum.reduce(np.abs(values), axis=1)
    found: list[tuple[float | None, Interval | None]] = []
    for middle, spread, least in zip(middles.tolist(), spreads.tolist(), rounding.tolist(), strict=True):
        if not math.isfinite(middle) or not math.isfinite(spread):
            found.append((middle if math.isfinite(middle) else None, None))
            continue
        square = spread**2 / count if spread > least else 0.0
        below = square**2 / (count - 1.0)
        freedom = square**2 / below if below > 0 else math.inf
        half = t_quantile(_LEVEL, freedom) * math.sqrt(square) if square else 0.0
        found.append((middle, (middle - half, middle + half)))
    return found


def geometric_intervals(rows: Sequence[Sequence[float]]) -> list[tuple[float | None, Interval | None]]:
    """Return `geometric_estimate` of each of K rows of S values, of which none is NaN."""
    above = [bool(len(row)) and min(row) > 0 and max(row) < math.inf for row in rows]
    logs = [list(map(math.log, row)) for row, usable in zip(rows, above, strict=True) if usable]
    made = iter([as_factors(row, ends) for row, (_, ends) in zip(logs, mean_intervals(logs), strict=True)])
    return [next(made) if usable else (None, None) for usable in above]

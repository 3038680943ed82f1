"""Put the samples of a record on the grid that a case asks for."""

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import unknown_name

SECONDS = {"hour": 3600.0, "minute": 60.0, "event": 0.0}
"""Width of a row by grid name; 0 keeps every sample with any observation."""

ROW = 1e-6
"""Share of a row by which a sample may miss the row's beginning: rounding of the sampling interval."""


def checked_grid(name: str) -> str:
    """Return `name` if it is a grid. Raises UsageError otherwise."""
    if name not in SECONDS:
        raise unknown_name("grid", name, SECONDS)
    return name


def resample(
    layers: NDArray[np.float64], period: float, grid: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return times (T,), values (T, F) and observed (T, F) of `layers` (L, N, F), NaN where missing, `period` s apart.

    Times are hours since the record's first sample: when the row begins ("hour", "minute"), or the sample itself
    ("event"). A cell is the mean of its samples in the first layer that has any. Rows in which nothing was observed are
    kept between others and trimmed at both ends ("event": dropped everywhere). Unobserved values are NaN.
    """
    seconds = np.arange(layers.shape[1]) * period
    width = SECONDS[grid]
    if width:
        row = np.floor(seconds / width + ROW).astype(np.int64)
        values = _first([_means(layer, row) for layer in layers])
        hours = np.arange(len(values)) * width / 3600
    else:
        values, hours = _first(list(layers)), seconds / 3600
    observed = ~np.isnan(values)
    filled = np.flatnonzero(observed.any(axis=1))
    if width and len(filled):
        filled = np.arange(filled[0], filled[-1] + 1)
    return hours[filled], values[filled], observed[filled]


def _means(values: NDArray[np.float64], row: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the means (rows, F) of `values` (N, F) by `row` (N,), which never falls; NaN without values."""
    rows = int(row[-1]) + 1 if len(row) else 0
    means = np.full((rows, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        there = ~np.isnan(values[:, column])
        counts = np.bincount(row[there], minlength=rows)
        sums = np.bincount(row[there], weights=values[there, column], minlength=rows)
        means[counts > 0, column] = sums[counts > 0] / counts[counts > 0]
    return means


def _first(layers: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return `layers`, equal in shape, put together: each cell from the first that has a value there."""
    values = layers[0]
    for layer in layers[1:]:
        values = np.where(np.isnan(values), layer, values)
    return values

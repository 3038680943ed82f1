"""Error metrics: pure functions of arrays, each with its unit; lower is better for all of them.

Legend of shapes: N windows, T steps, O targets. Predictions and truth are in raw units.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.resampling import Resampling

Floats = NDArray[np.float64]


def squared_error(predicted: Floats, truth: Floats, observed: NDArray[np.bool_]) -> Floats:
    """Return the mean squared error per target (O,), over observed cells of (..., O); unit: the target's unit squared.

    A target that was never observed gives NaN; a non-finite prediction gives infinity, never a smaller error.
    """
    axes = tuple(range(truth.ndim - 1))
    difference = np.where(np.isfinite(predicted), predicted, np.inf) - np.where(observed, truth, 0.0)
    error = np.where(observed, difference, 0.0) ** 2
    count = observed.sum(axis=axes)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(error.sum(axis=axes) / count)


def mse(per_target: Floats) -> float:
    """Return the mean over observed targets of their squared errors: the published metric, in mixed squared raw units.

    Targets with large values dominate it: on Walker2d the two foot velocities contribute more than half of it.
    """
    return mean_of_known(per_target)


def nmse(per_target: Floats, target_std: Floats) -> float:
    """Return the mean over targets of squared error / training variance; no unit, 1 = as good as the training mean."""
    return mean_of_known(per_target / target_std**2)


def resampled_errors(
    predicted: Floats, truth: Floats, observed: NDArray[np.bool_], target_std: Floats, resampling: Resampling
) -> dict[str, list[float]]:
    """Return "mse" and "nmse" of (N, T, O) over bootstrap samples of the groups of windows, R values each.

    A prediction that is not finite makes those samples infinite that contain its group.
    """
    difference = np.where(np.isfinite(predicted), predicted, np.inf) - np.where(observed, truth, 0.0)
    sums = (np.where(observed, difference, 0.0) ** 2).sum(axis=1)
    errors = resampling.means(sums, observed.sum(axis=1))
    return {"mse": [mse(row) for row in errors], "nmse": [nmse(row, target_std) for row in errors]}


def mean_of_known(values: Floats) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")

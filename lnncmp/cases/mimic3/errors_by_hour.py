"""Errors of predicted patient states by hour ahead, summed by subject so that subjects can be drawn again.

Legend of shapes: N windows, K hours ahead, C core variables, G subjects, R bootstrap samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.resampling import divide, mean_known, weighted

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Sums over the observed targets of each subject: squared and absolute errors and how many, each (G, K, C)."""

    squared: Floats
    absolute: Floats
    count: Floats

    def __repr__(self) -> str:
        """Shapes only: errors and counts of single subjects are patient data."""
        return f"Sums({self.squared.shape})"

    def resampled(self, weights: Floats) -> "Sums":
        """Return the sums (R, K, C) of samples in which subject g counts weights[r, g] times."""
        return Sums(*(weighted(weights, part) for part in (self.squared, self.absolute, self.count)))

    def rmse(self) -> Floats:
        """Return the root mean squared error (G, K, C) in standard deviations, NaN where nothing was observed."""
        return divide(self.squared, self.count) ** 0.5

    def mae(self) -> Floats:
        """Return the mean absolute error (G, K, C) in standard deviations, NaN where nothing was observed."""
        return divide(self.absolute, self.count)

    def mean_rmse(self) -> Floats:
        """Return the mean over variables of the root mean squared error (G, K)."""
        return mean_known(self.rmse())

    def mean_mse(self) -> Floats:
        """Return the mean over variables of the mean squared error (G, K)."""
        return mean_known(divide(self.squared, self.count))

    def mean_nmse(self, target_std: Floats) -> Floats:
        """Return the mean over variables of mean squared error / target_std (C,) squared: the NMSE (G, K)."""
        return mean_known(divide(self.squared, self.count) / target_std**2)


def sums_by_subject(
    predicted: NDArray[np.floating], truth: NDArray[np.floating], observed: NDArray[np.bool_], subject: NDArray[np.intp]
) -> Sums:
    """Return the sums by subject of (N, K, C) predictions; subject (N,) counts from 0.

    A prediction that is not finite gives infinite sums.
    """
    groups = int(subject.max(initial=-1)) + 1
    usable = np.where(np.isfinite(predicted), predicted, np.inf).astype(np.float64)
    difference = np.where(observed, usable - np.where(observed, truth, 0.0), 0.0)
    shape = (groups, *predicted.shape[1:])
    out = Sums(np.zeros(shape), np.zeros(shape), np.zeros(shape))
    np.add.at(out.squared, subject, difference**2)
    np.add.at(out.absolute, subject, np.abs(difference))
    np.add.at(out.count, subject, observed.astype(np.float64))
    return out


def pooled(sums: Sums) -> Sums:
    """Return the sums of all subjects together, as (1, K, C)."""
    return Sums(*(part.sum(axis=0, keepdims=True) for part in (sums.squared, sums.absolute, sums.count)))

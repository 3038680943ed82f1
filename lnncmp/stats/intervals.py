"""Means and their intervals over seeds. Formulas; which to use: `lnncmp.stats`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.stats.student import t_quantile

RANDOM_SEED = 20240229
"""Seed of every random draw of this package, so that equal records give equal numbers."""

_BCA_RESAMPLES = 2000


def mean(values: Sequence[float]) -> float | None:
    """Return the mean of `values` in their unit; None for no values or if it is not finite."""
    if not len(values):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        result = mean_of(np.asarray(values, dtype=np.float64))
    return result if math.isfinite(result) else None


def spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n - 1) of `values`, 0 for fewer than two."""
    return deviation_of(np.asarray(values, dtype=np.float64)) if len(values) > 1 else 0.0


def mean_of(values: NDArray[np.float64]) -> float:
    """Return numpy's mean of at least one value, the same bits without what takes longer than a few values do."""
    return float(np.add.reduce(values)) / values.size


def deviation_of(values: NDArray[np.float64]) -> float:
    """Return numpy's sample standard deviation (n - 1) of at least two values, the same bits."""
    apart = values - mean_of(values)
    return math.sqrt(float(np.add.reduce(apart * apart)) / (values.size - 1))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return Student's t interval (low, high) of the mean of `values`, in their unit; None for fewer than two.

    Formula: mean -+ t(n - 1, (1 + confidence) / 2) * s / sqrt(n) with s the sample standard deviation (n - 1).
    None also if a value is not finite, or so large that s overflows. The low end can be negative for a positive mean.
    Example: (1, 2, 3) has mean 2, s 1, t(2, 0.975) 4.3027, hence (-0.484, 4.484).
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size < 2 or not np.isfinite(sample).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        spread = deviation_of(sample)
        half = t_quantile((1 + confidence) / 2, sample.size - 1) * spread / math.sqrt(sample.size)
        low, high = mean_of(sample) - half, mean_of(sample) + half
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def bca_interval(
    strata: Sequence[Sequence[float]], weights: Sequence[float] | None = None, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the stratified BCa bootstrap interval (Efron 1987), by `scipy.stats.bootstrap`, 2,000 resamples.

    strata: the values of each stratum (a data set, or a model), which are resampled apart. The statistic is the sum of
    the strata's means times `weights`: by default their mean, so that each stratum counts the same; (-1, 1) gives the
    difference of two models. None without strata, if one has fewer than two values, or if a value is not finite.
    """
    from scipy import stats

    samples = [np.asarray(values, dtype=np.float64) for values in strata]
    if not samples or any(sample.size < 2 or not np.isfinite(sample).all() for sample in samples):
        return None
    shares = [1 / len(samples)] * len(samples) if weights is None else list(weights)
    if all(sample.min() == sample.max() for sample in samples):  # BCa's correction is 0/0 there
        middle = math.fsum(share * float(sample[0]) for share, sample in zip(shares, samples, strict=True))
        return middle, middle

    def statistic(*parts: NDArray[np.float64], axis: int = -1) -> Any:
        return np.sum([share * part.mean(axis=axis) for share, part in zip(shares, parts, strict=True)], axis=0)

    found = stats.bootstrap(
        samples,
        statistic,
        n_resamples=_BCA_RESAMPLES,
        confidence_level=confidence,
        vectorized=True,
        method="BCa",
        rng=np.random.default_rng(RANDOM_SEED),
    ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None

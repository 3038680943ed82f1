"""Intervals of means over seeds, and over seeds and groups of the test data. Formulas; which to use: `lnncmp.stats`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RANDOM_SEED = 20240229
"""Seed of every random draw of this package, so that equal records give equal numbers."""

_RESAMPLES = 4000
_BCA_RESAMPLES = 2000


def mean(values: Sequence[float]) -> float | None:
    """Return the mean of `values` in their unit; None for no values or if it is not finite."""
    if not len(values):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        result = float(np.mean(values))
    return result if math.isfinite(result) else None


def spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n - 1) of `values`, 0 for fewer than two."""
    return float(np.std(np.asarray(values, dtype=np.float64), ddof=1)) if len(values) > 1 else 0.0


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return Student's t interval (low, high) of the mean of `values`, in their unit; None for fewer than two.

    Formula: mean -+ t(n - 1, (1 + confidence) / 2) * s / sqrt(n) with s the sample standard deviation (n - 1).
    None also if a value is not finite, or so large that s overflows. The low end can be negative for a positive mean.
    Example: (1, 2, 3) has mean 2, s 1, t(2, 0.975) 4.3027, hence (-0.484, 4.484).
    """
    from scipy import stats

    sample = np.asarray(values, dtype=np.float64)
    if sample.size < 2 or not np.isfinite(sample).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        spread = sample.std(ddof=1)
        half = float(stats.t.ppf((1 + confidence) / 2, sample.size - 1)) * float(spread) / math.sqrt(sample.size)
        low, high = float(sample.mean()) - half, float(sample.mean()) + half
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def bca_interval(strata: Sequence[Sequence[float]], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the stratified BCa bootstrap interval of a mean (Efron 1987), by `scipy.stats.bootstrap`, 2,000 resamples.

    strata: the values of each stratum (for example of each data set), which are resampled apart; the statistic is the
    mean of the strata's means, so that each stratum counts the same. One stratum gives the ordinary interval.
    None without strata, if one has fewer than two values, or if a value is not finite.
    """
    from scipy import stats

    samples = [np.asarray(values, dtype=np.float64) for values in strata]
    if not samples or any(sample.size < 2 or not np.isfinite(sample).all() for sample in samples):
        return None
    if all(sample.min() == sample.max() for sample in samples):  # BCa's correction is 0/0 there
        middle = float(np.mean([sample[0] for sample in samples]))
        return middle, middle

    def statistic(*parts: NDArray[np.float64], axis: int = -1) -> Any:
        return np.mean([part.mean(axis=axis) for part in parts], axis=0)

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


def two_level(
    replicates: Sequence[Sequence[float]], confidence: float = 0.95
) -> tuple[tuple[float, float], float] | None:
    """Return interval and two-sided p (against 0) of a mean whose uncertainty has two levels: seeds and groups.

    The interval is of percentiles of `two_level_means`, p twice the smaller share of draws beyond 0, one draw
    added to each so that it is never 0. None for fewer than two seeds or a value that is not finite.
    """
    means = two_level_means(replicates)
    if means is None:
        return None
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return (float(low), float(high)), min(1.0, 2.0 * min(share_beyond(means, 0.0)))


def two_level_means(replicates: Sequence[Sequence[float]]) -> NDArray[np.float64] | None:
    """Return 4,000 bootstrap draws of a mean over seeds and groups; None as in `two_level`.

    replicates (S, R): for each of S seeds, the value over R bootstrap samples of the groups of the test data, the same
    samples for all seeds. Each draw takes one sample of the groups and S seeds with replacement (Davison and
    Hinkley 1997, section 3.8).
    """
    values = np.asarray(replicates, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        return None
    rng = np.random.default_rng(RANDOM_SEED)
    sample = rng.integers(values.shape[1], size=_RESAMPLES)
    seeds = rng.integers(len(values), size=(_RESAMPLES, len(values)))
    drawn: NDArray[np.float64] = values[seeds, sample[:, None]].mean(axis=1)
    return drawn


def share_beyond(draws: NDArray[np.float64], value: float) -> tuple[float, float]:
    """Return the shares of `draws` not above, and not below, `value`: one-sided p, never 0 (one draw is added)."""
    count = len(draws) + 1.0
    return (float((draws <= value).sum()) + 1.0) / count, (float((draws >= value).sum()) + 1.0) / count

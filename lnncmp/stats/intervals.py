"""Intervals of means over seeds, and over seeds and groups of the test data. Formulas; which to use: `lnncmp.stats`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RANDOM_SEED = 20240229
"""Seed of every random draw of this package, so that equal records give equal numbers."""

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


@dataclass(frozen=True)
class TwoLevel:
    """A mean over seeds and groups: its value, standard error and degrees of freedom, of how many seeds."""

    mean: float
    error: float
    freedom: float
    seeds: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the t interval of the mean."""
        from scipy import stats

        half = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * self.error
        return self.mean - half, self.mean + half

    def p_above(self, value: float) -> float:
        """Return the one-sided p of the hypothesis that the mean is at most `value`: small if it is above.

        Without any spread, what the sign-flip test of as many seeds can reach.
        """
        from scipy import stats

        if self.error == 0:
            return 0.5**self.seeds if self.mean > value else 1.0
        return float(stats.t.sf((self.mean - value) / self.error, self.freedom))

    def p_below(self, value: float) -> float:
        """Return the one-sided p of the hypothesis that the mean is at least `value`: small if it is below."""
        return TwoLevel(-self.mean, self.error, self.freedom, self.seeds).p_above(-value)

    def p_differs(self, value: float = 0.0) -> float:
        """Return the two-sided p of the hypothesis that the mean is `value`."""
        return min(1.0, 2.0 * min(self.p_above(value), self.p_below(value)))


def two_level_mean(replicates: Sequence[Sequence[float]], mean: float | None = None) -> TwoLevel | None:
    """Return a mean whose uncertainty has two levels: seeds, and groups of the test data.

    replicates (S, R): for each of S seeds, the value over R bootstrap samples of the groups, the same samples for all
    seeds. The squared error is s^2 / S + b^2, with s the standard deviation over seeds and b that over the samples of
    the mean over seeds; its degrees of freedom are Satterthwaite's (1946), those of b taken as many: S - 1 where seeds
    decide, ever more where groups do. mean: the value itself, the mean of the replicates if None.
    None for fewer than two seeds or samples, or a value that is not finite.
    """
    values = np.asarray(replicates, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        return None
    seeds = len(values)
    between_seeds = float(values.mean(axis=1).var(ddof=1)) / seeds
    square = between_seeds + float(values.mean(axis=0).var(ddof=1))
    freedom = square**2 / (between_seeds**2 / (seeds - 1)) if between_seeds > 0 else math.inf
    return TwoLevel(float(values.mean()) if mean is None else mean, math.sqrt(square), freedom, seeds)


def two_level(
    replicates: Sequence[Sequence[float]], confidence: float = 0.95
) -> tuple[tuple[float, float], float] | None:
    """Return interval and two-sided p (against 0) of `two_level_mean`; None as there."""
    found = two_level_mean(replicates)
    return None if found is None else (found.interval(confidence), found.p_differs())

"""Means and differences with their standard errors: over seeds, groups of the test data, data sets.

Everything that tables and claims test is a `MeanEstimate` of this module: Welch's (1947) t test and its relatives,
with Satterthwaite's (1946) degrees of freedom. Why these: `docs/statistics.md`.
Legend of shapes: S runs of one model, R bootstrap samples of the groups of the test data.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.stats.intervals import deviation_of, mean_of
from lnncmp.stats.student import t_above, t_quantile

Floats = NDArray[np.float64]
Samples = Sequence[Sequence[float]]
"""For each of S runs the value over R bootstrap samples of the groups, the same samples for all runs; () if unknown."""

MIN_DATA_SETS = 3
"""Fewest data sets that are pooled: two have one degree of freedom between them and show nothing."""

_LARGEST_LOG = 700.0
"""Logarithms up to this size are of numbers that a float can hold."""

NO_SPREAD = 1e-12
"""A standard error below this share of the values is rounding."""


@dataclass(frozen=True)
class MeanEstimate:
    """A mean, or difference of means: its value, standard error, degrees of freedom.

    least: what a one-sided p is where there is no spread at all: as a permutation test of as many runs. lasting: the
    part of the standard error that more seeds do not lessen (groups of the test data, data sets), 0 if there is none.
    """

    value: float
    error: float
    freedom: float
    least: float
    lasting: float = 0.0

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the t interval."""
        half = t_quantile((1 + confidence) / 2, self.freedom) * self.error if self.error else 0.0
        return self.value - half, self.value + half

    def p_above(self, value: float) -> float:
        """Return the one-sided p of the hypothesis that the true value is at most `value`: small if it is above."""
        if self.error == 0:
            return self.least if self.value > value else 1.0
        return t_above((self.value - value) / self.error, self.freedom)

    def p_below(self, value: float) -> float:
        """Return the one-sided p of the hypothesis that the true value is at least `value`: small if it is below."""
        return MeanEstimate(-self.value, self.error, self.freedom, self.least).p_above(-value)

    def p_differs(self, value: float = 0.0) -> float:
        """Return the two-sided p of the hypothesis that the true value is `value`."""
        return min(1.0, 2.0 * min(self.p_above(value), self.p_below(value)))

    def p_within(self, margin: float, value: float = 0.0) -> float:
        """Return the p of a true value at least `margin` (> 0) away from `value`: small if it is nearer.

        Two one-sided tests (Schuirmann 1987), each at the level of the test without halving; the larger p counts.
        """
        return max(self.p_above(value - margin), self.p_below(value + margin))

    def p_beyond(self, margin: float, value: float = 0.0) -> float:
        """Return the two-sided p of a true value within `margin` of `value`: small if it is beyond on either side."""
        return min(1.0, 2.0 * min(self.p_above(value + margin), self.p_below(value - margin)))


def mean_estimate(values: Sequence[float], samples: Samples = ()) -> MeanEstimate | None:
    """Return the mean of the values of S runs, or of S differences paired by seed.

    The squared error is s^2 / S + b^2, with s the standard deviation over runs and b that over the bootstrap samples
    of the mean over runs, taken as known. None for fewer than two values, or one that is not finite.
    """
    return _estimate([(1.0, values, samples)], least=0.5 ** len(values))


def geometric_estimate(
    values: Sequence[float], samples: Samples = ()
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the geometric mean of the values of S runs and its 95% interval: that of their logarithms, as a factor.

    Both are above zero, whatever the spread. The mean is None without values, or where one is not finite or not above
    zero; the interval also under two. Samples (as in `mean_estimate`) count if all of them are above zero.
    Example: (1, 100) has mean 10; its logarithms have mean 2.3 and standard error 2.3, hence (2e-12, 5e+13).
    """
    if not len(values) or not all(0 < value < math.inf for value in values):
        return None, None
    logs = [math.log(value) for value in values]
    positive = all(0 < value < math.inf for row in samples for value in row)
    found = mean_estimate(logs, [[math.log(value) for value in row] for row in samples] if positive else ())
    return as_factors(logs, None if found is None else found.interval())


def as_factors(
    logs: Sequence[float], ends: tuple[float, float] | None
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the geometric mean of numbers with these logarithms, and as factors the ends of an interval of its own."""
    mean = math.exp(math.fsum(logs) / len(logs))
    if ends is None:
        return mean, None
    low, high = ends
    return mean, (math.exp(low), math.exp(high)) if max(-low, high) < _LARGEST_LOG else None


def difference(
    left: Sequence[float], right: Sequence[float], left_samples: Samples = (), right_samples: Samples = ()
) -> MeanEstimate | None:
    """Return the mean of `right` minus that of `left`, of independent runs; Welch's t test where samples are missing.

    The bootstrap samples are the same for both, so what a group does to both models alike cancels. None as in
    `mean_estimate`, for either side.
    """
    if bool(left_samples) != bool(right_samples):
        left_samples, right_samples = (), ()
    least = 1 / math.comb(len(left) + len(right), len(left))
    return _estimate([(-1.0, left, left_samples), (1.0, right, right_samples)], least)


def _estimate(sides: Sequence[tuple[float, Sequence[float], Samples]], least: float) -> MeanEstimate | None:
    if any(len(values) < 2 or not all(map(math.isfinite, values)) for _, values, _ in sides):
        return None
    arrays = [np.asarray(values, dtype=np.float64) for _, values, _ in sides]
    with np.errstate(over="ignore", invalid="ignore"):
        value = float(sum(sign * mean_of(one) for (sign, *_), one in zip(sides, arrays, strict=True)))
        parts = [(_variance(one) / one.size, one.size - 1.0) for one in arrays]
    if not math.isfinite(value) or not all(math.isfinite(part) for part, _ in parts):
        return None
    lasting = _over_groups(sides)
    return _with_error(value, [*parts, (lasting, math.inf)], least, math.sqrt(lasting))


def _variance(values: Floats) -> float:
    spread = deviation_of(values)
    return spread**2 if spread > NO_SPREAD * float(np.maximum.reduce(np.abs(values))) else 0.0


def _over_groups(sides: Sequence[tuple[float, Sequence[float], Samples]]) -> float:
    """Return the variance over bootstrap samples of the mean or difference of means, 0 without samples."""
    if not all(len(samples) and len(samples[0]) > 1 for *_, samples in sides):
        return 0.0
    means: Floats = np.sum([sign * np.mean(np.asarray(samples), axis=0) for sign, _, samples in sides], axis=0)
    return float(means.var(ddof=1)) if np.isfinite(means).all() else 0.0


def _with_error(value: float, parts: Sequence[tuple[float, float]], least: float, lasting: float) -> MeanEstimate:
    """Return the estimate whose squared error is the sum of independent parts: (variance, degrees of freedom)."""
    square = math.fsum(part for part, _ in parts)
    below = math.fsum(part**2 / freedom for part, freedom in parts)
    return MeanEstimate(value, math.sqrt(square), square**2 / below if below > 0 else math.inf, least, lasting)


def pooled(estimates: Sequence[MeanEstimate]) -> MeanEstimate | None:
    """Return the mean of independent estimates, each counting the same, over just these; None without any."""
    if not estimates:
        return None
    count = len(estimates)
    parts = [((one.error / count) ** 2, one.freedom) for one in estimates]
    lasting = math.sqrt(math.fsum(one.lasting**2 for one in estimates)) / count
    least = math.prod(one.least for one in estimates)
    return _with_error(math.fsum(one.value for one in estimates) / count, parts, least, lasting)


def over_data_sets(estimates: Sequence[MeanEstimate]) -> MeanEstimate | None:
    """Return the mean over data sets drawn alike, each with its estimate over seeds: what another data set would give.

    The spread of D estimates holds both, data sets and seeds: error^2 = s^2 / D with D - 1 degrees of freedom. Where
    chance makes that smaller than the error over seeds alone (`pooled`), the latter counts. None under three.
    """
    within = pooled(estimates)
    if within is None or len(estimates) < MIN_DATA_SETS:
        return None
    values = np.array([one.value for one in estimates], dtype=np.float64)
    square = _variance(values) / len(values)
    if square <= within.error**2:
        return within
    lasting = math.sqrt(square - within.error**2 + within.lasting**2)
    return MeanEstimate(within.value, math.sqrt(square), len(values) - 1.0, within.least, lasting)

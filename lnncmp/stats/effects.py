"""How large: interquartile mean, probability of improvement, noise slope, seeds that a difference would need."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lnncmp.stats.correction import MIN_SEEDS, SIGNIFICANCE

MOST_SEEDS = 1000
"""The largest number of seeds that is asked for: nobody would run more."""


def interquartile_mean(values: Sequence[float]) -> float | None:
    """Return the mean of the middle half of `values`: a quarter, rounded down, is cut from each end.

    Source: Agarwal et al. (2021). An infinite value counts as the largest; None without values, for NaN, or if one
    that is not finite is left.
    Example: of (1, 2, 3, 4, 100, 0) one is cut at each end: (1 + 2 + 3 + 4) / 4 = 2.5.
    """
    from scipy import stats

    if not len(values) or any(math.isnan(value) for value in values):
        return None
    with np.errstate(invalid="ignore"):
        middle = float(stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25))
    return middle if math.isfinite(middle) else None


def probability_of_improvement(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Return how often a run of `left` has a lower value than one of `right`, over all pairs; ties count half.

    The Mann-Whitney statistic over its maximum, as in Agarwal et al. (2021). Infinite values are the largest.
    None if one side is empty or has a NaN. Example: (1, 3) against (2, 4) is 3 of 4.
    """
    from scipy import stats

    if not len(left) or not len(right) or any(math.isnan(value) for value in (*left, *right)):
        return None
    ranked = stats.mannwhitneyu(np.asarray(right, np.float64), np.asarray(left, np.float64), method="asymptotic")
    return float(ranked.statistic) / (len(left) * len(right))


def noise_slope(levels: Sequence[float], errors: Sequence[float], clean_error: float) -> float | None:
    """Return how much of the variance of input noise reaches the normalized test error.

    levels: standard deviation sigma of the noise added to each input, in units of that input's standard deviation.
    errors: NMSE at those levels; clean_error: NMSE without noise. With d = NMSE(sigma) - NMSE(0), the slope is the
    least-squares line through the origin of d against sigma^2: sum(d sigma^2) / sum(sigma^4), over
    0 < sigma <= 0.3, where errors still grow with sigma^2. Dimensionless; lower is better: 0 = noise is ignored,
    1 = all of it is passed on (as persistence does, which repeats the last value). It can be negative.
    None if no level is in that range or a value is not finite.
    """
    points = [(level**2, error - clean_error) for level, error in zip(levels, errors, strict=True) if 0 < level <= 0.3]
    if not points or not all(math.isfinite(change) for _, change in points):
        return None
    return math.fsum(change * power for power, change in points) / math.fsum(power**2 for power, _ in points)


def seeds_needed(
    spreads: Sequence[float],
    difference: float,
    *,
    level: float = SIGNIFICANCE,
    power: float = 0.8,
    lasting: float = 0.0,
) -> int | None:
    """Return at how many seeds of each model a true difference of their means would be found with this power.

    spreads: standard deviation over the seeds of each model (one of them for the mean of one model). lasting: the part
    of the standard error that more seeds do not lessen. All and `difference` > 0 in one unit. Two-sided t test at
    `level`, noncentral t (scipy), Satterthwaite's degrees of freedom. At least six seeds; None if more than 1,000 would
    be needed.
    """
    from scipy import stats

    if not difference > 0 or not all(map(math.isfinite, spreads)) or not 0 < level < 1:
        return None
    seeds = np.arange(MIN_SEEDS, MOST_SEEDS + 1)
    squares = [spread**2 for spread in spreads]
    error = np.sqrt(sum(squares) / seeds + lasting**2)
    below = sum(square**2 for square in squares) / seeds**2 / (seeds - 1)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        freedom = np.where(below > 0, error**4 / below, 1e6)
        shift = np.where(error > 0, difference / np.where(error > 0, error, 1.0), np.inf)
    critical = stats.t.ppf(1 - level / 2, freedom)
    reached = np.where(shift > 50, 1.0, stats.nct.sf(critical, freedom, np.minimum(shift, 50.0)))
    enough = np.flatnonzero(reached >= power)
    return int(seeds[enough[0]]) if enough.size else None


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the models on the front, from cheap to costly. points: model -> (cost, error), lower is better in both.

    A model is on the front if no other one is at least as good in both and better in one.

    >>> pareto_front({"a": (1.0, 3.0), "b": (2.0, 1.0), "c": (2.0, 2.0)})
    ['a', 'b']
    """
    front = [
        name
        for name, (cost, error) in points.items()
        if not any(c <= cost and e <= error and (c, e) != (cost, error) for c, e in points.values())
    ]
    return sorted(front, key=lambda name: points[name])

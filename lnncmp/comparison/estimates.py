"""Means and intervals over seeds, for the cells of a table: of one quantity, or of many at once."""

import math
from collections.abc import Mapping, Sequence

from lnncmp import stats
from lnncmp.comparison.table import Estimate


def estimate(by_seed: Mapping[int, float], replicates: Mapping[int, Sequence[float]] | None = None) -> Estimate:
    """Return means and 95% intervals of one value per seed; all are None if a value is not finite.

    replicates: the value over bootstrap samples of the test groups, by seed; where every seed has them the interval is
    of seeds and groups, else of seeds.
    """
    seeds = sorted(by_seed)
    values = [by_seed[seed] for seed in seeds]
    if not replicates or not all(map(replicates.get, seeds)) or not all(map(math.isfinite, values)):
        return estimates([by_seed])[0]
    samples = [replicates[seed] for seed in seeds]
    return _estimate(seeds, values, stats.mean_estimate(values, samples), stats.geometric_estimate(values, samples))


def estimates(each: Sequence[Mapping[int, float]]) -> list[Estimate]:
    """Return `estimate` without replicates of several quantities, at once for all that have as many seeds."""
    found = [Estimate()] * len(each)
    by_count: dict[int, list[tuple[int, list[int], list[float]]]] = {}
    for number, by_seed in enumerate(each):
        seeds = sorted(by_seed)
        values = [by_seed[seed] for seed in seeds]
        if all(map(math.isfinite, values)):
            by_count.setdefault(len(seeds), []).append((number, seeds, values))
        else:
            shown = [value if math.isfinite(value) else None for value in values]
            found[number] = Estimate(values=shown, seeds=seeds)
    for count, alike in by_count.items():
        rows = [values for *_, values in alike] if count else []
        made = zip(alike, stats.mean_estimates(rows), stats.geometric_estimates(rows), strict=True) if rows else ()
        for (number, seeds, values), mean, geometric in made:
            found[number] = _estimate(seeds, values, mean, geometric)
    return found


def _estimate(
    seeds: list[int],
    values: Sequence[float],
    found: stats.MeanEstimate | None,
    geometric: tuple[float | None, tuple[float, float] | None],
) -> Estimate:
    return Estimate(
        mean=found.value if found is not None else stats.mean(values),
        ci95=found and found.interval(),
        geometric_mean=geometric[0],
        geometric_ci95=geometric[1],
        values=list(values),
        seeds=seeds,
    )

"""Means and intervals over seeds, for the cells of a table: of one quantity, or of many at once."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lnncmp import stats
from lnncmp.comparison.table import Estimate, Interval

BySeed = Mapping[int, float]
Replicates = Mapping[int, Sequence[float]]


class Cell(NamedTuple):
    """What an `Estimate` holds, not checked: the same fields."""

    mean: float | None
    ci95: Interval | None
    geometric_mean: float | None
    geometric_ci95: Interval | None
    values: Sequence[float | None]
    seeds: list[int]


def estimate(by_seed: BySeed, replicates: Replicates | None = None) -> Estimate:
    """Return means and 95% intervals of one value per seed; all are None if a value is not finite.

    replicates: the value over bootstrap samples of the test groups, by seed; where every seed has them the interval is
    of seeds and groups, else of seeds.
    """
    return estimates([by_seed], [replicates or {}])[0]


def estimates(each: Sequence[BySeed], replicates: Sequence[Replicates] = ()) -> list[Estimate]:
    """Return `estimate` of several quantities, at once for all that have as many seeds and no replicates.

    replicates: of the first of them.
    """
    sampled: dict[int, Estimate] = {}
    for number, (by_seed, samples) in enumerate(zip(each, replicates, strict=False)):
        usable = samples and all(map(samples.get, by_seed)) and all(map(math.isfinite, by_seed.values()))
        if usable:
            sampled[number] = _sampled(by_seed, samples)
    rest = iter(cells([by_seed for number, by_seed in enumerate(each) if number not in sampled]))
    return [sampled.get(number) or Estimate(**next(rest)._asdict()) for number in range(len(each))]


def cells(each: Sequence[BySeed]) -> list[Cell]:
    """Return what `estimates` without replicates holds."""
    found: list[Cell] = [Cell(None, None, None, None, [], [])] * len(each)
    by_count: dict[int, list[tuple[int, list[int], list[float]]]] = {}
    for number, by_seed in enumerate(each):
        seeds = sorted(by_seed)
        values = [by_seed[seed] for seed in seeds]
        if all(map(math.isfinite, values)):
            by_count.setdefault(len(seeds), []).append((number, seeds, values))
        else:
            shown = [value if math.isfinite(value) else None for value in values]
            found[number] = Cell(None, None, None, None, shown, seeds)
    by_count.pop(0, None)
    for alike in by_count.values():
        rows = [values for *_, values in alike]
        made = zip(alike, stats.mean_intervals(rows), stats.geometric_intervals(rows), strict=True)
        for (number, seeds, values), mean, geometric in made:
            found[number] = Cell(*mean, *geometric, values, seeds)
    return found


def _sampled(by_seed: BySeed, replicates: Replicates) -> Estimate:
    seeds = sorted(by_seed)
    values = [by_seed[seed] for seed in seeds]
    samples = [replicates[seed] for seed in seeds]
    found = stats.mean_estimate(values, samples)
    mean, ends = stats.geometric_estimate(values, samples)
    return Estimate(
        mean=found.value if found is not None else stats.mean(values),
        ci95=found and found.interval(),
        geometric_mean=mean,
        geometric_ci95=ends,
        values=list(values),
        seeds=seeds,
    )

"""How one measure of one model changes from one set of records to the other, seed by seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lnncmp import stats
from lnncmp.comparison.contrasts.pairing import Pair
from lnncmp.comparison.groups import Arm
from lnncmp.comparison.run_metrics import COUNTS, TIMES, value_of
from lnncmp.records.schema import RunRecord

EQUAL = 1e-6
"""Largest relative difference at which two values count as the same."""


@dataclass(frozen=True)
class Changes:
    """values: left and right by seed, of the pairs without a lost run. lost: pairs in which the left, the right is.

    ratio: whether changes are logarithms of right over left (all values above zero) or right - left. replicates: the
    changes over bootstrap samples of the test groups, by seed; empty where records hold none.
    """

    measure: str
    values: Mapping[int, tuple[float, float]]
    lost: tuple[int, int]
    ratio: bool
    replicates: Sequence[Sequence[float]] = ()

    @property
    def changes(self) -> list[float]:
        """The changes, by seed."""
        return [_change(left, right, self.ratio) for left, right in self.values.values()]

    @property
    def equal(self) -> bool:
        """Whether there are pairs, and all are the same to six digits."""
        both = self.values.values()
        return bool(both) and all(abs(a - b) <= EQUAL * max(abs(a), abs(b)) for a, b in both)

    def tested(self) -> tuple[tuple[float, float] | None, float | None]:
        """Return interval and p of the mean change: over seeds, and over groups of the test data where known."""
        both = stats.two_level_mean(self.replicates, stats.mean(self.changes)) if self.replicates else None
        if both is not None:
            return both.interval(), both.p_differs()
        return stats.mean_interval(self.changes), stats.sign_flip_p(self.changes)


def changes_of(pair: Pair, measure: str) -> Changes | None:
    """Return how a measure changes; None if no run of one side holds it."""
    left, right = (_by_seed(arm, measure) for arm in pair.arms)
    if not left or not right:
        return None
    both = {seed: (left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())}
    lost = (sum(math.isinf(a) for a, _ in both.values()), sum(math.isinf(b) for _, b in both.values()))
    whole = {seed: values for seed, values in both.items() if all(map(math.isfinite, values))}
    ratio = all(a > 0 and b > 0 for a, b in whole.values())
    return Changes(measure, whole, lost, ratio, _replicates(pair, measure, list(whole), ratio))


def _change(left: float, right: float, ratio: bool) -> float:
    return math.log(right / left) if ratio else right - left


def _by_seed(arm: Arm, measure: str) -> Mapping[int, float]:
    """Return one measure by seed, infinite where the run was lost; without seeds whose record lacks it."""
    found = {seed: _value(run, measure) for seed, run in arm.by_seed.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def _value(run: RunRecord, measure: str) -> float | None:
    value = value_of(run, measure, ((), ()))
    if measure in COUNTS or measure in TIMES:
        return value or None
    if run.status != "ok":
        return math.inf
    return value if value is None or math.isfinite(value) else math.inf


def _replicates(pair: Pair, measure: str, seeds: Sequence[int], ratio: bool) -> list[list[float]]:
    """Return the change over the bootstrap samples of the test groups, by seed; nothing if a seed lacks them."""
    found = []
    for seed in seeds:
        scores = [arm.by_seed[seed].scores for arm in pair.arms]
        left, right = ([] if one is None else one.replicates.get(measure, []) for one in scores)
        usable = all(math.isfinite(value) and (value > 0 or not ratio) for value in (*left, *right))
        if not left or len(left) != len(right) or not usable:
            return []
        found.append([_change(a, b, ratio) for a, b in zip(left, right, strict=True)])
    return found

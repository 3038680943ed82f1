"""How one measure of one model changes from one set of records to the other, seed by seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lnncmp import stats
from lnncmp.comparison.contrasts.pairing import Pair
from lnncmp.comparison.groups import ModelRuns
from lnncmp.comparison.rows import replicates_by_seed
from lnncmp.comparison.run_metrics import COUNTS, value_of
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

    @property
    def mean(self) -> stats.MeanEstimate | None:
        """The mean change over the pairs: same seed, same model, so that their errors go together."""
        return stats.mean_estimate(self.changes, self.replicates)


def changes_of(pair: Pair, measure: str) -> Changes | None:
    """Return how a measure changes; None if no run of one side holds it."""
    left, right = (_by_seed(side, measure) for side in pair.sides)
    if not left or not right:
        return None
    both = {seed: (left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())}
    lost = (sum(math.isinf(a) for a, _ in both.values()), sum(math.isinf(b) for _, b in both.values()))
    whole = {seed: values for seed, values in both.items() if all(map(math.isfinite, values))}
    ratio = all(a > 0 and b > 0 for a, b in whole.values())
    ours, theirs = (replicates_by_seed(side.by_seed.values(), measure) for side in pair.sides)
    replicates = _replicates(ours, theirs, list(whole), ratio)
    return Changes(measure, whole, lost, ratio, replicates)


def _replicates(
    left: Mapping[int, Sequence[float]], right: Mapping[int, Sequence[float]], seeds: Sequence[int], ratio: bool
) -> list[list[float]]:
    """Return the changes over bootstrap samples, by seed; empty if a seed lacks samples or a change is not known."""
    found = []
    for seed in seeds:
        ours, theirs = left.get(seed, ()), right.get(seed, ())
        if not ours or len(ours) != len(theirs):
            return []
        row = [_known_change(a, b, ratio) for a, b in zip(ours, theirs, strict=True)]
        if any(value is None for value in row):
            return []
        found.append([value for value in row if value is not None])
    return found


def _change(left: float, right: float, ratio: bool) -> float:
    return math.log(right / left) if ratio else right - left


def _known_change(left: float, right: float, ratio: bool) -> float | None:
    usable = all(math.isfinite(value) and (value > 0 or not ratio) for value in (left, right))
    return _change(left, right, ratio) if usable else None


def _by_seed(side: ModelRuns, measure: str) -> Mapping[int, float]:
    """Return one measure by seed, infinite where the run was lost; without seeds whose record lacks it."""
    found = {seed: _value(run, measure) for seed, run in side.by_seed.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def _value(run: RunRecord, measure: str) -> float | None:
    value = value_of(run, measure, ((), ()))
    if measure in COUNTS:
        return value or None
    if run.status != "ok":
        return math.inf
    return value if value is None or math.isfinite(value) else math.inf

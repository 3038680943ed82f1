"""The numbers behind a verdict: one pair of values per seed, and how far each pair speaks for the claim.

Effects are natural logarithms of the ratio of the two values, or their difference; positive is in the claim's favour.
A run that diverged, failed or gave no finite error has lost: its pair counts as the largest effect seen in that
comparison (at least the smallest effect of interest) against the model that lost, the worst rank of Lachin (1999,
"Worst-rank score analysis with informatively missing observations"). Pairs in which both lost count as no difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from lnncmp.claims.claim import Claim
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Run
from lnncmp.comparison.groups import ModelRuns
from lnncmp.comparison.paired_differences import PairedDifferences, paired_replicates
from lnncmp.comparison.rows import replicates_by_seed
from lnncmp.comparison.run_metrics import COUNTS, value_of
from lnncmp.records.schema import RunRecord


@dataclass(frozen=True)
class Evidence:
    """runs: values by seed. effects: of the pairs, in the same order. lost: runs of the left, of the right model.

    without: pairs left out because a finished run holds no such number. replicates: effects over samples
    of the test groups, by seed, empty where records hold none.
    """

    runs: tuple[Run, ...]
    effects: tuple[float, ...]
    lost: tuple[int, int] = (0, 0)
    without: int = 0
    replicates: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    @property
    def differences(self) -> PairedDifferences:
        """The effects, to be tested."""
        return PairedDifferences(self.effects, self.replicates)

    def values(self, side: str) -> list[float]:
        """Return the values of "left" or "right", infinite where the run lost."""
        found = [getattr(run, side) for run in self.runs]
        return [math.inf if value is None else value for value in found]


def smallest_effect(claim: Claim) -> float:
    """Return the smallest effect of interest, which is also the margin of equivalence."""
    return math.log(claim.matters) if claim.scale == "ratio" else claim.matters


def claimed_effect(claim: Claim) -> float:
    """Return the effect that the claim itself names: 0, or the logarithm of its factor."""
    return math.log(claim.at_least)


def effect(claim: Claim, left: float, right: float) -> float | None:
    """Return how far a pair of values speaks for the claim; None for a ratio of values that are not positive."""
    sign = -1.0 if claim.direction == "higher" else 1.0
    if claim.scale == "difference":
        return sign * (right - left)
    return sign * math.log(right / left) if left > 0 and right > 0 else None


def gather(claim: Claim, pair: ClaimPair) -> Evidence:
    """Return the evidence of two models of one group on the claim's measure, paired by seed."""
    pairs, without = [], 0
    for seed in pair.seeds:
        left, right = pair.left.by_seed[seed], pair.right.by_seed[seed]
        values = [_value(claim, run) for run in (left, right)]
        if any(math.isnan(value) for value in values):
            without += 1
            continue
        pairs.append((seed, values[0], values[1]))
    return _evidence(claim, pairs, without, _replicates(claim, pair, [seed for seed, *_ in pairs]))


def against(claim: Claim, side: ModelRuns, baseline: float) -> Evidence:
    """Return the evidence of one model against an untrained baseline, whose error has no seeds."""
    pairs = [(seed, _value(claim, run), baseline) for seed, run in sorted(side.by_seed.items())]
    known = [pair for pair in pairs if not math.isnan(pair[1])]
    return _evidence(claim, known, len(pairs) - len(known), ())


def _value(claim: Claim, run: RunRecord) -> float:
    """Return the measure of a run: infinite if the run lost, NaN if it holds no such number."""
    found = value_of(run, claim.measure, (claim.groups, claim.levels))
    if claim.measure in COUNTS:
        return found if found else math.nan  # a run that failed before its model was built has no parameters
    if run.status != "ok":
        return math.inf
    if found is None:
        return math.nan
    return found if math.isfinite(found) else math.inf


def _evidence(
    claim: Claim,
    pairs: Sequence[tuple[int, float, float]],
    without: int,
    replicates: tuple[tuple[float, ...], ...],
) -> Evidence:
    measured = [effect(claim, a, b) if math.isfinite(a) and math.isfinite(b) else None for _, a, b in pairs]
    usable = [
        (pair, value)
        for pair, value in zip(pairs, measured, strict=True)
        if value is not None or not (math.isfinite(pair[1]) and math.isfinite(pair[2]))
    ]
    named = claimed_effect(claim)
    worst = max([smallest_effect(claim), *(abs(value - named) for _, value in usable if value is not None)])
    effects, lost = [], [0, 0]
    for (_, left, right), value in usable:
        gone = (math.isinf(left), math.isinf(right))
        lost = [lost[0] + gone[0], lost[1] + gone[1]]
        effects.append(value if value is not None else named + worst * (gone[1] - gone[0]))
    runs = tuple(Run(seed=seed, left=_shown(a), right=_shown(b)) for (seed, a, b), _ in usable)
    dropped = without + len(pairs) - len(usable)
    complete = not any(lost) and not dropped
    return Evidence(runs, tuple(effects), (lost[0], lost[1]), dropped, replicates if complete else ())


def _shown(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _replicates(claim: Claim, pair: ClaimPair, seeds: Sequence[int]) -> tuple[tuple[float, ...], ...]:
    """Return the effect over the bootstrap samples of the test groups, by seed; nothing if a seed lacks them."""
    left, right = (replicates_by_seed(side.by_seed.values(), claim.measure) for side in pair.both)
    return tuple(map(tuple, paired_replicates(left, right, seeds, lambda a, b: _known_effect(claim, a, b))))


def _known_effect(claim: Claim, left: float, right: float) -> float | None:
    return effect(claim, left, right) if math.isfinite(left) and math.isfinite(right) else None

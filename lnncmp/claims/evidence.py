"""The numbers behind a verdict: one value per model and seed, on a scale that points the claim's way.

Values are natural logarithms, or the values themselves for claims of a difference, signed so that lower speaks for the
model; an effect is the right model's value minus the left one's: positive is in the claim's favour. A run that
diverged, failed or gave no finite error has lost: it counts as worse than every run of both models that finished, by
the largest distance between two of those (at least the smallest effect of interest), after the worst rank of Lachin
(1999, "Worst-rank score analysis with informatively missing observations").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from lnncmp import stats
from lnncmp.claims.claim import Claim
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Run
from lnncmp.comparison.groups import ModelRuns
from lnncmp.comparison.rows import replicates_by_seed
from lnncmp.comparison.run_metrics import COUNTS, value_of
from lnncmp.records.schema import RunRecord


@dataclass(frozen=True)
class Evidence:
    """runs: values by seed. left, right: the same for each model as they are tested, in the same order.

    lost: runs of the left, of the right model. without: pairs left out because a finished run holds no such number.
    effects: seed by seed, by which counts are judged. left_samples, right_samples: tested values over samples
    of the test groups, by seed, empty where records hold none.
    """

    runs: tuple[Run, ...]
    left: tuple[float, ...]
    right: tuple[float, ...]
    lost: tuple[int, int] = (0, 0)
    without: int = 0
    effects: tuple[float, ...] = ()
    left_samples: stats.Samples = field(default=(), repr=False)
    right_samples: stats.Samples = field(default=(), repr=False)

    @property
    def mean(self) -> stats.MeanEstimate | None:
        """The mean effect, to be tested; None under two seeds."""
        return stats.difference(self.left, self.right, self.left_samples, self.right_samples)

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


def tested_value(claim: Claim, value: float) -> float | None:
    """Return a value on the scale on which it is tested, lower speaking for its model; None if it has no logarithm."""
    if claim.scale == "difference":
        return claim.sign * value
    return claim.sign * math.log(value) if value > 0 else None


def effect(claim: Claim, left: float, right: float) -> float | None:
    """Return how far a pair of values speaks for the claim; None for a ratio of values that are not positive."""
    if claim.scale == "difference":
        return claim.sign * (right - left)
    return claim.sign * math.log(right / left) if left > 0 and right > 0 else None  # exact where a threshold is met


def gather(claim: Claim, pair: ClaimPair) -> Evidence:
    """Return the evidence of two models of one group on the claim's measure, at the seeds of both."""
    pairs, without = [], 0
    for seed in pair.seeds:
        left, right = pair.left.by_seed[seed], pair.right.by_seed[seed]
        values = [_value(claim, run) for run in (left, right)]
        if any(math.isnan(value) for value in values):
            without += 1
            continue
        pairs.append((seed, values[0], values[1]))
    return _evidence(claim, pairs, without, _samples(claim, pair, [seed for seed, *_ in pairs]))


def against(claim: Claim, side: ModelRuns, baseline: float) -> Evidence:
    """Return the evidence of one model against an untrained baseline, whose error has no seeds."""
    pairs = [(seed, _value(claim, run), baseline) for seed, run in sorted(side.by_seed.items())]
    known = [pair for pair in pairs if not math.isnan(pair[1])]
    return _evidence(claim, known, len(pairs) - len(known), ((), ()))


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
    samples: tuple[stats.Samples, stats.Samples],
) -> Evidence:
    scaled = [(_tested(claim, left), _tested(claim, right)) for _, left, right in pairs]
    usable = [number for number, values in enumerate(scaled) if None not in values]
    left = [scaled[number][0] or 0.0 for number in usable]
    right = [scaled[number][1] or 0.0 for number in usable]
    lost = (sum(map(math.isinf, left)), sum(map(math.isinf, right)))
    runs = tuple(Run(seed=pairs[n][0], left=_shown(pairs[n][1]), right=_shown(pairs[n][2])) for n in usable)
    dropped = without + len(pairs) - len(usable)
    if any(lost):
        left, right = _worst_ranks(claim, left, right)
    whole = samples if not any(lost) and not dropped else ((), ())
    known = [
        effect(claim, pairs[n][1], pairs[n][2]) if math.isfinite(pairs[n][1] + pairs[n][2]) else None for n in usable
    ]
    effects = [b - a if one is None else one for one, a, b in zip(known, left, right, strict=True)]
    return Evidence(runs, tuple(left), tuple(right), lost, dropped, tuple(effects), *whole)


def _tested(claim: Claim, value: float) -> float | None:
    """Return a value as it is tested, infinite for a run that lost, None if it has no logarithm."""
    return tested_value(claim, value) if math.isfinite(value) else math.inf


def _worst_ranks(claim: Claim, left: Sequence[float], right: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return both with a finite value for what was lost: beyond all others, a factor that the claim names aside."""
    named = claimed_effect(claim)
    shifted = [value + named for value in left]
    known = [value for value in (*shifted, *right) if math.isfinite(value)] or [0.0]
    worst = max(known) + max(smallest_effect(claim), max(known) - min(known))
    return (
        [(value if math.isfinite(value) else worst) - named for value in shifted],
        [value if math.isfinite(value) else worst for value in right],
    )


def _shown(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _samples(claim: Claim, pair: ClaimPair, seeds: Sequence[int]) -> tuple[stats.Samples, stats.Samples]:
    """Return the tested values over bootstrap samples of the test groups, by seed; nothing if a seed lacks them."""
    found = []
    for side in pair.both:
        by_seed = replicates_by_seed(side.by_seed.values(), claim.measure)
        rows = [[_tested(claim, value) for value in by_seed.get(seed, ())] for seed in seeds]
        known = [[value for value in row if value is not None and math.isfinite(value)] for row in rows]
        found.append(known)
        if any(len(whole) != len(row) or not row for whole, row in zip(known, rows, strict=True)):
            return (), ()
    return found[0], found[1]

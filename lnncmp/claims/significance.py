"""From evidence to p values: what is tested for each kind of claim. Which method and why: `lnncmp.stats`.

Each claim gives one p to the family of all claims ("first") and at most one to a second family ("second"):

    claim                first: what a small p shows          second: what a small p shows
    lower, higher        there is a difference                it is smaller than what would matter
    at least a factor    the factor is another one            -
    comparable           it is smaller than what would matter it is larger than that
    better than a        both models are better, or           -
    baseline             one of them is worse

All p are two-sided but those of equivalence, whose two one-sided tests keep the level as they are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp import stats
from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import Evidence, boundary, matters

Rows = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Tested:
    """effect: mean over pairs. spread: standard deviation over seeds; between: of the mean over the test groups."""

    pairs: int
    effect: float
    ci95: tuple[float, float] | None
    ci95_bca: tuple[float, float] | None
    first: float | None
    second: float | None
    spread: float
    between: float = 0.0

    @property
    def over_groups(self) -> bool:
        """Whether groups of the test data were resampled too."""
        return self.between > 0


def weigh(claim: Claim, evidence: Evidence) -> Tested | None:
    """Return what the evidence says on a claim about two models; None without a pair."""
    if not evidence.effects:
        return None
    named, margin = boundary(claim), matters(claim)
    shifted = [value - named for value in evidence.effects]
    rows = [[value - named for value in row] for row in evidence.replicates]
    if claim.direction == "comparable":
        first, second = _equivalent(shifted, rows, margin), _beyond(shifted, rows, margin)
    else:
        first = _differs(shifted, rows)
        second = _equivalent(shifted, rows, margin) if claim.at_least == 1 else None
    return _tested(evidence, first, second)


def weigh_against_baseline(left: Evidence, right: Evidence) -> tuple[Tested, int] | None:
    """Return what is said of two models that both should beat a baseline, and which is the weaker: 0 left, 1 right.

    Both are better: the larger of the two p (intersection-union test). One is worse: its p, doubled, because the
    weaker was chosen by looking. None without a run of one of them.
    """
    if not left.effects or not right.effects:
        return None
    tested = [_tested(side, stats.sign_flip_p(side.effects), None) for side in (left, right)]
    weaker = min((0, 1), key=lambda side: tested[side].effect)
    p_values = [one.first for one in tested]
    if None in p_values:
        first = None
    elif tested[weaker].effect > 0:
        first = max(p for p in p_values if p is not None)
    else:
        first = min(1.0, 2 * (p_values[weaker] or 0.0))
    chosen = tested[weaker]
    pairs = min(one.pairs for one in tested)
    return (
        Tested(pairs, chosen.effect, chosen.ci95, chosen.ci95_bca, first, None, chosen.spread),
        weaker,
    )


def _tested(evidence: Evidence, first: float | None, second: float | None) -> Tested:
    effects = list(evidence.effects)
    both = _two_level(effects, evidence.replicates)
    return Tested(
        pairs=len(effects),
        effect=_mean(effects),
        ci95=both.interval() if both is not None else stats.mean_interval(effects),
        ci95_bca=stats.bca_interval([effects]),
        first=first,
        second=second,
        spread=stats.spread(effects),
        between=stats.spread([_mean(column) for column in zip(*evidence.replicates, strict=True)]),
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _two_level(effects: Sequence[float], rows: Rows) -> stats.TwoLevel | None:
    return stats.two_level_mean(rows, _mean(effects)) if rows else None


def _differs(effects: Sequence[float], rows: Rows) -> float | None:
    both = _two_level(effects, rows)
    return both.p_differs() if both is not None else stats.sign_flip_p(effects)


def _equivalent(effects: Sequence[float], rows: Rows, margin: float) -> float | None:
    both = _two_level(effects, rows)
    return (
        max(both.p_above(-margin), both.p_below(margin)) if both is not None else stats.equivalence_p(effects, margin)
    )


def _beyond(effects: Sequence[float], rows: Rows, margin: float) -> float | None:
    """Return the two-sided p of a mean that lies within the margin: small if it is beyond on either side."""
    both = _two_level(effects, rows)
    if both is not None:
        return min(1.0, 2 * min(both.p_above(margin), both.p_below(-margin)))
    above = stats.sign_flip_p([value - margin for value in effects], "greater")
    below = stats.sign_flip_p([value + margin for value in effects], "less")
    return None if above is None or below is None else min(1.0, 2 * min(above, below))

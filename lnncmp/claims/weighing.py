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
        first, second = _equivalent(shifted, rows, margin), _beyond(shifted, margin)
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
    effects, rows = list(evidence.effects), evidence.replicates
    both = stats.two_level(rows) if rows else None
    between = 0.0
    if both is not None:
        means = [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
        between = stats.spread(means)
    return Tested(
        pairs=len(effects),
        effect=math.fsum(effects) / len(effects),
        ci95=both[0] if both is not None else stats.mean_interval(effects),
        ci95_bca=stats.bca_interval([effects]),
        first=first,
        second=second,
        spread=stats.spread(effects),
        between=between,
    )


def _differs(effects: Sequence[float], rows: Rows) -> float | None:
    both = stats.two_level(rows) if rows else None
    return both[1] if both is not None else stats.sign_flip_p(effects)


def _equivalent(effects: Sequence[float], rows: Rows, margin: float) -> float | None:
    p = stats.two_level_equivalence_p(rows, margin) if rows else None
    return p if p is not None else stats.equivalence_p(effects, margin)


def _beyond(effects: Sequence[float], margin: float) -> float | None:
    """Return the two-sided p of a mean that lies within the margin: small if it is beyond on either side."""
    above = stats.sign_flip_p([value - margin for value in effects], "greater")
    below = stats.sign_flip_p([value + margin for value in effects], "less")
    return None if above is None or below is None else min(1.0, 2 * min(above, below))

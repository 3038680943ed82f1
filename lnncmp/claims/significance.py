"""From evidence to p values: what is tested for each kind of claim. Which method and why: `lnncmp.stats`.

Each claim gives one p to the family of all claims ("p_difference") and at most one to a second family
("p_equivalence"):

    claim                p_difference: what a small p shows   p_equivalence: what a small p shows
    lower, higher        there is a difference                it is below the smallest effect of interest
    at least a factor    the factor is another one            -
    comparable           it is within the margin              it is beyond the margin
    better than a        both models are better, or           -
    baseline             one of them is worse

All p are two-sided but those of equivalence, whose two one-sided tests keep the level as they are.
"""

import math
from dataclasses import dataclass

from lnncmp import stats
from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import Evidence, claimed_effect, smallest_effect


@dataclass(frozen=True)
class Tested:
    """effect: mean over pairs. spread: standard deviation over seeds; between: of the mean over the test groups."""

    pairs: int
    effect: float
    ci95: tuple[float, float] | None
    ci95_bca: tuple[float, float] | None
    p_difference: float | None
    p_equivalence: float | None
    spread: float
    between: float = 0.0

    @property
    def over_groups(self) -> bool:
        """Whether groups of the test data were resampled too."""
        return self.between > 0


def significance_of(claim: Claim, evidence: Evidence) -> Tested | None:
    """Return what the evidence says on a claim about two models; None without a pair."""
    if not evidence.effects:
        return None
    margin, shifted = smallest_effect(claim), evidence.differences.shifted(claimed_effect(claim))
    if claim.direction == "comparable":
        return _tested(evidence, shifted.p_within(margin), shifted.p_beyond(margin))
    return _tested(evidence, shifted.p_differs(), shifted.p_within(margin) if claim.at_least == 1 else None)


def significance_against_baseline(left: Evidence, right: Evidence) -> tuple[Tested, int] | None:
    """Return what is said of two models that both should beat a baseline, and which is the weaker: 0 left, 1 right.

    Both are better: the larger of the two p (intersection-union test). One is worse: its p, doubled, because the
    weaker was chosen by looking. None without a run of one of them.
    """
    if not left.effects or not right.effects:
        return None
    tested = [_tested(side, stats.sign_flip_p(side.effects), None) for side in (left, right)]
    weaker = min((0, 1), key=lambda side: tested[side].effect)
    p_values = [one.p_difference for one in tested]
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


def _tested(evidence: Evidence, p_difference: float | None, p_equivalence: float | None) -> Tested:
    effects, differences = evidence.effects, evidence.differences
    return Tested(
        pairs=len(effects),
        effect=math.fsum(effects) / len(effects),
        ci95=differences.interval(),
        ci95_bca=stats.bca_interval([effects]),
        p_difference=p_difference,
        p_equivalence=p_equivalence,
        spread=stats.spread(effects),
        between=differences.between_groups,
    )

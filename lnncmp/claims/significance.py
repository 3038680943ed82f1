"""From evidence to p values: what is tested for each kind of claim. Which method and why: `lnncmp.stats`.

Each claim gives one p to the family of all claims ("p_difference") and at most one to a second family
("p_equivalence"):

    claim                p_difference: what a small p shows   p_equivalence: what a small p shows
    lower, higher        there is a difference                it is below the smallest effect of interest
    at least a factor    the factor is another one            -
    comparable           it is within the margin              it is beyond the margin
    not higher or lower  it is not worse by the margin        it is worse by more than the margin
    better than a        both models are better, or           -
    baseline             one of them is worse

All p are of Welch's t test, two-sided but for those of equivalence and of "not worse", whose one-sided tests keep the
level as they are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lnncmp import stats
from lnncmp.claims.claim import NOT_WORSE, Claim
from lnncmp.claims.evidence import Evidence, claimed_effect, smallest_effect


@dataclass(frozen=True)
class Tested:
    """effect: mean over seeds (over data sets where there are several). pairs: seeds of each model, on each data set.

    spreads: standard deviations over seeds of both models; lasting: the part of the standard error that more seeds do
    not lessen; groups: whether it holds that of groups of the test data.
    """

    pairs: int
    effect: float
    ci95: tuple[float, float] | None
    ci95_bca: tuple[float, float] | None
    p_difference: float | None
    p_equivalence: float | None
    spreads: tuple[float, float]
    lasting: float = 0.0
    over_groups: bool = False
    data_sets: int = 1


def significance_of(claim: Claim, evidence: Evidence, others: Sequence[Evidence] = ()) -> Tested | None:
    """Return what the evidence says on a claim about two models; None without a pair.

    others: evidence of the same comparison on other data sets, drawn alike, which is pooled with it.
    """
    found = [one for one in (evidence, *others) if one.left]
    if not evidence.left:
        return None
    means = [one.mean for one in found]
    mean = stats.over_data_sets([one for one in means if one is not None]) if None not in means else None
    if mean is None:
        found, mean = [evidence], evidence.mean
    return _tested(found, mean, *p_values(claim, mean))


def p_values(claim: Claim, mean: stats.MeanEstimate | None) -> tuple[float | None, float | None]:
    """Return p_difference and p_equivalence of a mean effect, see the table above; None where there is no test."""
    margin, at = smallest_effect(claim), claimed_effect(claim)
    if mean is None:
        return None, None
    if claim.direction == "comparable":
        return mean.p_within(margin, at), mean.p_beyond(margin, at)
    if claim.direction in NOT_WORSE:
        return mean.p_above(-margin), mean.p_below(-margin)
    return mean.p_differs(at), mean.p_within(margin, at) if claim.at_least == 1 else None


def significance_against_baseline(left: Evidence, right: Evidence) -> tuple[Tested, int] | None:
    """Return what is said of two models that both should beat a baseline, and which is the weaker: 0 left, 1 right.

    Both are better: the larger of the two p (intersection-union test). One is worse: its p, doubled, because the
    weaker was chosen by looking. None without a run of one of them.
    """
    if not left.left or not right.left:
        return None
    means = [side.mean for side in (left, right)]
    tested = [
        _tested([side], mean, None if mean is None else mean.p_differs(), None)
        for side, mean in zip((left, right), means, strict=True)
    ]
    weaker = min((0, 1), key=lambda side: tested[side].effect)
    p_values = [one.p_difference for one in tested]
    if None in p_values:
        first = None
    elif tested[weaker].effect > 0:
        first = max(p for p in p_values if p is not None)
    else:
        first = min(1.0, 2 * (p_values[weaker] or 0.0))
    return replace(tested[weaker], pairs=min(one.pairs for one in tested), p_difference=first), weaker


def _tested(
    found: Sequence[Evidence],
    mean: stats.MeanEstimate | None,
    p_difference: float | None,
    p_equivalence: float | None,
) -> Tested:
    effects = [(math.fsum(one.right) - math.fsum(one.left)) / len(one.left) for one in found]
    first = found[0]
    constant = stats.spread(first.right) == 0  # an untrained baseline has no seeds to draw again
    bca = [[b - a for a, b in zip(first.left, first.right, strict=True)]] if constant else [first.left, first.right]
    return Tested(
        pairs=min(len(one.left) for one in found),
        effect=math.fsum(effects) / len(effects),
        ci95=None if mean is None else mean.interval(),
        ci95_bca=stats.bca_interval(bca, None if constant else (-1.0, 1.0)) if len(found) == 1 else None,
        p_difference=p_difference,
        p_equivalence=p_equivalence,
        spreads=(stats.spread(first.left), stats.spread(first.right)),
        lasting=0.0 if mean is None else mean.lasting,
        over_groups=all(one.left_samples and one.right_samples for one in found),
        data_sets=len(found),
    )

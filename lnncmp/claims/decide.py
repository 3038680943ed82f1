"""The rule: from adjusted p values to a verdict. Pure, so that its error rates can be simulated."""

from collections.abc import Sequence
from typing import Literal

from lnncmp import stats
from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import claimed_effect, smallest_effect
from lnncmp.claims.schema import Judgement

Why = Literal[
    "few", "as claimed", "opposite", "negligible", "small", "less than named", "same", "apart", "open", "worse"
]
"""Which sentence explains the verdict."""


def decide(claim: Claim, pairs: int, effect: float, first: float | None, second: float | None) -> tuple[Judgement, Why]:
    """Return the verdict on a claim and why, from the p values of `significance`, corrected for all claims.

    Under six pairs there is none. A claim of a difference is supported if a difference is shown, in its direction, and
    its estimate reaches the smallest effect of interest; it is contradicted if the opposite is shown, or if any
    difference is shown to be below that effect. A claim of a factor is judged against that factor. A claim of
    comparability is supported if the difference is shown to be within the equivalence margin (the same number),
    contradicted if it is shown to be beyond. All else is inconclusive.
    """
    if pairs < stats.MIN_PAIRS:
        return "inconclusive", "few"
    shown = first is not None and first <= stats.SIGNIFICANCE
    other = second is not None and second <= stats.SIGNIFICANCE
    if claim.direction == "comparable":
        if shown:
            return "supported", "same"
        return ("contradicted", "apart") if other else ("inconclusive", "open")
    if claim.baseline is not None:
        if not shown:
            return "inconclusive", "open"
        return _if_large_enough(claim, effect) if effect > 0 else ("contradicted", "worse")
    if other:
        return "contradicted", "negligible"
    if not shown:
        return "inconclusive", "open"
    if effect > claimed_effect(claim):
        return _if_large_enough(claim, effect)
    return "contradicted", "opposite" if effect < 0 else "less than named"


def _if_large_enough(claim: Claim, effect: float) -> tuple[Judgement, Why]:
    """Return the verdict on a difference that is shown in the claim's direction, or beyond the factor it names."""
    if claim.at_least > 1 or effect >= smallest_effect(claim):
        return "supported", "as claimed"
    return "inconclusive", "small"


def decide_fact(claim: Claim, pairs: int, effects: Sequence[float], least: float) -> tuple[Judgement, Why]:
    """Return the verdict on counts, times and bytes: whether all of these effects reach `least`, or none does.

    pairs: seeds of both models; under six there is no verdict, as for all claims.
    """
    if pairs < stats.MIN_PAIRS:
        return "inconclusive", "few"
    reached = [effect >= least for effect in effects]
    if all(reached):
        return "supported", "as claimed"
    if any(reached):
        return "inconclusive", "open"
    if max(effects) < 0:
        return "contradicted", "opposite"
    return "contradicted", "less than named" if claim.at_least > 1 else "negligible"

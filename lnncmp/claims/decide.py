"""The rule: from adjusted p values to a verdict. Pure, so that its error rates can be simulated."""

from collections.abc import Sequence
from typing import Literal

from lnncmp import stats
from lnncmp.claims.claim import NOT_WORSE, Claim
from lnncmp.claims.evidence import claimed_effect, smallest_effect
from lnncmp.claims.schema import Judgement

Why = Literal[
    "few",
    "as claimed",
    "opposite",
    "opposite but negligible",
    "negligible",
    "no difference",
    "small",
    "less than named",
    "same",
    "apart",
    "open",
    "worse",
    "not worse",
    "too much worse",
]
"""Which sentence explains the verdict."""


def decide(claim: Claim, pairs: int, effect: float, first: float | None, second: float | None) -> tuple[Judgement, Why]:
    """Return the verdict on a claim and why, from the p values of `significance`, corrected for all claims.

    Under six pairs there is none. A claim of a difference is supported if a difference is shown, in its direction, and
    its estimate reaches the smallest effect of interest; it is true but negligible if a difference is shown, in its
    direction, and shown to be below that effect; the opposite holds if a difference in the other direction is shown.
    A claim of a factor is judged against that factor. A claim of comparability is supported if the difference is shown
    to be within the equivalence margin (the same number), and the opposite holds if it is shown to be beyond. A claim
    that a model is not worse is supported if it is shown to be worse by less than the margin, if at all, and the
    opposite holds if it is shown to be worse by more. All else is not shown.
    """
    if pairs < stats.MIN_SEEDS:
        return "not shown", "few"
    shown = first is not None and first <= stats.SIGNIFICANCE
    other = second is not None and second <= stats.SIGNIFICANCE
    if claim.direction == "comparable":
        if shown:
            return "supported", "same"
        return ("opposite", "apart") if other else ("not shown", "open")
    if claim.direction in NOT_WORSE:
        if shown:
            return "supported", "not worse"
        return ("opposite", "too much worse") if other else ("not shown", "open")
    if claim.baseline is not None and shown and effect <= 0:
        return "opposite", "worse"
    if not shown:
        return "not shown", "no difference" if other else "open"
    if effect > claimed_effect(claim):
        return _in_its_direction(claim, effect, other)
    if effect >= 0:
        return "not shown", "less than named"
    return "opposite", "opposite but negligible" if other else "opposite"


def _in_its_direction(claim: Claim, effect: float, negligible: bool) -> tuple[Judgement, Why]:
    """Return the verdict on a difference that is shown in the claim's direction, or beyond the factor it names."""
    if negligible:
        return "true but negligible", "negligible"
    if claim.at_least > 1 or effect >= smallest_effect(claim):
        return "supported", "as claimed"
    return "not shown", "small"


def decide_fact(claim: Claim, effects: Sequence[float], least: float, few: bool = False) -> tuple[Judgement, Why]:
    """Return the verdict on counts, times and bytes, judged by their values without a test.

    Supported if all of these effects reach `least`; true but negligible if all point the claim's way and none reaches
    it; the opposite holds if all point the other way. few: too few values of a random quantity for any verdict.
    """
    if few:
        return "not shown", "few"
    reached = [effect >= least for effect in effects]
    if all(reached):
        return "supported", "as claimed"
    if max(effects) < 0:
        return "opposite", "opposite but negligible" if min(effects) > -smallest_effect(claim) else "opposite"
    if any(reached):
        return "not shown", "open"
    if claim.at_least > 1:
        return "not shown", "less than named"
    if min(effects) > 0:
        return "true but negligible", "negligible"
    return "not shown", "no difference" if min(effects) > -least else "open"

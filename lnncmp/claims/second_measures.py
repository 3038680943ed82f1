"""The second measures of a claim about errors: one that must not say otherwise, and others that are only named.

A measure can be won by what nobody wants: a constant is the smoothest prediction of all, a bad first step leaves the
error little to grow. So a verdict falls if the claim's check shows a difference the other way. That test is not
corrected for many claims: it can take a verdict away, and never gives one.
"""

from collections.abc import Mapping, Sequence

from lnncmp import stats
from lnncmp.cases.base import load_case
from lnncmp.claims import reasons
from lnncmp.claims.assess import Assessment
from lnncmp.claims.claim import WITHOUT_TIME, Claim, Direction
from lnncmp.claims.evidence import gather
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Judgement, Verdict
from lnncmp.claims.significance import Tested, significance_of
from lnncmp.comparison.groups import ComparisonGroup
from lnncmp.comparison.run_metrics import in_words
from lnncmp.records.metric import Metric

_OPPOSITE: Mapping[Direction, Direction] = {"lower": "higher", "higher": "lower"}
"""Of directions that claim a difference: others have no second measures."""
UNDECIDED: Judgement = "not shown"
"""What a verdict becomes that the check contradicts."""
_SAYS: Mapping[Judgement, int] = {"supported": 1, "true but negligible": 1, "opposite": -1}
"""Which way a verdict points: the claim's, or the other."""


def with_second_measures(row: Verdict, one: Assessment, groups: Sequence[ComparisonGroup]) -> Verdict:
    """Return a verdict on a claim that was tested, with what its second measures say: all named in the reason.

    It becomes UNDECIDED if the check shows a difference (p <= 0.05) against what the verdict says. groups: all
    groups of the folder, among which are the runs that were trained without elapsed times.
    """
    claim, found = one.claim, [row.reason]
    if one.tested is None or claim.baseline is not None:
        return row
    if claim.check is not None:
        words, tested = _said(claim, claim.check, one.pair)
        fallen = _contradicts(tested, _SAYS.get(row.verdict, 0))
        if fallen:
            row = row.model_copy(update={"verdict": UNDECIDED, "found": UNDECIDED})
            words += ", significantly the other way, so that nothing is shown"
        found.append(reasons.sentence(f"second measure: {words}"))
    beside = [_beside(claim, measure, one.pair, groups) for measure in claim.beside]
    if beside:
        found.append(reasons.sentence(f"beside it, {beside[0]}", *beside[1:]))
    return row.model_copy(update={"reason": " ".join(found)})


def _contradicts(tested: Tested | None, says: int) -> bool:
    """Tell whether a test shows a difference against what is said: 1 the claim, -1 its opposite, 0 nothing."""
    if tested is None or tested.pairs < stats.MIN_SEEDS or tested.p_difference is None:
        return False
    return tested.p_difference <= stats.SIGNIFICANCE and says * tested.effect < 0


def _beside(claim: Claim, measure: str, pair: ClaimPair, groups: Sequence[ComparisonGroup]) -> str:
    if measure != WITHOUT_TIME:
        return _said(claim, measure, pair)[0]
    ablated = _trained_without_time(claim, pair, groups)
    if ablated is None:
        return "no runs that were trained without elapsed times"
    return f"trained without elapsed times, {_said(claim, claim.measure, ablated)[0]}"


def _said(claim: Claim, measure: str, pair: ClaimPair) -> tuple[str, Tested | None]:
    """Return in words, and as a test, what a second measure says of the two models."""
    metrics = load_case(claim.case).metrics
    words = in_words(measure, metrics)[0]
    asked = _asked(claim, measure, metrics)
    # Differences, none of which is too small to count; ratios where all values have one.
    absolute = asked.model_copy(update={"scale": "difference", "matters": 1e-12})
    evidence = gather(absolute, pair)
    if all(value > 0 for run in evidence.runs for value in (run.left, run.right) if value is not None):
        evidence = gather(asked, pair)
    else:
        asked = absolute
    tested = significance_of(asked, evidence)
    if tested is None:
        return f"no {words} in these records", None
    return reasons.found(asked, words, tested.effect), tested


def _asked(claim: Claim, measure: str, metrics: Sequence[Metric]) -> Claim:
    """Return the claim that the left model is better, or worse, as claimed, by another measure."""
    higher = {metric.name for metric in metrics if metric.better == "higher"}
    same = (measure in higher) == (claim.measure in higher)
    direction = claim.direction if same else _OPPOSITE[claim.direction]
    return claim.model_copy(update={"measure": measure, "direction": direction, "at_least": 1.0})


def _trained_without_time(claim: Claim, pair: ClaimPair, groups: Sequence[ComparisonGroup]) -> ClaimPair | None:
    """Return the pair of the same study but for elapsed times, which were withheld; None if there is none."""
    for group in groups:
        left = group.find(claim.left, claim.left_arguments)
        right = group.find(claim.right, claim.right_arguments)
        if left is None or right is None or not group.first.recipe.withholds_time:
            continue
        same = (
            ours.sample.recipe.but_for_time() == theirs.sample.recipe.but_for_time()
            for ours, theirs in zip((left, right), pair.both, strict=True)
        )
        if all(same):
            return ClaimPair(group, left, right)
    return None

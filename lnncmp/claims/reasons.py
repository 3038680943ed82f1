"""One sentence for each verdict: what was found, and why that is the verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lnncmp import stats
from lnncmp.claims.claim import DIFFERENCES, NOT_WORSE, Claim
from lnncmp.claims.decide import Why
from lnncmp.claims.evidence import Evidence, claimed_effect, smallest_effect
from lnncmp.claims.facts import MIN_REPEATS, Fact
from lnncmp.claims.significance import Tested
from lnncmp.comparison.groups import ComparisonGroup


def times(effect: float, claim: Claim) -> str:
    """Return the ratio of left to right behind an effect: "0.87 times", "2.1 times"."""
    return f"{_left_to_right(claim, effect):.3g} times"


def found(claim: Claim, words: str, effect: float) -> str:
    """Return what was measured: "the time per epoch of ltc is 25 times that of lstm"."""
    if claim.scale == "difference":
        return f"the {words} of {claim.left} differs from that of {claim.right} by {-claim.sign * effect:+.3g}"
    return f"the {words} of {claim.left} is {times(effect, claim)} that of {claim.right}"


@dataclass(frozen=True)
class Power:
    """Seeds at which the smallest effect of interest would be found, and an effect as large as found here.

    None: no number of seeds that anybody would run. family: claims that are tested together.
    """

    smallest: int | None
    found: int | None
    family: int


def because(claim: Claim, why: Why, tested: Tested, power: Power) -> str:
    """Return why the verdict follows from what was found, for claims with a test."""
    seeds = _seeds(tested.pairs) + (" and the groups of the test data" if tested.over_groups else "")
    if tested.data_sets > 1:
        seeds = f"{tested.data_sets} data sets with {_seeds(tested.pairs)} each"
    least = f"a factor of {claim.matters:g}" if claim.scale == "ratio" else f"{claim.matters:g}"
    if why == "few":
        return _few(tested.pairs)
    if why == "as claimed":
        named = f", more than the claim's factor {claim.at_least:g}" if claim.at_least > 1 else ""
        return f"significantly {claim.direction} over {seeds}{named}"
    if why == "small":
        small = f"below the smallest effect of interest ({least}), which is not shown either"
        return f"significantly {claim.direction} over {seeds}, but {small}"
    if why in ("opposite", "opposite but negligible"):
        other = "higher" if claim.direction == "lower" else "lower"
        less = f", though shown to be below the smallest effect of interest ({least})" if why != "opposite" else ""
        return f"significantly {other} over {seeds}, the opposite of the claim{less}"
    if why == "less than named":
        return f"significantly less than the claim's factor {claim.at_least:g} over {seeds}"
    if why == "negligible":
        small = f"shown to be below the smallest effect of interest ({least})"
        return f"significantly {claim.direction} over {seeds}, and {small}"
    if why == "no difference":
        return f"any difference is shown over {seeds} to be below the smallest effect of interest ({least})"
    if why == "same":
        return f"shown over {seeds} to differ by less than the equivalence margin ({least})"
    if why == "apart":
        return f"shown over {seeds} to differ by more than the equivalence margin ({least})"
    if why == "not worse":
        return f"shown over {seeds} to be {claim.direction} by {least} or more"
    if why == "too much worse":
        return f"shown over {seeds} to be {claim.direction.removeprefix('not ')} by {least} or more"
    if why == "worse":
        return f"significantly worse over {seeds}, the opposite of the claim"
    corrected = f", corrected for {power.family} claims," if power.family > 1 else ""
    return f"over {_seeds(tested.pairs)}{corrected} {_open(claim)}; {_needed(claim, power)}"


def _seeds(pairs: int) -> str:
    return f"{pairs} seed{'' if pairs == 1 else 's'}"


def _few(pairs: int) -> str:
    return f"{_seeds(pairs)} of both are too few: under {stats.MIN_SEEDS} there is no verdict"


def _open(claim: Claim) -> str:
    if claim.direction == "comparable":
        return "neither equivalence nor a difference beyond the margin is shown"
    if claim.direction in NOT_WORSE:
        return f"it is not shown on which side of {claim.matters:g} the difference lies"
    if claim.at_least > 1:
        return f"neither more nor less than the claim's factor {claim.at_least:g} is shown"
    return "neither a difference nor its absence is shown"


def _needed(claim: Claim, power: Power) -> str:
    if claim.direction not in DIFFERENCES:
        return f"two equal models would need {_about(power.smallest)}"
    first = f"the smallest effect of interest would need {_about(power.smallest)}"
    return first if power.found is None else f"{first}, one as large as found here {_about(power.found)}"


def _about(seeds: int | None) -> str:
    return "more than seeds can give" if seeds is None else f"about {seeds} seeds"


def points(claim: Claim, tested: Tested, in_favour: int) -> str:
    """Return which way too few seeds point and how strongly: "0.5 times [0.4, 0.6], lower at 5 of 5 seeds"."""
    mostly = 2 * in_favour >= tested.pairs
    if claim.direction not in DIFFERENCES:
        far = abs(tested.effect) if claim.direction == "comparable" else -tested.effect
        way = "within the margin" if far <= smallest_effect(claim) else "beyond the margin"
        way = f"the estimate is {way}"
    else:
        way = f"they point {'the way of the claim' if tested.effect > claimed_effect(claim) else 'the other way'}"
    word = "higher" if mostly == (claim.sign < 0) else "lower"
    count = in_favour if mostly else tested.pairs - in_favour
    return f"{way}: {_with_interval(claim, tested)}, {word} at {count} of {_seeds(tested.pairs)}"


def _with_interval(claim: Claim, tested: Tested) -> str:
    """Return the ratio of left to right, or their difference, with its interval."""
    ends = [] if tested.ci95 is None else sorted(_left_to_right(claim, end) for end in tested.ci95)
    interval = f" [{', '.join(f'{end:.3g}' for end in ends)}]" if ends else ""
    unit = " times" if claim.scale == "ratio" else ""
    return f"{_left_to_right(claim, tested.effect):.3g}{unit}{interval}"


def _left_to_right(claim: Claim, effect: float) -> float:
    """Return the ratio of left to right behind an effect, or left minus right."""
    change = -claim.sign * effect
    return math.exp(change) if claim.scale == "ratio" else change


def fact_because(claim: Claim, why: Why, fact: Fact) -> str:
    """Return why the verdict follows for numbers without a test."""
    if why == "few":
        way = "the way of the claim" if fact.middle > 0 else "the other way"
        return f"{_counted(fact)} of both are too few: under {MIN_REPEATS} there is no verdict; they point {way}"
    least = f"a factor of {claim.matters:g}" if claim.scale == "ratio" else f"{claim.matters:g}"
    smallest = f"the smallest effect of interest ({least})"
    named = f"the claim's factor {claim.at_least:g}" if claim.at_least > 1 else smallest
    if why == "as claimed":
        return f"{claim.direction} by more than {named}, over {_counted(fact)}"
    if why == "opposite":
        return "the opposite of the claim"
    if why == "opposite but negligible":
        return f"the opposite of the claim, though by less than {smallest}"
    if why == "negligible":
        return f"{claim.direction}, but by less than {named}"
    if why == "open":
        values = "ends of the interval" if fact.counted_in == "repeat" else "measured values"
        return f"the {values} are on both sides of {named}"
    if why == "no difference":
        return f"a difference of less than {named}, in no one direction"
    return f"{claim.direction}, but short of {named}" if fact.middle > 0 else f"short of {named}"


def _counted(fact: Fact) -> str:
    return f"{fact.pairs} {fact.counted_in}{'' if fact.pairs == 1 else 's'}"


def lost(claim: Claim, evidence: Evidence) -> str:
    """Return how many runs were lost and how they count; "" if none."""
    parts = [
        f"{count} of {len(evidence.runs)} runs of {model}"
        for model, count in zip((claim.left, claim.right), evidence.lost, strict=True)
        if count
    ]
    if not parts:
        return ""
    return f"{' and '.join(parts)} diverged or failed and count against it as the largest difference seen"


def sentence(*parts: str) -> str:
    """Return the parts that are not empty as one sentence."""
    text = "; ".join(filter(None, parts))
    return text[:1].upper() + text[1:] + "."


def why_missing(claim: Claim, groups: Sequence[ComparisonGroup]) -> str:
    """Return one sentence: which runs are not there."""
    of_case = [group for group in groups if group.first.case == claim.case]
    if not of_case:
        return f"No runs of {claim.case} in this folder: lnncmp {claim.case} makes them."
    fitting = [group for group in of_case if fnmatchcase(group.first.conditions, claim.conditions)]
    if not fitting:
        held = ", ".join(dict.fromkeys(f"'{group.first.conditions or 'the usual ones'}'" for group in of_case))
        return f"No runs of {claim.case} under the conditions '{claim.conditions}': those here are under {held}."
    lacking, settings = [], []
    for model, arguments in ((claim.left, claim.left_arguments), (claim.right, claim.right_arguments)):
        if all(group.find(model, arguments) is None for group in fitting):
            wanted = ", ".join(f"{key} = {value}" for key, value in arguments.items())
            lacking.append(model + (f" with {wanted}" if wanted else ""))
            settings += [f"--set models.{model}.arguments.{key}={value}" for key, value in arguments.items()]
    if lacking:
        names = ",".join(name.partition(" ")[0] for name in lacking)
        command = " ".join([f"lnncmp {claim.case} --models {names}", *settings])
        return f"No runs of {' and '.join(lacking)} on {claim.case} in this folder: {command} makes them."
    both = f"{claim.left} and {claim.right}"
    return f"{both} never ran on equal data under one protocol, and different data are not pooled."

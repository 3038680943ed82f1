"""From an assessment and its adjusted p values to the verdict that is shown."""

from typing import Any

from lnncmp import stats
from lnncmp.cases.base import load_case
from lnncmp.claims import reasons
from lnncmp.claims.assess import Assessment
from lnncmp.claims.choices import budget_words
from lnncmp.claims.claim import NOT_WORSE, Claim
from lnncmp.claims.convergence import convergence_of, convergence_words
from lnncmp.claims.decide import decide, decide_fact
from lnncmp.claims.evidence import Evidence, claimed_effect, smallest_effect
from lnncmp.claims.facts import Fact, threshold
from lnncmp.claims.protocol import differences_of
from lnncmp.claims.schema import DECIDED, Obstacle, Run, Verdict
from lnncmp.claims.significance import Tested
from lnncmp.comparison.run_metrics import in_words


def without_runs(claim: Claim, missing: str) -> Verdict:
    """Return that a claim cannot be tested on these records, and why: which are missing, or what the claim says."""
    obstacle: Obstacle = "no records" if claim.not_testable is None else "other design"
    reason = reasons.sentence((claim.not_testable or missing).rstrip("."))
    return Verdict(**_stated(claim), verdict="not testable here", obstacle=obstacle, reason=reason)


def untestable_verdict(one: Assessment) -> Verdict:
    """Return that a claim cannot be tested on this comparison group, and why."""
    return Verdict(
        **{**_stated(one.claim), **_found_in(one, ())},
        verdict="not testable here",
        obstacle=one.obstacle,
        reason=reasons.sentence(one.untestable),
    )


def beside(row: Verdict, claim: Claim, source: str) -> Verdict:
    """Return a verdict on data that do not count for the claim: shown, and deciding nothing."""
    counting = " or ".join(claim.judged_on)
    shown = f"{row.reason.rstrip('.')}: {row.verdict} there"
    why = f"The claim is judged on data of {counting}; these are {source}, which decide nothing."
    return row.model_copy(
        update={"verdict": "not testable here", "obstacle": "other data", "reason": f"{why} On {source}: {shown}."}
    )


def fact_verdict(one: Assessment) -> Verdict:
    """Return the verdict on a claim about counts, times or bytes; with a check that disagrees it depends on both."""
    claim, fact = one.claim, one.facts[0]
    judged = [decide_fact(claim, each.effects, threshold(claim), each.few) for each in one.facts]
    verdict, why = judged[0]
    measured = [_fact_words(claim, each) for each in one.facts]
    depends_on = []
    if len({found for found, _ in judged}) > 1:
        agreed = "which do not agree on the claim"
        if all(found in DECIDED for found, _ in judged):
            verdict, depends_on = "depends", ["measure"]
            agreed = ", ".join(f"{each.measure}: {found}" for each, (found, _) in zip(one.facts, judged, strict=True))
        else:
            verdict = "not shown"
        reason = reasons.sentence(*measured, agreed)
    else:
        reason = reasons.sentence(*measured, reasons.fact_because(claim, why, fact), fact.note)
    middle = fact.middle
    seeds = fact.runs if fact.counted_in == "seed" else ()  # repeats of a measurement belong to no run
    return Verdict(
        **{**_stated(claim), **_found_in(one, seeds), "runs": list(fact.runs)},
        verdict=verdict,
        depends_on=depends_on,
        found=verdict,
        in_favour=fact.in_favour,
        reason=reason,
        effect=middle,
        ci95=(min(fact.effects), max(fact.effects)),
        n_seeds=fact.pairs,
        iqm=_middles(claim, fact.runs),
        probability_of_improvement=None,
    )


def tested_verdict(one: Assessment, first: float | None, second: float | None, family: int) -> Verdict:
    """Return the verdict that a test allows; p adjusted over a family of this many claims."""
    claim, tested, evidence = one.claim, one.tested, one.evidence
    if tested is None or evidence is None:
        raise ValueError("a verdict needs a test")
    verdict, why = decide(claim, tested.pairs, tested.effect, first, second)
    power = _power(claim, tested, family)
    words = in_words(claim.measure, load_case(claim.case).metrics)[0]
    second_counts = why in ("negligible", "no difference", "opposite but negligible", "apart", "too much worse")
    in_favour = sum(effect > 0 for effect in evidence.effects)
    converged = convergence_of(one.pair, {run.seed for run in one.runs})
    return Verdict(
        **{**_stated(claim), **_found_in(one, one.runs)},
        verdict=verdict,
        found=verdict,
        in_favour=in_favour,
        convergence=converged,
        reason=reasons.sentence(
            _found(one, words, tested.effect),
            reasons.because(claim, why, tested, power),
            reasons.points(claim, tested, in_favour) if why == "few" else "",
            _lost(one, evidence),
            _left_out(evidence),
            convergence_words(converged),
        ),
        effect=tested.effect,
        ci95=tested.ci95,
        ci95_bca=tested.ci95_bca,
        p=tested.p_equivalence if second_counts else tested.p_difference,
        p_holm=second if second_counts else first,
        n_seeds=tested.pairs,
        data_sets=tested.data_sets,
        seeds_needed=power.smallest,
        probability_of_improvement=None if claim.baseline else _improvement(claim, evidence),
        iqm=_middles(claim, one.runs) | ({} if one.baseline is None else {str(claim.baseline): one.baseline}),
    )


def _stated(claim: Claim) -> dict[str, Any]:
    """Return what the claims file says."""
    return {
        "id": claim.id,
        "claim": claim.claim,
        "where": claim.where,
        "case": claim.case,
        "family": claim.family,
        "models": [claim.left, claim.right],
        "measure": claim.measure,
        "unit": in_words(claim.measure, load_case(claim.case).metrics)[1],
        "direction": claim.direction,
        "conditions": claim.conditions.rstrip("*"),
        "effect_kind": "log ratio" if claim.scale == "ratio" else "difference",
        "smallest_difference": smallest_effect(claim),
        "named_effect": claimed_effect(claim) if claim.at_least > 1 else None,
        "assumed": list(claim.assumed),
        "differences_of_protocol": list(claim.differences),
    }


def _found_in(one: Assessment, runs: tuple[Run, ...]) -> dict[str, Any]:
    """Return what the records say of data, matching, protocol and runs."""
    group, pair = one.pair.group, one.pair
    seeds = {run.seed for run in runs}
    ids = [side.by_seed[seed].run_id for side in pair.both for seed in pair.seeds if seed in seeds]
    return {
        "conditions": group.conditions,
        "matched": group.match,
        "data": group.data,
        "preset": group.preset,
        "budget": budget_words(pair),
        "runs": list(runs),
        "run_ids": ids,
        "differences_of_protocol": [*one.claim.differences, *differences_of(pair), *_conditional(one)],
    }


def _conditional(one: Assessment) -> list[str]:
    """Return on which data set a test is conditional, if it is on one."""
    if one.tested is None or one.tested.data_sets > 1:
        return []
    return [f"conditional on one data set (data seed {one.pair.data_seed}): other training data may say otherwise"]


def _found(one: Assessment, words: str, effect: float) -> str:
    claim = one.claim
    if claim.baseline is None:
        return reasons.found(claim, words, effect)
    shown = claim.model_copy(update={"left": one.weaker, "right": claim.baseline})
    return f"{reasons.found(shown, words, effect)}, that of the other model is lower"


def _lost(one: Assessment, evidence: Evidence) -> str:
    claim = one.claim
    named = claim if claim.baseline is None else claim.model_copy(update={"left": one.weaker, "right": claim.baseline})
    return reasons.lost(named, evidence)


def _left_out(evidence: Evidence) -> str:
    parts = []
    if evidence.without:
        parts.append(f"{evidence.without} pairs were left out, whose records lack the number")
    return "; ".join(parts)


def _fact_words(claim: Claim, fact: Fact) -> str:
    words = in_words(fact.measure, ())[0]
    return reasons.found(claim, words, fact.middle)


def _improvement(claim: Claim, evidence: Evidence) -> float | None:
    left, right = evidence.values("left"), evidence.values("right")
    if claim.sign < 0:
        left, right = right, left
    return stats.probability_of_improvement(left, right)


def _middles(claim: Claim, runs: tuple[Run, ...]) -> dict[str, float]:
    """Return the interquartile mean of each model, a lost run counting as infinite."""
    names = (claim.left, claim.right) if claim.left != claim.right else (f"{claim.left}, left", f"{claim.right}, right")
    values = {names[0]: [run.left for run in runs], names[1]: [run.right for run in runs]}
    found = {
        model: stats.interquartile_mean([float("inf") if value is None else value for value in given])
        for model, given in values.items()
    }
    return {model: value for model, value in found.items() if value is not None}


def _power(claim: Claim, tested: Tested, family: int) -> reasons.Power:
    """Return the seeds at which a difference would be found with 80% power, at the corrected level of one claim.

    For comparability: at which two equal models would be shown to be so; both of its tests have to succeed. For a model
    that is not worse: at which one that is equal would be shown to be so, by a one-sided test.
    """
    level, power = stats.SIGNIFICANCE / max(family, 1), 0.8
    if claim.direction == "comparable":
        level, power = min(2 * level, 0.5), 0.9
    elif claim.direction in NOT_WORSE:
        level = min(2 * level, 0.5)

    def needed(difference: float) -> int | None:
        return stats.seeds_needed(tested.spreads, difference, level=level, power=power, lasting=tested.lasting)

    return reasons.Power(needed(smallest_effect(claim)), needed(abs(tested.effect - claimed_effect(claim))), family)

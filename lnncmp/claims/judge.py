"""Judge all claims on a folder of records: find the runs, test the evidence, correct for many claims, say why."""

from collections.abc import Sequence
from pathlib import Path

from lnncmp import stats
from lnncmp.claims import reasons
from lnncmp.claims.assess import Assessment, assess
from lnncmp.claims.claim import Claim, load_claims
from lnncmp.claims.pairs import ClaimPair, claim_pairs
from lnncmp.claims.reasons import why_missing
from lnncmp.claims.schema import ClaimsTable, Verdict
from lnncmp.claims.second_measures import with_second_measures
from lnncmp.claims.verdicts import fact_verdict, tested_verdict, untestable_verdict, without_runs
from lnncmp.comparison.groups import ComparisonGroup, groups_of
from lnncmp.records.read import Records, read_records


def judge_folder(out: Path, claims: Path | None = None) -> ClaimsTable:
    """Return the verdicts on all claims from the records of the folder `out`.

    claims: another file of claims than the one that ships with lnncmp. Raises DataError without records.
    """
    return judge(load_claims(claims), read_records(out))


def judge(claims: Sequence[Claim], records: Records) -> ClaimsTable:
    """Return the verdicts on `claims`, in their order.

    The p values of all rows form one family (Holm), those of the same claims under other matchings and on other data
    a second one.
    """
    groups = groups_of(records.runs)
    judged = {claim.id: _assessed(claim, claim_pairs(claim, groups), records) for claim in claims}
    first = {row.id: row for row in _verdicts([found[0] for found in judged.values() if found], groups)}
    others = _verdicts([one for found in judged.values() for one in found[1:]], groups)
    rows = []
    for claim in claims:
        main = first.get(claim.id)
        if main is None:
            rows.append(without_runs(claim, claim.not_testable or why_missing(claim, groups)))
            continue
        also = [other for other in others if other.id == claim.id]
        rows.append(main.model_copy(update={"also": also, "reason": _with_others(main, also)}))
    return ClaimsTable(rows=rows, notes=[*_notes(rows), *records.notes])


def _assessed(claim: Claim, pairs: Sequence[ClaimPair], records: Records) -> list[Assessment]:
    """Return the assessments of a claim, those that say something first."""
    if claim.not_testable is not None:
        return []
    found = [assess(claim, one, records) for one in pairs]
    return sorted(found, key=lambda one: bool(one.untestable))


def _verdicts(assessments: Sequence[Assessment], groups: Sequence[ComparisonGroup]) -> list[Verdict]:
    """Return the verdicts of one family of claims, p values corrected over all of them."""
    tests = [one.tested if one.tested and one.tested.pairs >= stats.MIN_PAIRS else None for one in assessments]
    differing = stats.holm([test.p_difference if test else None for test in tests])
    equivalent = stats.holm([test.p_equivalence if test else None for test in tests])
    size = sum(p is not None for p in differing)
    made = []
    for number, one in enumerate(assessments):
        if one.untestable:
            made.append(untestable_verdict(one))
        elif one.facts:
            made.append(fact_verdict(one))
        else:
            row = tested_verdict(one, differing[number], equivalent[number], size)
            made.append(with_second_measures(row, one, groups))
    return made


def _with_others(main: Verdict, also: Sequence[Verdict]) -> str:
    """Return the reason with a sentence for each other matching or data under which the verdict is another one."""
    changed = [other for other in also if other.verdict not in (main.verdict, "not testable here")]
    sentences = [reasons.sentence(reasons.elsewhere(one, main)) for one in changed]
    return " ".join([main.reason, *dict.fromkeys(sentences)])


def _notes(rows: Sequence[Verdict]) -> list[str]:
    tested = sum(row.p_holm is not None for row in rows)
    most = max((row.n_seeds for row in rows if row.p_holm is not None), default=0)
    few = sum(0 < row.n_seeds < stats.MIN_PAIRS for row in rows)
    found = []
    if tested:
        found.append(
            "p: sign-flip permutation tests paired by seed; t tests over seeds and subjects where records hold samples "
            f"of subjects; Holm-corrected over all claims tested here ({tested}). Counts, times and bytes must agree "
            "at every seed instead: their brackets are the least and the largest value."
        )
    if tested and tested * stats.smallest_p(most) > stats.SIGNIFICANCE:
        found.append(
            f"{most} seeds are too few for {tested} claims: the smallest p of a sign-flip permutation test is "
            f"{stats.smallest_p(most):.2g}, which stays above {stats.SIGNIFICANCE:g} after the correction; more seeds "
            "are needed."
        )
    if few:
        found.append(f"Under {stats.MIN_PAIRS} seeds there is no verdict ({few} claim{'' if few == 1 else 's'}).")
    if any(row.also for row in rows):
        found.append("Some claims were also judged under other matchings or on other data: lnncmp claims show ID.")
    return found

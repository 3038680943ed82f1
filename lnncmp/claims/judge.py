"""Judge all claims on a folder of records: find the runs, test the evidence, correct for many claims, say why."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lnncmp import stats
from lnncmp.claims.assess import Assessment, assess
from lnncmp.claims.claim import Claim, load_claims
from lnncmp.claims.others import Judged, with_others
from lnncmp.claims.pairs import ClaimPair, claim_pairs, counts_on
from lnncmp.claims.readings import with_readings
from lnncmp.claims.reasons import why_missing
from lnncmp.claims.schema import ClaimsTable, Verdict
from lnncmp.claims.second_measures import with_second_measures
from lnncmp.claims.verdicts import beside, fact_verdict, tested_verdict, untestable_verdict, without_runs
from lnncmp.common.garbage import uncollected
from lnncmp.comparison.groups import ComparisonGroup, groups_of
from lnncmp.comparison.studies import comparable
from lnncmp.records.read import Records, read_records


def judge_folder(out: Path, claims: Path | None = None, beside: bool = False) -> ClaimsTable:
    """Return the verdicts on all claims from the records of the folder `out`.

    claims: another file of claims than the one that ships with lnncmp; beside: after these, not in their place. Raises
    DataError without records, UsageError for a file with a mistake.
    """
    return judge_records(comparable(read_records(out)), claims, beside)


def judge_records(records: Records, claims: Path | None = None, beside: bool = False) -> ClaimsTable:
    """Return the verdicts as `judge_folder` does, from `records` that have been read and are comparable."""
    return with_readings(judge(load_claims(claims, beside), records), records.folder)


def judge(claims: Sequence[Claim], records: Records) -> ClaimsTable:
    """Return the verdicts on `claims`, in their order.

    The p values of the claims of one family are corrected for each other (Holm), and apart from them those of the same
    claims under other matchings and budgets and on other data.
    """
    with uncollected():
        return _judge(claims, records)


def _judge(claims: Sequence[Claim], records: Records) -> ClaimsTable:
    groups = groups_of(records.runs)
    found = {claim.id: _assessed(claim, claim_pairs(claim, groups, records.measurements), records) for claim in claims}
    mains = [ones[0] for ones in found.values() if ones and counts_on(ones[0].claim, ones[0].pair)]
    others = [one for ones in found.values() for one in ones if not any(one is main for main in mains)]
    judged = []
    for part in (mains, others):
        for family in dict.fromkeys(one.claim.family for one in part):
            judged += _verdicts([one for one in part if one.claim.family == family], groups)
    rows = []
    for claim in claims:
        own = [one for one in judged if one.row.id == claim.id]
        first = with_others(own[0], own[1:]) if own else without_runs(claim, why_missing(claim, groups))
        rows.append(first)
    return ClaimsTable(rows=rows, notes=[*_notes(rows), *records.notes])


def _assessed(claim: Claim, pairs: Sequence[ClaimPair], records: Records) -> list[Assessment]:
    """Return the assessments of a claim, first those that say something, of these first those on data that count."""
    if claim.not_testable is not None:
        return []
    found = [assess(claim, one, records) for one in pairs]
    return sorted(found, key=lambda one: (bool(one.untestable), not counts_on(claim, one.pair)))


def _verdicts(assessments: Sequence[Assessment], groups: Sequence[ComparisonGroup]) -> list[Judged]:
    """Return the verdicts of one family of claims, p values corrected over all of them."""
    tests = [one.tested if one.tested and one.tested.pairs >= stats.MIN_SEEDS else None for one in assessments]
    differing = stats.holm([test.p_difference if test else None for test in tests])
    equivalent = stats.holm([test.p_equivalence if test else None for test in tests])
    size = sum(p is not None for p in differing)
    made = []
    for number, one in enumerate(assessments):
        if one.untestable:
            row = untestable_verdict(one)
        elif one.facts:
            row = fact_verdict(one)
        else:
            row = tested_verdict(one, differing[number], equivalent[number], size)
            row = with_second_measures(row, one, groups)
        if not one.untestable and not counts_on(one.claim, one.pair):
            row = beside(row, one.claim, one.pair.group.first.source)
        made.append(Judged(one.pair, row))
    return made


def _counted(rows: Sequence[Verdict]) -> str:
    """Return how many claims were corrected for each other: "33", of several families "33; the variants 42"."""
    counts = Counter(row.family for row in rows if row.p_holm is not None)
    return "; ".join(f"{family} {count}".strip() for family, count in sorted(counts.items()))


def _notes(rows: Sequence[Verdict]) -> list[str]:
    tested = any(row.p_holm is not None for row in rows)
    few = sum(0 < row.n_seeds < stats.MIN_SEEDS for row in rows)
    found = []
    if tested:
        found.append(
            "p: Welch's t test of logarithms over seeds, with the error over the groups of the test data (rollouts, "
            "waves, subjects) where records hold samples of them; Holm-corrected over all claims tested here "
            f"({_counted(rows)}). Counts must agree at every seed instead: their brackets are the least and the "
            "largest value; those of times and bytes are the 95% interval over repeats of a measurement."
        )
    single = sum(row.data_sets == 1 for row in rows if row.p_holm is not None)
    if single:
        found.append(
            f"Conditional on one data set each ({single} claim{'' if single == 1 else 's'}): other training data may "
            "say otherwise. Runs on three or more data seeds (--data-seeds) are pooled, with the error over data sets."
        )
    if few:
        found.append(f"Under {stats.MIN_SEEDS} seeds there is no verdict ({few} claim{'' if few == 1 else 's'}).")
    if any(row.also for row in rows):
        found.append("Some claims were also judged under other matchings or on other data: lnncmp claims show ID.")
    return found

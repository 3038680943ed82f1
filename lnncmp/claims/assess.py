"""What the records of one comparison group say on one claim, before the correction for many claims."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import Evidence, against, gather
from lnncmp.claims.facts import Fact, facts_of
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Obstacle, Run
from lnncmp.claims.significance import Tested, significance_against_baseline, significance_of
from lnncmp.comparison.run_metrics import COUNTS, FACTS, MEASURED
from lnncmp.records.read import Records
from lnncmp.records.schema import BaselineRecord
from lnncmp.records.settings import BY_PARAMETERS


@dataclass(frozen=True)
class Assessment:
    """One claim on one comparison group: `untestable` says why nothing can be said, or there are facts, or a test.

    obstacle: what kind of reason `untestable` is.
    evidence: of the two models; against a baseline, of the weaker one, which `weaker` names, while runs are those of
    both models and baseline is the value of that predictor.
    """

    claim: Claim
    pair: ClaimPair
    untestable: str = ""
    obstacle: Obstacle = ""
    facts: tuple[Fact, ...] = ()
    evidence: Evidence | None = None
    tested: Tested | None = None
    weaker: str = ""
    runs: tuple[Run, ...] = ()
    baseline: float | None = None


def assess(claim: Claim, pair: ClaimPair, records: Records) -> Assessment:
    """Return what the records of one comparison group say on a claim."""
    if claim.measure in FACTS:
        return _facts(claim, pair, records)
    if claim.baseline is not None:
        return _against_baseline(claim, pair, records.baselines)
    evidence = gather(claim, pair)
    tested = significance_of(claim, evidence, [gather(claim, other) for other in pair.others])
    if tested is None:
        return _untestable(claim, pair, _without(claim, pair, evidence))
    return Assessment(claim, pair, evidence=evidence, tested=tested, runs=evidence.runs)


def _facts(claim: Claim, pair: ClaimPair, records: Records) -> Assessment:
    if claim.measure in COUNTS and pair.group.match in BY_PARAMETERS:
        why = "sizes were chosen to match parameters, so their counts say nothing"
        return _untestable(claim, pair, why, "other design")
    facts = facts_of(claim, pair, records.measurements)
    if not facts or facts[0].measure != claim.measure:
        return _untestable(claim, pair, _without(claim, pair, gather(claim, pair)))
    return Assessment(claim, pair, facts=tuple(facts))


def _against_baseline(claim: Claim, pair: ClaimPair, baselines: Sequence[BaselineRecord]) -> Assessment:
    value = next(
        (
            record.scores.metrics.get("test", {}).get(claim.measure)
            for record in baselines
            if record.name == claim.baseline and record.data_hash == pair.group.first.data_hash
        ),
        None,
    )
    if value is None:
        return _untestable(claim, pair, f"no record of the predictor {claim.baseline} on these data")
    both = [against(claim, side, value) for side in pair.both]
    found = significance_against_baseline(*both)
    if found is None:
        return _untestable(claim, pair, _without(claim, pair, None))
    tested, weaker = found
    runs = gather(claim, pair).runs
    return Assessment(
        claim, pair, evidence=both[weaker], tested=tested, weaker=pair.both[weaker].row, runs=runs, baseline=value
    )


def _untestable(claim: Claim, pair: ClaimPair, why: str, obstacle: Obstacle = "no records") -> Assessment:
    return Assessment(claim, pair, untestable=why, obstacle=obstacle)


def _without(claim: Claim, pair: ClaimPair, evidence: Evidence | None) -> str:
    if not pair.seeds:
        return f"no seed was run of both {claim.left} and {claim.right}"
    if claim.measure in MEASURED:
        return f"no measurement of both {claim.left} and {claim.right} at one batch shape holds {claim.measure}"
    levels = f" at {', '.join(f'{level:g}' for level in claim.levels)}" if claim.levels else ""
    sets = f" on the test sets {', '.join(claim.groups)}{levels}" if claim.groups else ""
    return f"the records of these runs hold no {claim.measure}{sets}"

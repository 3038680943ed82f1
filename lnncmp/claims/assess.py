"""What the records of one setting say on one claim, before the correction for many claims."""

from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import Evidence, against, gather
from lnncmp.claims.facts import Fact, facts_of
from lnncmp.claims.schema import Run
from lnncmp.claims.sides import Sides
from lnncmp.claims.significance import Tested, weigh, weigh_against_baseline
from lnncmp.comparison.run_metrics import COUNTS, FACTS
from lnncmp.records.read import Records
from lnncmp.records.schema import BaselineRecord


@dataclass(frozen=True)
class Assessment:
    """One claim in one setting. Either `untestable` says why nothing can be said, or there are facts, or a test.

    evidence: of the two models; against a baseline, of the weaker one, which `weaker` names, while runs are those of
    both models and baseline is the value of that predictor.
    """

    claim: Claim
    sides: Sides
    untestable: str = ""
    facts: tuple[Fact, ...] = ()
    evidence: Evidence | None = None
    tested: Tested | None = None
    weaker: str = ""
    runs: tuple[Run, ...] = ()
    baseline: float | None = None


def assess(claim: Claim, sides: Sides, records: Records) -> Assessment:
    """Return what the records of one setting say on a claim."""
    if claim.measure in FACTS:
        return _facts(claim, sides, records)
    if claim.baseline is not None:
        return _against_baseline(claim, sides, records.baselines)
    evidence = gather(claim, sides)
    tested = weigh(claim, evidence)
    if tested is None:
        return Assessment(claim, sides, untestable=_without(claim, sides, evidence))
    return Assessment(claim, sides, evidence=evidence, tested=tested, runs=evidence.runs)


def _facts(claim: Claim, sides: Sides, records: Records) -> Assessment:
    if claim.measure in COUNTS and sides.setting.match == "params":
        return Assessment(claim, sides, untestable="sizes were chosen to match parameters, so their counts say nothing")
    facts = facts_of(claim, sides, records.measurements)
    if not facts or facts[0].measure != claim.measure:
        return Assessment(claim, sides, untestable=_without(claim, sides, gather(claim, sides)))
    return Assessment(claim, sides, facts=tuple(facts))


def _against_baseline(claim: Claim, sides: Sides, baselines: Sequence[BaselineRecord]) -> Assessment:
    value = next(
        (
            record.scores.metrics.get("test", {}).get(claim.measure)
            for record in baselines
            if record.name == claim.baseline and record.data_hash == sides.setting.data_hash
        ),
        None,
    )
    if value is None:
        return Assessment(claim, sides, untestable=f"no record of the predictor {claim.baseline} on these data")
    both = [against(claim, arm, value) for arm in (sides.left, sides.right)]
    weighed = weigh_against_baseline(*both)
    if weighed is None:
        return Assessment(claim, sides, untestable=_without(claim, sides, None))
    tested, weaker = weighed
    arm = (sides.left, sides.right)[weaker]
    runs = gather(claim, sides).runs
    return Assessment(claim, sides, evidence=both[weaker], tested=tested, weaker=arm.label, runs=runs, baseline=value)


def _without(claim: Claim, sides: Sides, evidence: Evidence | None) -> str:
    if not sides.seeds:
        return f"no seed was run of both {claim.left} and {claim.right}"
    if evidence is not None and evidence.elsewhere:
        return "the two models ran on different machines or beside different loads, so their times say nothing"
    levels = f" at {', '.join(f'{level:g}' for level in claim.levels)}" if claim.levels else ""
    sets = f" on the test sets {', '.join(claim.groups)}{levels}" if claim.groups else ""
    return f"the records of these runs hold no {claim.measure}{sets}"

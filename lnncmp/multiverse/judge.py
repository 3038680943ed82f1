"""The verdict of one universe on one claim: that of `lnncmp claims`, without a correction for many claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lnncmp.claims.assess import Assessment, assess
from lnncmp.claims.claim import Claim
from lnncmp.claims.decide import decide
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.readings import Outcome
from lnncmp.claims.verdicts import fact_verdict
from lnncmp.records.read import Records
from lnncmp.records.schema import RunRecord

_OUTCOMES: Mapping[str, Outcome] = {"supported": "supports", "opposite": "opposite"}


@dataclass(frozen=True)
class Judged:
    """A verdict and the numbers behind it. effects: by seed. lost: runs of the left, the right model."""

    outcome: Outcome
    verdict: str = ""
    effect: float | None = None
    ci95: tuple[float, float] | None = None
    p: float | None = None
    pairs: int = 0
    lost: tuple[int, int] = (0, 0)
    reason: str = ""
    effects: Mapping[int, float] = field(default_factory=dict)


def judged(claim: Claim, pair: ClaimPair, records: Sequence[RunRecord]) -> Judged:
    """Return what the runs of one universe say of a claim. The p values of its universe alone count."""
    found = assess(claim, pair, Records(Path(), records, (), ()))
    if found.untestable:
        return Judged("no result", reason=found.untestable)
    return _fact(found) if found.facts else _tested(found)


def _fact(found: Assessment) -> Judged:
    verdict, fact = fact_verdict(found), found.facts[0]
    return Judged(
        _OUTCOMES.get(verdict.verdict, "not shown"),
        verdict.verdict,
        fact.middle,
        (min(fact.effects), max(fact.effects)),
        pairs=len(fact.effects),
    )


def _tested(found: Assessment) -> Judged:
    claim, tested, evidence = found.claim, found.tested, found.evidence
    if tested is None or evidence is None:
        raise ValueError("a verdict needs a test")
    if all(run.left is None and run.right is None for run in evidence.runs):
        return Judged("no result", pairs=tested.pairs, lost=evidence.lost, reason="no run of either model ended well")
    verdict, _ = decide(claim, tested.pairs, tested.effect, tested.p_difference, tested.p_equivalence)
    return Judged(
        _OUTCOMES.get(verdict, "not shown"),
        verdict,
        tested.effect,
        tested.ci95,
        tested.p_difference,
        tested.pairs,
        evidence.lost,
        effects={run.seed: effect for run, effect in zip(evidence.runs, evidence.effects, strict=True)},
    )

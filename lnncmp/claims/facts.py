"""Claims about parameters, synapses, times, bytes: judged by their values at every seed, without a test."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import claimed_effect, effect, gather, smallest_effect
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Run
from lnncmp.comparison.costs import cost_of
from lnncmp.comparison.run_metrics import MEMORY, TIMES
from lnncmp.records.schema import MeasurementRecord

_BYTES = {"peak_memory": "peak_memory_bytes", "saved_memory": "saved_bytes"}


@dataclass(frozen=True)
class Fact:
    """One measure: values by seed, and the effects that have to agree (for counts and times one per seed).

    pairs: seeds of both models. note: what to know of the numbers, "" if nothing.
    """

    measure: str
    runs: tuple[Run, ...]
    effects: tuple[float, ...]
    pairs: int
    note: str = ""

    @property
    def middle(self) -> float:
        """The median effect."""
        return statistics.median(self.effects)


def threshold(claim: Claim) -> float:
    """Return the effect from which on a fact speaks for the claim: its factor, else the smallest effect of interest."""
    return claimed_effect(claim) if claim.at_least > 1 else smallest_effect(claim)


def facts_of(claim: Claim, pair: ClaimPair, measurements: Sequence[MeasurementRecord]) -> list[Fact]:
    """Return the claim's measure and its check, if it has one, without those that no record holds."""
    found = []
    for measure in filter(None, (claim.measure, claim.check)):
        asked = claim.model_copy(update={"measure": measure})
        fact = _bytes(asked, pair, measurements) if measure in MEMORY else _counts(asked, pair)
        if fact.effects:
            found.append(fact)
    return found


def _counts(claim: Claim, pair: ClaimPair) -> Fact:
    evidence = gather(claim, pair)
    together = max((run.stacked for side in pair.both for run in side.by_seed.values()), default=1)
    shared = claim.measure in TIMES and together > 1
    note = f"of runs trained {together} at a time, each of which is given its share of the time" if shared else ""
    return Fact(claim.measure, evidence.runs, evidence.effects, len(evidence.runs), note)


def _bytes(claim: Claim, pair: ClaimPair, measurements: Sequence[MeasurementRecord]) -> Fact:
    """Return the bytes of the models, measured once for all seeds, at one batch shape."""
    nothing = Fact(claim.measure, (), (), 0)
    costs = [cost_of(side.sample, measurements) for side in pair.both]
    if costs[0] is None or costs[1] is None or _shape(costs[0]) != _shape(costs[1]):
        return nothing
    left, right = (int(getattr(cost, _BYTES[claim.measure])) for cost in costs)
    found = effect(claim, left, right)
    if found is None:
        return nothing
    runs = tuple(Run(seed=seed, left=left, right=right) for seed in pair.seeds)
    return Fact(claim.measure, runs, (found,), len(runs), "measured once for each model, at the batch of the training")


def _shape(cost: MeasurementRecord) -> tuple[int, int]:
    return cost.batch, cost.steps

"""Claims about parameters, synapses, times, bytes: judged without a test over seeds.

Counts and saved bytes are exact: one value decides. Times and peaks of memory are judged by the interval of the effect
over the repeats of their measurement, in which both models were measured in turn: it has to lie on one side.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lnncmp import stats
from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import claimed_effect, effect, gather, smallest_effect
from lnncmp.claims.pairs import ClaimPair
from lnncmp.claims.schema import Run
from lnncmp.comparison.costs import epoch_seconds, peak_memory
from lnncmp.comparison.run_metrics import COUNTS, EXACT
from lnncmp.records.schema import MeasurementRecord

MIN_REPEATS = 3
"""Fewest repeats whose interval decides anything."""
_SAMPLES: Mapping[str, Callable[[MeasurementRecord], Sequence[float]]] = {
    "epoch_seconds": epoch_seconds,
    "throughput": lambda record: [1 / seconds for seconds in epoch_seconds(record)],
    "peak_memory": peak_memory,
    "memory_spread": lambda record: record.memory_spread_samples,
    "saved_memory": lambda record: [record.saved_bytes],
}


@dataclass(frozen=True)
class Fact:
    """One measure: values by seed (of measurements: by repeat), and the effects that have to agree.

    effects: one per seed of counts, one of saved bytes, of other measurements the ends of the interval over repeats and
    its middle. pairs: seeds or repeats of both models, counted_in: which of these; in_favour: how many of them point
    the claim's way. note: what to know of the numbers.
    """

    measure: str
    runs: tuple[Run, ...]
    effects: tuple[float, ...]
    pairs: int
    in_favour: int = 0
    counted_in: str = "seed"
    note: str = ""

    @property
    def middle(self) -> float:
        """The median effect."""
        return statistics.median(self.effects)

    @property
    def few(self) -> bool:
        """Whether there are too few repeats for any verdict."""
        return self.measure not in EXACT and self.pairs < MIN_REPEATS


def threshold(claim: Claim) -> float:
    """Return the effect from which on a fact speaks for the claim: its factor, else the smallest effect of interest."""
    return claimed_effect(claim) if claim.at_least > 1 else smallest_effect(claim)


def facts_of(claim: Claim, pair: ClaimPair, measurements: Sequence[MeasurementRecord]) -> list[Fact]:
    """Return the claim's measure and its check, if it has one, without those that no record holds."""
    found = []
    for measure in filter(None, (claim.measure, claim.check)):
        asked = claim.model_copy(update={"measure": measure})
        fact = _counts(asked, pair) if measure in COUNTS else _measured(asked, pair, measurements)
        if fact.effects:
            found.append(fact)
    return found


def _counts(claim: Claim, pair: ClaimPair) -> Fact:
    evidence = gather(claim, pair)
    effects = evidence.effects
    return Fact(claim.measure, evidence.runs, effects, len(effects), sum(effect > 0 for effect in effects))


def _measured(claim: Claim, pair: ClaimPair, measurements: Sequence[MeasurementRecord]) -> Fact:
    """Return what measurements of both models at one batch shape say, best in one session, repeat by repeat."""
    nothing = Fact(claim.measure, (), (), 0)
    costs = pair.costs(measurements)
    if costs is None:
        return nothing
    values = [_SAMPLES[claim.measure](cost) for cost in costs]
    pairs = list(zip(*values, strict=False))
    if claim.measure not in EXACT and (costs[0].session is None or costs[0].session != costs[1].session):
        pairs = [(statistics.median(values[0]), statistics.median(values[1]))] if all(values) else []
    effects = [effect(claim, left, right) for left, right in pairs]
    known = [value for value in effects if value is not None]
    if not known or len(known) < len(effects):
        return nothing
    runs = tuple(Run(seed=number, left=left, right=right) for number, (left, right) in enumerate(pairs))
    ends = stats.mean_interval(known) if len(known) >= MIN_REPEATS else None
    decisive = known if ends is None else (ends[0], sum(known) / len(known), ends[1])
    in_favour, note = sum(value > 0 for value in known), _note(claim.measure, costs, len(known))
    return Fact(claim.measure, runs, tuple(decisive), len(known), in_favour, "repeat", note)


def _note(measure: str, costs: tuple[MeasurementRecord, MeasurementRecord], repeats: int) -> str:
    """Return how two models were measured."""
    batch = f"at the batch of the training ({costs[0].batch})"
    if measure in EXACT:
        return f"counted once for each model, {batch}"
    if repeats < MIN_REPEATS:
        return f"not measured in turn over {MIN_REPEATS} repeats or more, {batch}"
    return f"measured in {repeats} fresh processes, in each of them in turn, one copy of each model, {batch}"

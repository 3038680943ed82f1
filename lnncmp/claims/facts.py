"""Claims about parameters, synapses, times, bytes: judged by their values at every seed, without a test."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.claims.claim import Claim
from lnncmp.claims.evidence import boundary, effect, gather, matters
from lnncmp.claims.schema import Run
from lnncmp.claims.sides import Sides
from lnncmp.comparison.groups import Arm
from lnncmp.comparison.run_metrics import MEMORY, TIMES
from lnncmp.records.schema import MeasurementRecord

_BYTES = {"peak_memory": "peak_memory_bytes", "saved_memory": "saved_bytes"}


@dataclass(frozen=True)
class Fact:
    """One measure: values by seed, and the effects that have to agree (for counts and times one a seed).

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


def least(claim: Claim) -> float:
    """Return the effect from which on a fact speaks for the claim: the factor it names, else what would matter."""
    return boundary(claim) if claim.at_least > 1 else matters(claim)


def facts_of(claim: Claim, sides: Sides, measurements: Sequence[MeasurementRecord]) -> list[Fact]:
    """Return the claim's measure and its check, if it has one, without those that no record holds."""
    found = []
    for measure in filter(None, (claim.measure, claim.check)):
        asked = claim.model_copy(update={"measure": measure})
        fact = _bytes(asked, sides, measurements) if measure in MEMORY else _counts(asked, sides)
        if fact.effects:
            found.append(fact)
    return found


def _counts(claim: Claim, sides: Sides) -> Fact:
    evidence = gather(claim, sides)
    together = max((run.stacked for arm in (sides.left, sides.right) for run in arm.by_seed.values()), default=1)
    shared = claim.measure in TIMES and together > 1
    note = f"of runs trained {together} at a time, each of which is given its share of the time" if shared else ""
    return Fact(claim.measure, evidence.runs, evidence.effects, len(evidence.runs), note)


def _bytes(claim: Claim, sides: Sides, measurements: Sequence[MeasurementRecord]) -> Fact:
    """Return the bytes of the models, measured once for all seeds, at one batch shape.

    A measurement names its model, implementation and batch shape, neither case nor size. So all pairs that may belong
    to these runs count, and have to agree.
    """
    name = _BYTES[claim.measure]
    pairs = [
        (int(getattr(a, name)), int(getattr(b, name)))
        for a in _candidates(sides.left, measurements)
        for b in _candidates(sides.right, measurements)
        if (a.batch, a.steps) == (b.batch, b.steps)
    ]
    effects = [value for a, b in pairs if (value := effect(claim, a, b)) is not None]
    if not effects:
        return Fact(claim.measure, (), (), 0)
    left, right = (float(statistics.median(pair[side] for pair in pairs)) for side in (0, 1))
    runs = tuple(Run(seed=seed, left=left, right=right) for seed in sides.seeds)
    note = "measured once a model, at the batch of the training"
    if len(effects) > 1:
        note += f"; {len(effects)} pairs of measurements may belong to these runs, so all count"
    return Fact(claim.measure, runs, tuple(effects), len(runs), note)


def _candidates(arm: Arm, measurements: Sequence[MeasurementRecord]) -> list[MeasurementRecord]:
    run, train = arm.sample, arm.sample.recipe.get("train")
    own = [one for one in measurements if (one.model, one.implementation) == (arm.label, run.implementation)]
    batch = train.get("batch_size") if isinstance(train, dict) else None
    exact = [one for one in own if one.batch == batch]
    return exact or [one for one in own if not isinstance(batch, int) or one.batch < batch]  # fewer windows than that

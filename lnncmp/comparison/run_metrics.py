"""What claims may name in addition to a case's own metrics: counts, bytes, times, errors on shifted test sets.

Each reads one number of one run; None is "this record does not hold it". Errors are in raw units of the case's targets.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lnncmp.data.task import CLASS_ERRORS
from lnncmp.records.metric import ERRORS, Metric
from lnncmp.records.schema import RunRecord

Sets = tuple[Sequence[str], Sequence[float]]
"""Groups of shifted test sets, and levels among them; no level means all."""


@dataclass(frozen=True)
class KnownMetric:
    """words: what it is, for sentences. unit: "" if it has none. read: (run, groups and levels) -> value."""

    words: str
    unit: str
    read: Callable[[RunRecord, Sets], float | None]


def _structure(name: str) -> Callable[[RunRecord, Sets], float | None]:
    return lambda run, sets: run.structure.get(name)


def _operations(name: str) -> Callable[[RunRecord, Sets], float | None]:
    return lambda run, sets: None if run.operations is None else float(getattr(run.operations, name))


def _perturbed(run: RunRecord, sets: Sets, error: str = "error") -> float | None:
    """Return the geometric mean of an error over all test sets of these groups and levels; None if a group has none."""
    groups, levels = sets
    if run.scores is None:
        return None
    found = [p for p in run.scores.perturbations if p.group in groups and (not levels or p.level in levels)]
    if {point.group for point in found} != set(groups) or (levels and {p.level for p in found} != set(levels)):
        return None
    errors: list[float] = [getattr(point, error) for point in found]
    if any(not value > 0 for value in errors):
        return 0.0 if all(value >= 0 for value in errors) else math.nan
    return math.exp(math.fsum(map(math.log, errors)) / len(errors))


def _growth(run: RunRecord, sets: Sets) -> float | None:
    shifted, clean = _perturbed(run, sets), scored(run)
    return shifted / clean if shifted is not None and clean else None


def _told_unit_time(run: RunRecord, sets: Sets) -> float | None:
    """Return the NMSE on the test set told that every elapsed time is 1; None where times are regular or withheld."""
    points = run.scores.perturbations if run.scores is not None else []
    return next((point.scaled for point in points if (point.group, point.name) == ("timespans", "ones")), None)


def scored(run: RunRecord, name: str | None = None) -> float | None:
    """Return a metric of the test split, the main error if none is named; None if it was not scored."""
    return None if run.scores is None else run.scores.metrics.get("test", {}).get(name or run.scores.main)


def _memory_in_training(run: RunRecord, sets: Sets) -> float | None:
    """Return the largest minus the smallest peak of memory of an epoch, after the first two.

    None under four epochs, and for a run of a stack, whose memory is that of several runs.
    """
    peaks = [epoch.peak_memory for epoch in run.history[_SETTLED:] if epoch.peak_memory is not None]
    return None if run.stacked > 1 or len(peaks) < 2 else float(max(peaks) - min(peaks))


_SETTLED = 2
"""Epochs after which the memory of training is taken to have settled."""

COUNTS: Mapping[str, KnownMetric] = {
    "active_parameters": KnownMetric("number of active parameters", "", lambda run, sets: run.parameters.active),
    "trainable_parameters": KnownMetric(
        "number of trainable parameters", "", lambda run, sets: run.parameters.trainable
    ),
    "neurons": KnownMetric("number of neurons", "", _structure("neurons")),
    "multiply_adds": KnownMetric("number of multiply-adds of a step", "", _operations("multiply_adds")),
    "step_energy": KnownMetric("energy of the arithmetic of a step", "J", _operations("energy")),
    "synapses": KnownMetric("number of synapses between neurons", "", _structure("synapses")),
}
"""Facts of a model, the same whenever it is built (but for its wiring): known of lost runs too."""

TIMES: Mapping[str, tuple[str, str]] = {
    "epoch_seconds": ("time per epoch", "s"),
    "throughput": ("training throughput", "epochs/s"),
}
MEMORY: Mapping[str, tuple[str, str]] = {
    "peak_memory": ("peak training memory", "B"),
    "memory_spread": ("spread of the peak memory over training steps", "B"),
    "saved_memory": ("memory kept for the backward pass", "B"),
}
MEASURED: Mapping[str, tuple[str, str]] = {**TIMES, **MEMORY}
"""Words and units of what the separate measurement of a model says (`MeasurementRecord`), once for all seeds."""
EXACT = (*COUNTS, "saved_memory")
"""Facts that are the same whenever they are counted: one value decides."""

SHIFTED: Mapping[str, KnownMetric] = {
    "perturbed_mse": KnownMetric("MSE on shifted test sets", "", _perturbed),
    "perturbed_nmse": KnownMetric("NMSE on shifted test sets", "", lambda run, sets: _perturbed(run, sets, "scaled")),
    "perturbed_growth": KnownMetric("growth of the MSE on shifted test sets", "", _growth),
}

RETOLD: Mapping[str, KnownMetric] = {
    "told_unit_time": KnownMetric("NMSE when told at test that every elapsed time is 1", "", _told_unit_time)
}

TRAINED: Mapping[str, KnownMetric] = {
    "training_memory_spread": KnownMetric("spread of the peak memory over epochs", "B", _memory_in_training)
}
"""What a run needed, which varies from run to run."""

KNOWN = (*COUNTS, *MEASURED, *SHIFTED, *RETOLD, *TRAINED)
FACTS = (*COUNTS, *MEASURED)
"""Measures of a model and not of what it learned: judged without a test over seeds."""
NEEDS_GROUPS = tuple(SHIFTED)


def value_of(run: RunRecord, measure: str, sets: Sets) -> float | None:
    """Return one measure of one run, of `KNOWN` without those of `MEASURED`, or a metric of the test split."""
    for table in (COUNTS, SHIFTED, RETOLD, TRAINED):
        if measure in table:
            return table[measure].read(run, sets)
    return scored(run, measure)


def in_words(measure: str, case: Sequence[Metric]) -> tuple[str, str]:
    """Return words and unit of a measure; `case` are the case's own."""
    if measure in MEASURED:
        return MEASURED[measure]
    for table in (COUNTS, SHIFTED, RETOLD, TRAINED):
        if measure in table:
            return table[measure].words, table[measure].unit
    for own in case:
        if own.name == measure:
            words = " ".join(own.heading.split())
            return words[0].lower() + words[1:] if words[1:2].islower() else words, own.unit
    ahead = "" if measure in CLASS_ERRORS else "one-step "
    return (f"{ahead}test {ERRORS[measure].heading}", "") if measure in ERRORS else (measure, "")

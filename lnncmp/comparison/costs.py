"""Which stored measurements of cost belong to which runs, and what they say.

A measurement counts for a run if it describes the model of that run on the same case, or if the run names it; never
across cases. Two models are compared by measurements of one session: their samples are pairs.
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lnncmp import stats
from lnncmp.records.schema import MeasurementRecord, RunRecord

Interval = tuple[float, float]


def costs_of(
    runs: Mapping[str, Sequence[RunRecord]], measurements: Sequence[MeasurementRecord]
) -> dict[str, MeasurementRecord]:
    """Return the measurements of models by row, of the session that has most rows, without rows that have none.

    runs: by row of the table. A row that this session lacks has the measurement that its runs name.
    """
    fitting = {row: _fitting(group[0], measurements) for row, group in runs.items()}
    sessions = Counter(
        session for found in fitting.values() for session in {one.session for one in found if one.session}
    )
    best = max(sessions, key=lambda session: sessions[session], default=None)
    chosen = {}
    for row, found in fitting.items():
        named = [one for one in found if one.measurement_id == runs[row][0].measurement_id]
        together = [one for one in found if one.session == best and best is not None]
        for one in (together or named or found)[:1]:
            chosen[row] = one
    return chosen


def _fitting(run: RunRecord, measurements: Sequence[MeasurementRecord]) -> list[MeasurementRecord]:
    """Return the measurements that may stand for the cost of a run, none if it cannot be told which.

    Those of another implementation than the one that ran never count. Older records do not say what they measured:
    they count if the run names them, and for older runs, which name none, if no other one of their model on this case
    is of the same batch or a smaller one.
    """
    same = [one for one in measurements if one.implementation == run.implementation]
    described = [one for one in same if one.arguments is not None and _describes(one, run)]
    named = [one for one in same if one.measurement_id == run.measurement_id and one.case in (None, run.case)]
    if named and named[0].windows is not None:
        described = [one for one in described if (one.windows, one.steps) == (named[0].windows, named[0].steps)]
    elif len({(one.windows, one.steps) for one in described}) > 1:
        described = []
    if described or named:
        return [*described, *(one for one in named if one not in described)]
    if run.measurement_id is not None:
        return []
    label, batch = run.recipe.model.label, run.recipe.train.batch_size
    old = [one for one in same if one.arguments is None and (one.case, one.model) == (run.case, label)]
    old = [one for one in old if one.batch == batch] or [one for one in old if one.batch < batch]
    return old if len(old) == 1 else []


def _describes(one: MeasurementRecord, run: RunRecord) -> bool:
    """Tell whether a measurement is of the model of a run, on its case, at its batch, device and threads."""
    recipe, made = run.recipe, one.provenance
    batch = recipe.train.batch_size if one.windows is None else min(recipe.train.batch_size, one.windows)
    return (
        (one.case, one.model, one.name, one.arguments, one.dt_as_input, one.batch, made.device, made.threads)
        == (run.case, recipe.model.label, recipe.model.name, recipe.model.arguments, recipe.dt_as_input, batch,
            recipe.device, recipe.threads)
        and (run.inputs, run.outputs) in ((None, None), (one.inputs, one.outputs))
    )  # fmt: skip


def untrained(
    costs: Mapping[str, MeasurementRecord], runs: Sequence[RunRecord], measurements: Sequence[MeasurementRecord]
) -> list[MeasurementRecord]:
    """Return the measurements of models that were measured together with these `costs` (by row) and never trained."""
    sessions = {one.session for one in costs.values() if one.session is not None}
    trained = {run.recipe.model.label for run in runs}
    return [one for one in measurements if one.session in sessions and one.model not in trained]


def step_seconds(record: MeasurementRecord) -> list[float]:
    """Return the time of a training step by repeat: processor time on one thread of a CPU, else wall-clock time.

    Processor time does not grow with what else the machine does. Of several threads it is their sum, and it leaves out
    what a GPU does.
    """
    return record.step_cpu_seconds if time_kind(record) == "processor time" else record.step_seconds


def time_kind(record: MeasurementRecord) -> str:
    """Return which time `step_seconds` returns: "processor time" or "wall-clock time"."""
    made = record.provenance
    alone = made.threads == 1 and made.device == "cpu"
    return "processor time" if alone and record.step_cpu_seconds else "wall-clock time"


def epoch_seconds(record: MeasurementRecord) -> list[float]:
    """Return the time of an epoch by repeat: steps of an epoch times the time of one. Empty for older records."""
    steps = record.epoch_steps
    return [] if steps is None or record.session is None else [steps * seconds for seconds in step_seconds(record)]


def peak_memory(record: MeasurementRecord) -> list[float]:
    """Return the peak of training memory in bytes by repeat; older records have one."""
    return list(map(float, record.peak_memory_samples or [record.peak_memory_bytes]))


def mean_and_interval(values: Sequence[float]) -> tuple[float | None, Interval | None]:
    """Return the mean over repeats and its 95% interval (Student t), None for fewer than two."""
    return stats.mean(values), stats.mean_interval(values)


def cost_fields(record: MeasurementRecord | None, shape: tuple[int, int] | None) -> dict[str, Any]:
    """Return the cost fields of a row of a table; nothing without a measurement at this shape (batch, steps)."""
    if record is None or (record.batch, record.steps) != shape:
        return {}
    times = epoch_seconds(record)
    epoch, interval = mean_and_interval(times)
    step = _median(step_seconds(record))
    peaks = record.peak_memory_samples
    return {
        "epoch_seconds": epoch,
        "epoch_seconds_ci95": interval,
        "epoch_seconds_range": (min(times), max(times)) if times else None,
        "step_seconds": step,
        "windows_per_second": record.batch / step if step else None,
        "latency_seconds": _median(record.latency_seconds),
        "peak_memory_bytes": record.peak_memory_bytes,
        "peak_memory_range": (min(peaks), max(peaks)) if peaks else None,
        "memory_spread_bytes": _median(record.memory_spread_samples),
        "saved_bytes": record.saved_bytes,
        "time_kind": time_kind(record),
        "cost_repeats": len(record.step_seconds) if record.session else 1,
        "cost_method": record.method,
        "joules_per_window": _median(record.joules_per_window),
        "energy_method": record.energy_method,
    }


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None

"""Estimates of the time and memory of a plan, from measured training steps."""

from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel

from lnncmp.records.schema import MeasurementRecord
from lnncmp.runs.plan import DataShape, Plan, RunSpec

PROCESS_BYTES = 450_000_000
"""Resident memory of a worker with torch loaded, before any training (measured: about 400 MB with its data)."""

_EVALUATION_FACTOR = 1.25
"""Time of training, validation and shifted test sets, over training alone (measured: 1.15 to 1.35)."""


class Estimate(BaseModel):
    """Wall-clock seconds of the missing runs, and peak memory of all processes together."""

    seconds: float
    memory_bytes: int


def run_seconds(spec: RunSpec, shape: DataShape, measured: Sequence[MeasurementRecord]) -> float:
    """Return the expected seconds of one run, 0 if its model was not measured."""
    times = [
        median(record.step_seconds) for record in measured if (record.model, record.case) == (spec.label, spec.case)
    ]
    batches = -(-shape.train_windows // spec.recipe.train.batch_size)
    return times[0] * batches * spec.recipe.train.epochs * _EVALUATION_FACTOR if times else 0.0


def task_bytes(measured: Sequence[MeasurementRecord]) -> int:
    """Return the peak memory of a process that trains any of the measured models."""
    return PROCESS_BYTES + max((record.peak_memory_bytes for record in measured), default=0)


def estimate(plan: Plan, missing: Sequence[RunSpec], measured: Sequence[MeasurementRecord], jobs: int) -> Estimate:
    """Return the estimate for the `missing` runs of `plan` on `jobs` processes."""
    costs = [run_seconds(spec, plan.shape, measured) for spec in missing]
    seconds = max(sum(costs) / jobs, max(costs, default=0.0))
    return Estimate(seconds=round(seconds, 1), memory_bytes=jobs * task_bytes(measured))

"""Estimates of the time and memory of a plan, from measured training steps."""

from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel

from lnncmp.records.schema import MeasurementRecord
from lnncmp.runs.plan import DataShape, Plan, RunSpec

PROCESS_BYTES = 530_000_000
"""Resident memory of a worker beyond its data and its training step: torch and the kernels that were loaded.

Measured as VmHWM on Linux, ltc and lstm in two epochs on two processes, preset quick: a worker of sine took 537 MB, one
of walker2d 682 MB, with training step and data.
"""

MAIN_BYTES = 100_000_000
"""Resident memory of the command itself, which loads no torch, and of the tracker of its workers, without data.

Measured as VmHWM: 88 and 12 MB with sine; 365 MB with walker2d, whose data were simulated in the same command.
"""

_DATA_COPIES = 12
"""Memory of a process for data, over that of its windows: shifted test sets, raw recordings, evaluation.

Fitted to the two studies above, which took 1,254 and 1,742 MB in all at once; 1.2 and 1.6 GB are promised.
"""

_VALUE_BYTES = 4

_EVALUATION_FACTOR = 1.25
"""Time of training, validation and shifted test sets, over training alone (measured: 1.15 to 1.35)."""


class Estimate(BaseModel):
    """Wall-clock seconds of the missing runs, and peak resident memory of all processes together.

    Pages that processes share, such as those of libraries, count in each.
    """

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
    """Return the peak memory of a process that trains any of the measured models, data left out."""
    return PROCESS_BYTES + max((record.peak_memory_bytes for record in measured), default=0)


def data_bytes(shape: DataShape) -> int:
    """Return the bytes of the windows of a study: inputs, targets and their mask, elapsed times, valid steps.

    Every process has all of them, the command itself as well.
    """
    windows = shape.train_windows + shape.validation_windows + shape.test_windows
    step = _VALUE_BYTES * (shape.inputs + shape.outputs + 1) + shape.outputs + 1
    return windows * shape.steps * step


def estimate(plan: Plan, missing: Sequence[RunSpec], measured: Sequence[MeasurementRecord], jobs: int) -> Estimate:
    """Return the estimate for the `missing` runs of `plan` on `jobs` processes."""
    costs = [run_seconds(spec, plan.shape, measured) for spec in missing]
    seconds = max(sum(costs) / jobs, max(costs, default=0.0))
    memory = MAIN_BYTES + jobs * task_bytes(measured) + (jobs + 1) * _DATA_COPIES * data_bytes(plan.shape)
    return Estimate(seconds=round(seconds, 1), memory_bytes=memory)

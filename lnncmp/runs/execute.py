"""Execute a plan: measurements first, then runs, longest first; stored results are not repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lnncmp.records.schema import MeasurementRecord, RunRecord
from lnncmp.records.store import Store
from lnncmp.runs.estimate import run_seconds, task_bytes
from lnncmp.runs.executors.base import Executor
from lnncmp.runs.listener import RunListener
from lnncmp.runs.measure_plan import measure
from lnncmp.runs.plan import Plan, RunBatch, RunSpec
from lnncmp.runs.processes import WorkerConfig


@dataclass
class Outcome:
    """Records of all runs of the plan, and the measurements, in the plan's order."""

    runs: list[RunRecord] = field(default_factory=list)
    measurements: list[MeasurementRecord] = field(default_factory=list)


def execute(plan: Plan, store: Store, config: WorkerConfig, listener: RunListener, executor: Executor) -> Outcome:
    """Execute the missing parts of `plan`, measurements on this machine and runs by `executor`; return all its records.

    Raises LnncmpError if a worker cannot use the data or the output folder. KeyboardInterrupt stops the workers and is
    raised again; each run continues from its last epoch next time.
    """
    missing = [spec for spec in plan.runs if store.finished(spec.run_id) is None]
    jobs = executor.jobs(config) if missing else config.jobs
    listener.planned(missing, len(plan.runs) - len(missing), jobs)
    measured = measure(plan.measurements, store, config, listener)
    config = replace(config, jobs=jobs, memory=task_bytes(measured))
    seconds = {run.run_id: run_seconds(run, plan.shape, measured) for run in missing}
    listener.expected(seconds)
    batches = run_batches(missing, config)
    longest_first = sorted(batches, key=lambda batch: -sum(seconds[run.run_id] for run in batch.runs))
    executor.work(longest_first, config, listener)
    runs = [record for spec in plan.runs if (record := store.run(spec.run_id)) is not None]
    return Outcome(runs, measured)


def train_batches(
    batches: Sequence[RunBatch], config: WorkerConfig, listener: RunListener, executor: Executor, stored: int = 0
) -> None:
    """Carry out batches of runs in this order, without measurements; their records are in the store of `config.out`.

    stored: how many other runs of the study have a record. Raises LnncmpError and KeyboardInterrupt like `execute`.
    """
    jobs = executor.jobs(config) if batches else config.jobs
    listener.planned([run for batch in batches for run in batch.runs], stored, jobs)
    executor.work(batches, replace(config, jobs=jobs), listener)


def run_batches(runs: Sequence[RunSpec], config: WorkerConfig) -> list[RunBatch]:
    """Return `runs` in batches of one model: of `config.stack` runs, or enough batches to keep all processes busy.

    Runs of a batch differ in their seed alone: those of several plans are kept apart.
    """
    by_model: dict[tuple[str, str], list[RunSpec]] = {}
    for run in runs:
        alike = run.recipe.model_copy(update={"seed": 0}).model_dump_json()
        by_model.setdefault((run.data_hash, alike), []).append(run)
    batches = []
    for group in by_model.values():
        parts = -(-len(group) // config.stack) if config.stack else min(config.jobs, len(group))
        bounds = [len(group) * k // parts for k in range(parts + 1)]
        batches += [RunBatch(runs=tuple(group[first:end])) for first, end in pairwise(bounds)]
    return batches

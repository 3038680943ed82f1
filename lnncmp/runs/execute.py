"""Execute a plan on local processes: measurements first, then runs, longest first; stored results are not repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from multiprocessing.connection import wait
from typing import Protocol

from lnncmp.errors import LnncmpError
from lnncmp.records.schema import MeasurementRecord, RunRecord
from lnncmp.records.store import Store
from lnncmp.runs.estimate import run_seconds
from lnncmp.runs.plan import MeasureSpec, Plan, RunBatch, RunSpec
from lnncmp.runs.processes import Task, Worker, WorkerConfig


class RunListener(Protocol):
    """Progress callbacks; `task` is a RunBatch or a MeasureSpec."""

    def started(self, task: Task) -> None:
        """Report that a task starts."""

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        """Report a finished epoch of a task and its validation loss."""

    def status(self, task: Task, text: str) -> None:
        """Report what a task is doing."""

    def finished(self, part: RunSpec | MeasureSpec, status: str, reason: str | None) -> None:
        """Report the end of a run or a measurement, its status (ok, diverged, failed) and the reason."""

    def ended(self, task: Task) -> None:
        """Report that a task is complete."""

    def postponed(self, task: Task) -> None:
        """Report that another process already works on a task, which is checked again later."""

    def warn(self, message: str) -> None:
        """Report a warning for the user."""


@dataclass
class Outcome:
    """Records of all runs of the plan, and the measurements, in the plan's order."""

    runs: list[RunRecord] = field(default_factory=list)
    measurements: list[MeasurementRecord] = field(default_factory=list)


def execute(plan: Plan, store: Store, config: WorkerConfig, listener: RunListener) -> Outcome:
    """Execute the missing parts of `plan`, then return all its records.

    Raises LnncmpError if a worker cannot use the data or the output folder. KeyboardInterrupt stops the workers and is
    raised again; each run continues from its last epoch next time.
    """
    todo = [spec for spec in plan.measurements if store.measurement(spec.measurement_id) is None]
    _Queue(replace(config, jobs=1), listener, together=config.jobs).work(todo)
    found = (store.measurement(spec.measurement_id) for spec in plan.measurements)
    measured = [record for record in found if record is not None]
    missing = [spec for spec in plan.runs if store.finished(spec.run_id) is None]
    batches = run_batches(missing, config)
    seconds = [sum(run_seconds(run, plan.shape, measured) for run in batch.runs) for batch in batches]
    longest_first = sorted(range(len(batches)), key=lambda k: -seconds[k])
    _Pool(config, listener).work([batches[k] for k in longest_first])
    runs = [record for spec in plan.runs if (record := store.run(spec.run_id)) is not None]
    return Outcome(runs, measured)


def train_batches(batches: Sequence[RunBatch], config: WorkerConfig, listener: RunListener) -> None:
    """Carry out batches of runs in this order, without measurements; their records are in the store of `config.out`.

    Raises LnncmpError and KeyboardInterrupt like `execute`.
    """
    _Pool(config, listener).work(batches)


def run_batches(runs: Sequence[RunSpec], config: WorkerConfig) -> list[RunBatch]:
    """Return `runs` in batches of one model: of `config.stack` runs, or enough batches to keep all processes busy."""
    by_model: dict[str, list[RunSpec]] = {}
    for run in runs:
        by_model.setdefault(run.label, []).append(run)
    batches = []
    for group in by_model.values():
        parts = -(-len(group) // config.stack) if config.stack else min(config.jobs, len(group))
        bounds = [len(group) * k // parts for k in range(parts + 1)]
        batches += [RunBatch(runs=tuple(group[first:end])) for first, end in pairwise(bounds)]
    return batches


class _Pool:
    """A pool of up to `jobs` workers, each with one task at a time."""

    def __init__(self, config: WorkerConfig, listener: RunListener) -> None:
        self.config = config
        self.listener = listener
        self.workers: list[Worker] = []
        self.waiting: list[Task] = []

    def work(self, tasks: Sequence[Task]) -> None:
        self.waiting = list(tasks)
        try:
            while self.waiting or self.workers:
                self._assign()
                self._receive()
        finally:
            for worker in self.workers:
                worker.interrupt()
            for worker in self.workers:
                worker.stop()

    def _assign(self) -> None:
        idle = [worker for worker in self.workers if worker.task is None]
        while self.waiting and (idle or len(self.workers) < self.config.jobs):
            self._give(idle.pop() if idle else self._hire())
        for worker in idle:
            self._dismiss(worker)

    def _give(self, worker: Worker) -> None:
        task = self.waiting.pop(0)
        self.listener.started(task)
        try:
            worker.give(task)
        except OSError:
            self._died(worker)

    def _hire(self) -> Worker:
        worker = Worker(self.config)
        self.workers.append(worker)
        return worker

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.stop()

    def _receive(self) -> None:
        by_pipe = {worker.pipe: worker for worker in self.workers}
        if not by_pipe:
            return
        for pipe in wait(list(by_pipe), timeout=1.0):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self._died(worker)
                continue
            self._handle(worker, message)

    def _handle(self, worker: Worker, message: tuple) -> None:  # type: ignore[type-arg]
        kind, *rest = message
        if kind == "ready":
            worker.ready = True
            return
        task = worker.task
        if kind == "error":
            raise rest[0]
        assert task is not None
        if kind == "epoch":
            self.listener.epoch(task, *rest)
        elif kind == "warn":
            self.listener.warn(rest[0])
        elif kind == "status":
            self.listener.status(task, rest[0])
        elif kind == "ended":
            self.listener.finished(*rest)
        else:
            worker.task = None
            self.listener.ended(task)
            if kind == "busy":
                self.waiting.append(rest[0])  # check again later: by then its record should exist
                self.listener.postponed(rest[0])
            elif kind == "again":
                self.waiting.insert(0, task)
            if isinstance(task, MeasureSpec):
                self._dismiss(worker)  # the next measurement is valid only in a new process

    def _died(self, worker: Worker) -> None:
        """Stop because a worker crashed. Nothing is recorded, so that its run can be resumed."""
        task = worker.task
        worker.process.join(timeout=5)
        code = worker.process.exitcode
        self.workers.remove(worker)
        worker.pipe.close()
        if task is None and worker.ready:
            return
        what = "" if task is None else f" working on {task_name(task)}"
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        raise LnncmpError(
            f"the process{what} was ended {how}; memory may have run out",
            "Finished runs are kept. Run the same command again with fewer --jobs or a smaller train.batch_size.",
        )


class _Queue(_Pool):
    """One task at a time, each in its own process: concurrent measurements would disturb each other.

    Groups of `together` processes are started at once, while nothing is measured, because loading the libraries takes
    longer than most measurements; then they measure one after another.
    """

    def __init__(self, config: WorkerConfig, listener: RunListener, together: int) -> None:
        super().__init__(config, listener)
        self.together = together

    def _assign(self) -> None:
        if any(worker.task is not None for worker in self.workers):
            return
        if not self.waiting:
            for worker in list(self.workers):
                self._dismiss(worker)
            return
        if not self.workers:
            for _ in range(min(self.together, len(self.waiting))):
                self._hire()
        if all(worker.ready for worker in self.workers):
            self._give(self.workers[0])


def task_name(task: Task | RunSpec) -> str:
    """Return the short name of a task, or of one of its runs, for progress lines."""
    if isinstance(task, MeasureSpec):
        return f"{task.label} (measuring)"
    seeds = [run.seed for run in task.runs] if isinstance(task, RunBatch) else [task.seed]
    if len(seeds) == 1:
        return f"{task.label} seed {seeds[0]}"
    in_a_row = seeds == list(range(seeds[0], seeds[-1] + 1))
    return f"{task.label} seeds {f'{seeds[0]}-{seeds[-1]}' if in_a_row else ','.join(map(str, seeds))}"

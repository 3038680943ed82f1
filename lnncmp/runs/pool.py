"""Pools of worker processes, what they report to the user, and the names of their tasks."""

from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from typing import Protocol

from lnncmp.errors import LnncmpError
from lnncmp.runs.plan import MeasureRepeat, MeasureSpec, RunBatch, RunSpec, Sample
from lnncmp.runs.processes import Task, Worker, WorkerConfig


class RunListener(Protocol):
    """Progress callbacks; `task` is a RunBatch or a MeasureRepeat."""

    def doing(self, text: str) -> None:
        """Report what is done between tasks, e.g. planning; nothing if empty."""

    def planned(self, runs: Sequence[RunSpec], stored: int, jobs: int) -> None:
        """Report the runs that are to be made on `jobs` processes, and how many others of the study are stored."""

    def expected(self, seconds: Mapping[str, float]) -> None:
        """Report how long runs should take, by run id; 0 is unknown."""

    def started(self, task: Task) -> None:
        """Report that a task starts."""

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        """Report a finished epoch of a task and its validation loss."""

    def status(self, task: Task, text: str, long: bool) -> None:
        """Report what a task is doing; long: it may take minutes, so a log should name it."""

    def finished(self, part: RunSpec | MeasureSpec, status: str, reason: str | None) -> None:
        """Report the end of a run or a measurement, its status (ok, diverged, failed) and the reason."""

    def ended(self, task: Task) -> None:
        """Report that a task is complete."""

    def postponed(self, task: Task) -> None:
        """Report that another process already works on a task, which is checked again later."""

    def warn(self, message: str) -> None:
        """Report a warning for the user."""


class Pool:
    """A pool of up to `jobs` workers, each with one task at a time."""

    def __init__(self, config: WorkerConfig, listener: RunListener) -> None:
        self.config = config
        self.listener = listener
        self.workers: list[Worker] = []
        self.waiting: list[Task] = []

    def work(self, tasks: Sequence[Task]) -> None:
        """Carry out the tasks; raises LnncmpError if a worker cannot go on."""
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
        if not worker.ready:
            self.listener.status(task, "importing torch", False)
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
            self.listener.status(task, *rest)
        elif kind == "ended":
            self.listener.finished(*rest)
        elif kind == "measured":
            self.measured(*rest)
        else:
            worker.task = None
            self.listener.ended(task)
            if kind == "busy":
                self.waiting.append(rest[0])  # check again later: by then its record should exist
                self.listener.postponed(rest[0])
            if isinstance(task, MeasureRepeat):
                self._dismiss(worker)  # the next repeat needs a fresh process

    def measured(self, samples: dict[str, Sample], failed: dict[str, str]) -> None:
        """Take the samples of a repeat of measurements, and the reasons of those that failed."""

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


class Queue(Pool):
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


def task_name(task: Task | RunSpec | MeasureSpec) -> str:
    """Return the short name of a task, or of one of its runs or measurements, for progress lines."""
    if isinstance(task, MeasureRepeat):
        return task.label
    if isinstance(task, MeasureSpec):
        return f"{task.label} (measuring)"
    seeds = [run.seed for run in task.runs] if isinstance(task, RunBatch) else [task.seed]
    if len(seeds) == 1:
        return f"{task.label} seed {seeds[0]}"
    in_a_row = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{task.label} seeds {f'{seeds[0]}-{seeds[-1]}' if in_a_row else ','.join(map(str, seeds))}"

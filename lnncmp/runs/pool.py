"""Pools of worker processes."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing.connection import wait

from lnncmp.errors import LnncmpError
from lnncmp.records.store import Store
from lnncmp.runs.limits import Limits
from lnncmp.runs.listener import RunListener, pass_on, task_name
from lnncmp.runs.plan import MeasureRepeat, Sample
from lnncmp.runs.processes import Task, Worker, WorkerConfig
from lnncmp.runs.unfinished import give_up


class Pool:
    """A pool of up to `jobs` workers, each with one task at a time.

    kept: workers of earlier pools that wait for work, and where those go that have none here; None: they end.
    """

    def __init__(
        self,
        config: WorkerConfig,
        listener: RunListener,
        limits: Limits | None = None,
        kept: list[Worker] | None = None,
    ) -> None:
        self.config, self.kept = config, kept
        self.listener = listener
        self.limits = Limits() if limits is None else limits
        self.workers: list[Worker] = []
        self.waiting: list[Task] = []

    def work(self, tasks: Sequence[Task]) -> None:
        """Carry out the tasks; raises LnncmpError if a worker cannot go on."""
        self.waiting = list(tasks)
        try:
            while self.waiting or self.workers:
                self._assign()
                self._lend()
                self._receive()
                self._enforce()
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
            self._part_with(worker)

    def _lend(self) -> None:
        """Let the workers that are left share the cores of those that have nothing to do any more."""
        working = [worker for worker in self.workers if worker.task is not None]
        cores = self.config.jobs * self.config.threads
        for number, worker in enumerate(working):
            share = (cores + len(working) - 1 - number) // len(working)
            worker.cores.value = self.config.threads if self.waiting else max(share, self.config.threads)

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
        worker = next((own for own in self.kept or () if own.serves(self.config)), None)
        if worker is None or self.kept is None:
            worker = Worker(self.config)
        else:
            self.kept.remove(worker)
        self.workers.append(worker)
        return worker

    def _part_with(self, worker: Worker) -> None:
        """Keep a worker without work for other pools, or let it end."""
        if self.kept is None:
            self._dismiss(worker)
            return
        self.workers.remove(worker)
        worker.rest()
        self.kept.append(worker)

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
            worker.heard = time.monotonic()
            self._handle(worker, message)

    def _enforce(self) -> None:
        """Stop workers that exceed a limit; what each of them worked on is tried run by run, or recorded as stopped."""
        now = time.monotonic()
        for worker in list(self.workers):
            reason = self.limits.exceeded(now - worker.heard, worker.process.pid or 0)
            if reason and worker.task is not None:
                worker.process.kill()  # it may be stuck in compiled code, which no signal handler interrupts
                self._dismiss(worker)
                self._stopped(worker.task, reason)

    def _stopped(self, task: Task, reason: str) -> None:
        if isinstance(task, MeasureRepeat):
            raise LnncmpError(
                f"{task_name(task)} was stopped: it gave no answer within {(self.limits.seconds or 0) / 60:g} minutes",
                "Finished runs are kept. Raise the limit, or change --models.",
            )
        store = Store(self.config.out, self.listener.warn)
        with ExitStack() as locks:  # a run that another command has taken up meanwhile is that one's
            mine = [run for run in task.runs if locks.enter_context(store.lock(run.run_id))]
            missing = [run for run in mine if store.finished(run.run_id) is None]
            self.waiting += give_up(missing, reason, store, self.config.jobs, self.listener)
        self.listener.ended(task)

    def _handle(self, worker: Worker, message: tuple) -> None:  # type: ignore[type-arg]
        kind, *rest = message
        if kind == "ready":
            worker.ready = True
            return
        task = worker.task
        if kind == "error":
            raise rest[0]
        assert task is not None
        if kind == "measured":
            self.measured(*rest)
        elif kind not in ("busy", "done"):
            pass_on(self.listener, task, kind, *rest)
        else:
            worker.task = None
            self.listener.ended(task)
            if kind == "busy":
                self.waiting.append(rest[0])  # check again later: by then its record should exist
                self.listener.postponed(rest[0])
            if isinstance(task, MeasureRepeat) and not _is_check(task):
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
    longer than most measurements; then they measure one after another. Checks, which come first, run side by side, and
    leave the processes as they were.
    """

    def __init__(self, config: WorkerConfig, listener: RunListener, together: int) -> None:
        super().__init__(config, listener)
        self.together = together

    def _assign(self) -> None:
        working = [worker for worker in self.workers if worker.task is not None]
        if not self.waiting:
            for worker in [] if working else list(self.workers):
                self._dismiss(worker)
            return
        if not self.workers:
            for _ in range(min(self.together, len(self.waiting))):
                self._hire()
        if all(worker.ready for worker in self.workers):
            for worker in [own for own in self.workers if own.task is None]:
                if self.waiting and (not working or _is_check(self.waiting[0])):
                    self._give(worker)
                    working.append(worker)


def _is_check(task: Task) -> bool:
    return isinstance(task, MeasureRepeat) and task.check

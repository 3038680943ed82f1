"""Worker processes: started fresh (spawn), fed through a pipe, gone when their parent is gone.

A worker keeps the prepared data from run to run; a measurement gets a process of its own that ends with it.
"""

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lnncmp.errors import LnncmpError
from lnncmp.runs.plan import MeasureSpec, RunSpec
from lnncmp.sources.base import SourceContext

Task = RunSpec | MeasureSpec
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Assignment:
    """What a worker needs beside its tasks: output folder, where data are, threads, how many run at once."""

    out: Path
    cache: Path
    data_dir: Path | None
    threads: int
    deterministic: bool
    jobs: int


class Worker:
    """One child process.

    Messages it sends: ("epoch", epoch, epochs, loss), ("warn", text), ("done", status, reason),
    ("busy",) when another process holds the run, ("measured", record), ("error", LnncmpError).
    """

    def __init__(self, assignment: Assignment) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, child = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(child, assignment, os.getpid()), daemon=True)
        with _environment(assignment.threads):
            self.process.start()
        child.close()
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        """Hand the worker its next task."""
        self.task = task
        self.pipe.send(task)

    def stop(self) -> None:
        """End the process at once; what it had reached is in its checkpoint."""
        self.pipe.close()
        self.process.terminate()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _environment:
    """Sets the thread variables of native libraries while a child starts: they are read when it loads them."""

    def __init__(self, threads: int) -> None:
        self.wanted = {name: str(threads) for name in _THREAD_VARIABLES}
        self.before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.wanted}
        os.environ.update(self.wanted)

    def __exit__(self, *exception: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _serve(pipe: Connection, assignment: Assignment, parent: int) -> None:
    """Work on tasks until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a terminal sends Ctrl-C to the whole group
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    session = _Session(pipe, assignment)
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            session.work(task)
        except LnncmpError as error:
            pipe.send(("error", error))


def _die_with(parent: int) -> None:
    # A parent that was killed cannot end its children: they would go on unseen and hold locks.
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


class _Session:
    """State of a worker between tasks: the store, and the data prepared last."""

    def __init__(self, pipe: Connection, assignment: Assignment) -> None:
        from lnncmp.runs.store import Store
        from lnncmp.runs.worker import set_up_torch

        set_up_torch(assignment.threads, assignment.deterministic)
        self.pipe = pipe
        self.assignment = assignment
        self.store = Store(assignment.out, self._warn)
        self.prepared: Any = None
        self.prepared_for: str | None = None

    def _warn(self, message: str) -> None:
        self.pipe.send(("warn", message))

    def work(self, task: Task) -> None:
        if isinstance(task, MeasureSpec):
            from lnncmp.runs.worker import execute_measurement

            self.pipe.send(("measured", execute_measurement(task)))
            return
        with self.store.lock(task.run_id) as mine:
            if not mine:
                self.pipe.send(("busy",))
                return
            self._run(task)

    def _run(self, task: RunSpec) -> None:
        from lnncmp.runs.worker import execute_run

        record = self.store.run(task.run_id)
        if record is None:
            self._prepare(task)
            record = execute_run(
                task, self.prepared, self.store, self.assignment.jobs, lambda *news: self.pipe.send(("epoch", *news))
            )
        self.pipe.send(("done", record.status, record.reason))

    def _prepare(self, task: RunSpec) -> None:
        from lnncmp.runs.worker import prepare_data

        if self.prepared_for != task.data_hash:
            # The main process has fetched and checked the data already; here they are read, never downloaded.
            context = SourceContext(self.assignment.cache, self.assignment.data_dir, offline=True)
            self.prepared = prepare_data(task.recipe, context)
            self.prepared_for = task.data_hash

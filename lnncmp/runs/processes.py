"""Worker processes: started fresh (spawn), fed through a pipe, gone when their parent is gone.

A worker keeps the prepared data from run to run; a measurement gets a process of its own that ends with it.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from lnncmp.errors import LnncmpError
from lnncmp.runs.plan import MeasureSpec, RunBatch, RunSpec
from lnncmp.sources.base import SourceContext

Task = RunBatch | MeasureSpec
Answer = tuple[Any, ...]
_PATIENCE = 0.5
"""Seconds before a worker says that its task is in other hands, so that nobody asks again and again."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker needs beside its tasks: output folder, where data are, threads, how many run at once.

    stack: most runs of a model that are trained in one call; None: as many as keep all processes busy.
    """

    out: Path
    cache: Path
    data_dir: Path | None
    threads: int
    deterministic: bool
    jobs: int
    stack: int | None = None


class Worker:
    """One child process.

    Messages it sends: ("ready",) once it can work, ("epoch", epoch, epochs, loss), ("news", text) to be shown beside
    the task, ("warn", text), ("ended", run or measurement, status, reason), ("busy", task) when another process holds
    the task or some of its runs, ("again",) when the task needs a fresh process, ("done",), ("error", LnncmpError).
    """

    def __init__(self, config: WorkerConfig) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, child = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(child, config, os.getpid()), daemon=True)
        with _undisturbed(), _environment(config):
            self.process.start()
        child.close()
        self.task: Task | None = None
        self.ready = False

    def give(self, task: Task) -> None:
        """Hand the worker its next task."""
        self.task = task
        self.pipe.send(task)

    def interrupt(self) -> None:
        """Ask the process to end at once; what it had reached is in its checkpoint."""
        self.pipe.close()
        self.process.terminate()

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self.interrupt()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _environment:
    """Sets variables of native libraries while a child starts: they are read when it loads them."""

    def __init__(self, config: WorkerConfig) -> None:
        self.wanted = {name: str(config.threads) for name in _THREAD_VARIABLES}
        if config.deterministic:
            self.wanted["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it torch refuses matrix products on CUDA
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


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back while a child starts, and keep Ctrl-C from the child for good.

    A terminal sends Ctrl-C to the whole group, and a child still importing would answer with a traceback. The parent
    decides what ends.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears of signals
        yield
        return
    came: list[int] = []
    before = {n: signal.signal(n, lambda got, frame: came.append(got)) for n in (signal.SIGINT, signal.SIGTERM)}
    posix = os.name == "posix"  # elsewhere a child that is still importing answers Ctrl-C with a traceback
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if posix else set()  # children inherit the mask
    try:
        yield
    finally:
        if posix:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in came:
            signal.raise_signal(got)


class _Stopped(BaseException):
    """SIGTERM, as an exception: files being written are cleared away on the way out."""


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _serve(pipe: Connection, config: WorkerConfig, parent: int) -> None:
    """Work on tasks until the pipe closes, the parent is gone, or SIGTERM comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signal.signal(signal.SIGTERM, _on_sigterm)
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
        try:
            session = _Session(pipe, config)
        except Exception as error:
            pipe.send(("error", _internal("starting to work", error)))
            return
        pipe.send(("ready",))
        while True:
            session.answer(pipe.recv())
    except (_Stopped, EOFError, ConnectionError):
        # End without a word and without the interpreter's tidying, which may wait for threads of native libraries.
        os._exit(0)


def _internal(doing: str, error: Exception) -> LnncmpError:
    """Return the error for something that is nobody's fault but the program's."""
    trace = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(trace[-1].filename).name}:{trace[-1].lineno})" if trace else ""
    told = " ".join(str(error).split())
    return LnncmpError(
        f"internal error while {doing}: {type(error).__name__}: {told}{where}", "Finished runs are kept."
    )


def _die_with(parent: int) -> None:
    # A parent that was killed cannot end its children: they would go on unseen and hold locks.
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1.0)
    os._exit(1)


class _Session:
    """State of a worker between tasks: the store, and the data prepared last."""

    def __init__(self, pipe: Connection, config: WorkerConfig) -> None:
        from lnncmp.kernels.common.watch import tell_warnings, tell_when_compiling
        from lnncmp.records.store import Store
        from lnncmp.runs.measure_cost import set_up_torch

        set_up_torch(config.threads, config.deterministic)
        self.pipe = pipe
        self.config = config
        self.store = Store(config.out, self._warn)
        self.prepared: Any = None
        self.prepared_for: str | None = None
        tell_warnings(self._warn)
        tell_when_compiling(lambda: self.pipe.send(("news", "compiling kernels, once on this machine")))

    def _warn(self, message: str) -> None:
        self.pipe.send(("warn", message))

    def answer(self, task: Task) -> None:
        """Do `task` and say how it ended."""
        try:
            answer = self._measure(task) if isinstance(task, MeasureSpec) else self._run(task)
        except LnncmpError as error:
            answer = ("error", error)
        except ConnectionError:  # the parent is gone
            raise
        except Exception as error:
            answer = ("error", _internal(f"working on {task.label}", error))
        if answer[0] == "busy":
            time.sleep(_PATIENCE)
        self.pipe.send(answer)

    def _measure(self, task: MeasureSpec) -> Answer:
        from lnncmp.runs.measure_cost import RecompiledError, execute_measurement
        from lnncmp.runs.worker import failure

        with self.store.lock(task.measurement_id) as mine:
            if not mine:
                return "busy", task
            status, reason = "ok", None
            if self.store.measurement(task.measurement_id) is None:
                try:
                    self.store.write_measurement(execute_measurement(task))
                except RecompiledError:
                    return ("again",)
                except LnncmpError:
                    raise
                except Exception as error:  # a model that cannot be measured: its runs will say more
                    status, reason = "failed", failure(error)
        self.pipe.send(("ended", task, status, reason))
        return ("done",)

    def _run(self, task: RunBatch) -> Answer:
        with ExitStack() as locks:
            mine = [run for run in task.runs if locks.enter_context(self.store.lock(run.run_id))]
            self._carry_out(mine)
        others = tuple(run for run in task.runs if run not in mine)
        return ("busy", RunBatch(runs=others)) if others else ("done",)

    def _carry_out(self, runs: list[RunSpec]) -> None:
        from lnncmp.runs.worker import execute_runs

        missing = []
        for run in runs:
            record = self.store.finished(run.run_id)
            if record is None:
                missing.append(run)
            else:  # another process did it meanwhile
                self.pipe.send(("ended", run, record.status, record.reason))
        if not missing:
            return
        self._prepare(missing[0])
        by_id = {run.run_id: run for run in missing}
        execute_runs(
            RunBatch(runs=tuple(missing)),
            self.prepared,
            self.store,
            self.config.jobs,
            lambda *news: self.pipe.send(("epoch", *news)),
            lambda record: self.pipe.send(("ended", by_id[record.run_id], record.status, record.reason)),
        )

    def _prepare(self, task: RunSpec) -> None:
        from lnncmp.runs.worker import prepare_data

        if self.prepared_for != task.data_hash:
            # The main process has fetched and checked the data already; here they are read, never downloaded.
            context = SourceContext(self.config.cache, self.config.data_dir, offline=True)
            self.prepared = prepare_data(task.recipe, context)
            self.prepared_for = task.data_hash

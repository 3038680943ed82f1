"""Worker processes: spawned, controlled through a pipe, and terminated with their parent.

A worker keeps the prepared data between runs; each repeat of measurements gets its own process.
"""

import gc
import multiprocessing
import os
import signal
import threading
import time
import traceback
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from lnncmp.common.stopping import never_lost, signals_deferred
from lnncmp.errors import LnncmpError
from lnncmp.runs.plan import MeasureRepeat, RunBatch, RunSpec
from lnncmp.sources.base import SourceContext

Task = RunBatch | MeasureRepeat
Answer = tuple[Any, ...]
_BUSY_DELAY = 0.5
"""Seconds before a worker reports that another process holds its task, which limits the polling rate."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class WorkerConfig:
    """Configuration of a worker: output folder, data folders, threads, number of parallel processes.

    stack: maximum number of runs of a model trained in one call; None: as many as keep all processes busy.
    device: of the recipe. memory: bytes that a task takes at its peak, 0 if unknown.
    evaluate: whether runs are evaluated on test data after training. keep_weights: whether their weights are kept.
    """

    out: Path
    cache: Path
    data_dir: Path | None
    threads: int
    deterministic: bool
    jobs: int
    stack: int | None = None
    evaluate: bool = True
    keep_weights: bool = False
    files: tuple[Path, ...] = ()
    device: str = "cpu"
    memory: int = 0

    def context(self) -> SourceContext:
        """Return where the data are. They were fetched and verified when the runs were planned: now they are read."""
        return SourceContext(self.cache, self.data_dir, self.files, offline=True)


class Worker:
    """One child process. heard: when it last sent a message or was given a task (monotonic seconds).

    cores.value: how many cores it may use; it may change at any time.

    Messages that it sends: ("ready",) once loaded, ("epoch", epoch, epochs, loss), ("status", text, long) to show with
    the task, ("warn", text), ("ended", run, status, reason), ("measured", samples, reasons of failures),
    both by measurement id, ("busy", task) when another process holds some of its runs, ("done",),
    ("error", LnncmpError).
    """

    def __init__(self, config: WorkerConfig) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, child = context.Pipe()
        self.cores = context.RawValue("i", config.threads)
        args = child, config, os.getpid(), self.cores
        self.process: BaseProcess = context.Process(target=_serve, args=args, daemon=True)
        with signals_deferred(), _environment(config):
            self.process.start()
        child.close()
        self.config = config
        self.task: Task | None = None
        self.ready = False
        self.heard = time.monotonic()

    def give(self, task: Task) -> None:
        """Send the worker its next task."""
        self.task = task
        self.heard = time.monotonic()
        self.pipe.send(task)

    def serves(self, config: WorkerConfig) -> bool:
        """Return whether this process is alive and set up in that way."""
        return self.process.is_alive() and replace(self.config, memory=config.memory) == config

    def rest(self) -> None:
        """Have the worker let go of its data, until it is given a task."""
        with suppress(OSError):  # it has ended
            self.pipe.send(None)

    def interrupt(self) -> None:
        """Ask the process to terminate; its progress is in its checkpoint."""
        self.pipe.close()
        self.process.terminate()

    def stop(self) -> None:
        """Terminate the process and wait for its end."""
        self.interrupt()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def native_environment(config: WorkerConfig) -> dict[str, str]:
    """Return the environment variables of native libraries, which a process that trains reads on loading."""
    wanted = {name: str(config.threads) for name in _THREAD_VARIABLES}
    if config.deterministic:
        wanted["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it torch refuses matrix products on CUDA
    return wanted


class _environment:
    """Sets environment variables of native libraries while a child starts."""

    def __init__(self, config: WorkerConfig) -> None:
        self.wanted = native_environment(config)
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


class _Stopped(BaseException):
    """SIGTERM, as an exception: partly written files are removed on the way out."""


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _serve(pipe: Connection, config: WorkerConfig, parent: int, cores: Any) -> None:
    """Work on tasks until the pipe closes, the parent ends, or SIGTERM arrives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        signal.signal(signal.SIGTERM, _on_sigterm)
        with never_lost({_Stopped: signal.SIGTERM}):
            threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
            _work(pipe, config, cores)
    except (_Stopped, EOFError, ConnectionError):
        # Exit without the interpreter's cleanup, which may wait for threads of native libraries.
        os._exit(0)


def _work(pipe: Connection, config: WorkerConfig, cores: Any) -> None:
    try:
        session = _Session(pipe, config)
        session.allow(cores)
    except Exception as error:
        pipe.send(("error", internal_error("starting to work", error)))
        return
    pipe.send(("ready",))
    while True:
        task = pipe.recv()
        if task is None:
            session.rest()
        else:
            session.answer(task)


def internal_error(doing: str, error: Exception) -> LnncmpError:
    """Return the error for a fault of the program itself."""
    trace = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(trace[-1].filename).name}:{trace[-1].lineno})" if trace else ""
    message = " ".join(str(error).split())
    return LnncmpError(
        f"internal error while {doing}: {type(error).__name__}: {message}{where}", "Finished runs are kept."
    )


def _die_with(parent: int) -> None:
    # A killed parent cannot stop its children: they would continue unnoticed and hold locks.
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1.0)
    os._exit(1)


class _Session:
    """State of a worker between tasks: the store, and the data prepared most recently."""

    def __init__(self, pipe: Connection, config: WorkerConfig) -> None:
        from lnncmp.kernels.common.watch import tell_warnings, tell_when_compiling
        from lnncmp.records.store import Store
        from lnncmp.runs.measure_cost import set_up_torch

        set_up_torch(config.threads, config.deterministic)
        self.pipe = pipe
        self.config = config
        self.store = Store(config.out, self._warn)
        self.prepared: Any = None
        self.scorer: Any = None
        self.prepared_for: str | None = None
        tell_warnings(self._warn)
        tell_when_compiling(lambda: self._status("compiling kernels, once on this machine", long=True))

    def allow(self, cores: Any) -> None:
        """Use as many cores as `cores.value` says."""
        from lnncmp.training.spare_cores import Allowed

        Allowed.cores = lambda: cores.value

    def _warn(self, message: str) -> None:
        self.pipe.send(("warn", message))

    def _status(self, text: str, long: bool = False) -> None:
        self.pipe.send(("status", text, long))

    def answer(self, task: Task) -> None:
        """Execute `task` and report its outcome."""
        try:
            answer = self._measure(task) if isinstance(task, MeasureRepeat) else self._run(task)
        except LnncmpError as error:
            answer = ("error", error)
        except ConnectionError:  # the parent has ended
            raise
        except Exception as error:
            answer = ("error", internal_error(f"working on {task.label}", error))
        if answer[0] == "busy":
            time.sleep(_BUSY_DELAY)
        self.pipe.send(answer)

    def rest(self) -> None:
        """Let go of the data."""
        from lnncmp.evaluation.cost import release_heap

        self.prepared = self.scorer = self.prepared_for = None
        gc.collect()
        release_heap()

    def _measure(self, task: MeasureRepeat) -> Answer:
        from lnncmp.runs.measure_cost import UnmeasurableError, check_models, measure_repeat

        found: dict[str, Any] = check_models(task.specs) if task.check else measure_repeat(task.specs)
        failed = {name: str(one) for name, one in found.items() if isinstance(one, UnmeasurableError)}
        samples = {} if task.check else {name: one for name, one in found.items() if name not in failed}
        self.pipe.send(("measured", samples, failed))
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
            else:  # another process finished it in the meantime
                self.pipe.send(("ended", run, record.status, record.reason))
        if not missing:
            return
        self._status("reading data")
        self._prepare(missing[0])
        self._status("training")
        by_id = {run.run_id: run for run in missing}
        execute_runs(
            RunBatch(runs=tuple(missing)),
            self.prepared,
            self.store,
            self.config.jobs,
            lambda *progress: self.pipe.send(("epoch", *progress)),
            lambda record: self.pipe.send(("ended", by_id[record.run_id], record.status, record.reason)),
            self.config.evaluate,
            self.config.keep_weights,
            self.scorer,
        )

    def _prepare(self, task: RunSpec) -> None:
        from lnncmp.runs.worker import prepare_run, scorer_of

        if self.prepared_for != task.data_hash:
            self.prepared = prepare_run(task, self.config.context())
            self.scorer = scorer_of(task, self.prepared) if self.config.evaluate else None
            self.prepared_for = task.data_hash

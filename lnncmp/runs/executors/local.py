"""Runs in worker processes of this machine, `--jobs` at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lnncmp.runs.executors.base import Choice, ExecutorKind
from lnncmp.runs.limits import Limits
from lnncmp.runs.listener import RunListener
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.pool import Pool
from lnncmp.runs.processes import Worker, WorkerConfig


class LocalExecutor:
    """A pool of worker processes for each list of batches, all within the same limits.

    kept: where workers wait between lists, None: a list's workers end with it. A new one takes seconds to load torch
    and its kernels.
    """

    def __init__(self, limits: Limits | None = None, kept: list[Worker] | None = None) -> None:
        self.limits, self.kept = limits, kept

    def jobs(self, config: WorkerConfig) -> int:
        """Return the number of processes."""
        return config.jobs

    def work(self, batches: Sequence[RunBatch], config: WorkerConfig, listener: RunListener) -> None:
        """Carry out the batches. Raises LnncmpError if a worker cannot go on."""
        Pool(config, listener, self.limits, self.kept).work(batches)


@contextmanager
def _start(choice: Choice) -> Iterator[LocalExecutor]:
    kept: list[Worker] = []
    try:
        yield LocalExecutor(choice.limits, kept)
    finally:
        for worker in kept:
            worker.stop()


EXECUTOR = ExecutorKind(summary="Processes of this machine.", start=_start)

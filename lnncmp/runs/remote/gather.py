"""The command's side of runs on other machines: what they send goes into its store, which nobody else writes."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from lnncmp.records.store import Store
from lnncmp.runs.listener import RunListener, pass_on
from lnncmp.runs.plan import RunBatch, RunSpec
from lnncmp.runs.processes import WorkerConfig
from lnncmp.runs.remote.versions import versions
from lnncmp.runs.remote.worker import Message, RemoteTask
from lnncmp.runs.unfinished import give_up


@dataclass
class Taken:
    """A batch that this command works on, with the locks of its runs. missing: its runs without a record, by run id.

    crashes: how often a machine was lost since the last finished epoch. heard: when its machine last sent something
    (monotonic seconds), None while it waits for one.
    """

    batch: RunBatch
    missing: dict[str, RunSpec]
    locks: ExitStack = field(default_factory=ExitStack)
    crashes: int = 0
    heard: float | None = None


class Gatherer:
    """Takes batches for this command, says what is to be sent of them, and keeps what comes back."""

    def __init__(self, config: WorkerConfig, listener: RunListener) -> None:
        self.config = config
        self.listener = listener
        self.store = Store(config.out, listener.warn)

    def take(self, batch: RunBatch) -> tuple[Taken | None, RunBatch | None]:
        """Lock the runs of a batch; return what this command is to do of it, and what another works on just now.

        A run that another has finished meanwhile is reported.
        """
        locks = ExitStack()
        mine = [run for run in batch.runs if locks.enter_context(self.store.lock(run.run_id))]
        others = [run for run in batch.runs if run not in mine]
        missing = {run.run_id: run for run in mine if not self._reported(run)}
        if missing:
            return Taken(_batch(list(missing.values())), missing, locks), _batch(others) if others else None
        locks.close()
        return None, _batch(others) if others else None

    def _reported(self, run: RunSpec) -> bool:
        record = self.store.finished(run.run_id)
        if record is not None:
            self.listener.finished(run, record.status, record.reason)
        return record is not None

    def task(self, taken: Taken) -> RemoteTask:
        """Return what a machine needs for the runs that are missing: each goes on from its last checkpoint."""
        found = {run_id: self.store.read_checkpoint(run_id) for run_id in taken.missing}
        return RemoteTask(
            batch=_batch(list(taken.missing.values())),
            checkpoints={run_id: content for run_id, content in found.items() if content is not None},
            versions=versions(),
            threads=self.config.threads,
            deterministic=self.config.deterministic,
            jobs=self.config.jobs,
            evaluate=self.config.evaluate,
            keep_weights=self.config.keep_weights,
        )

    def receive(self, taken: Taken, messages: Sequence[Message]) -> bool:
        """Keep and report what a machine sends; return whether the batch is done. Raises the LnncmpError it sends."""
        taken.heard = time.monotonic()
        for kind, *rest in messages:
            if kind == "error":
                raise rest[0]
            if kind == "checkpoint":
                taken.crashes = 0
                self.store.write_checkpoint(*rest)
            elif kind == "refused":
                self.store.refuse_checkpoint(*rest)
            elif kind == "weights":
                self.store.write_weights(*rest)
            elif kind == "record":
                self.store.write_run(rest[0])
                self.listener.finished(taken.missing.pop(rest[0].run_id), rest[0].status, rest[0].reason)
            elif kind == "done":
                return True
            else:
                pass_on(self.listener, taken.batch, kind, *rest)
        return False

    def give_up(self, taken: Taken, reason: str) -> list[RunBatch]:
        """Let go of a batch that was stopped; return its runs, to be tried one by one, unless it is one alone."""
        again = give_up(list(taken.missing.values()), reason, self.store, self.config.jobs, self.listener)
        self.end(taken)
        return again

    def end(self, taken: Taken) -> None:
        """Report that a batch is complete and let go of its runs."""
        taken.locks.close()
        self.listener.ended(taken.batch)


def _batch(runs: Sequence[RunSpec]) -> RunBatch:
    return RunBatch(runs=tuple(runs))

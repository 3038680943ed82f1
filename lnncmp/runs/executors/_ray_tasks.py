"""The tasks of one list of batches on a Ray cluster: handed out, listened to, handed out again if a node is lost."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lnncmp.cases.base import Prepared
from lnncmp.errors import LnncmpError
from lnncmp.runs.listener import RunListener, task_name
from lnncmp.runs.plan import RunBatch, RunSpec
from lnncmp.runs.processes import WorkerConfig, native_environment
from lnncmp.runs.remote.data import self_contained
from lnncmp.runs.remote.gather import Gatherer, Taken
from lnncmp.runs.remote.worker import Message, RemoteTask, carry_out

if TYPE_CHECKING:
    from lnncmp.runs.executors.ray import RayExecutor

_CRASHES = 3
"""How often in a row a batch may lose its node without a finished epoch between."""
_PAUSE = 3.0
"""Seconds before a batch that lost its node is handed out again: Ray needs a moment to notice that a node is gone."""
_BUSY = 0.5
"""Seconds before a batch that another command works on is looked at again."""
_PATIENCE = 60.0
"""Seconds without any node that could work until the command gives up."""
_LOOK = 2.0
"""Seconds between two looks at what the nodes have."""
_AHEAD = 2
"""Lists of messages that a worker may send before the command has taken one."""


class RayTasks:
    """Batches that wait, until when (seconds of the monotonic clock), and those that nodes work on."""

    def __init__(self, executor: "RayExecutor", config: WorkerConfig, listener: RunListener) -> None:
        self.executor = executor
        self.config = config
        self.listener = listener
        self.gatherer = Gatherer(config, listener)
        self.waiting: list[tuple[float, RunBatch | Taken]] = []
        self.running: dict[Any, Taken] = {}
        self.room = self.looked = 0.0
        self.hope = time.monotonic()
        environment = {"env_vars": native_environment(config)}
        wanted = executor.resources(config)
        self.remote = executor.ray.remote(_on_a_node).options(
            num_cpus=wanted["CPU"],
            num_gpus=wanted.get("GPU", 0),
            memory=wanted["memory"],
            max_retries=0,  # a batch that is lost goes on from its newest checkpoint, not from what it was first given
            runtime_env=environment,
            _generator_backpressure_num_objects=_AHEAD,
        )

    def work(self, batches: Sequence[RunBatch]) -> None:
        """Carry out the batches. Whatever ends this early cancels the tasks that are left."""
        self.waiting = [(0.0, batch) for batch in batches]
        try:
            while self.waiting or self.running:
                self._look()
                self._assign()
                self._receive()
                self._enforce()
        finally:
            for generator, taken in self.running.items():
                self.executor.ray.cancel(generator, force=True)
                taken.locks.close()

    def _look(self) -> None:
        """See how many batches the nodes have room for now: some may have been lost, others may have joined."""
        now = time.monotonic()
        if now - self.looked < _LOOK:
            return
        self.looked, self.room = now, self.executor.room(self.config)
        if self.room:
            self.hope = now
        elif now - self.hope > _PATIENCE:
            raise LnncmpError(
                f"for {_PATIENCE:.0f} s no node of the Ray cluster could take a run",
                "Finished runs and epochs are kept. Start nodes, and run the same command again.",
            )

    def _assign(self) -> None:
        """Hand out what waits, in its order, as far as there is room."""
        now, most = time.monotonic(), min(self.executor.most or self.room, self.room)
        for entry in list(self.waiting):
            if len(self.running) >= most:
                return
            since, batch = entry
            if since <= now:
                self.waiting.remove(entry)
                self._give(batch if isinstance(batch, Taken) else self._taken(batch))

    def _taken(self, batch: RunBatch) -> Taken | None:
        taken, others = self.gatherer.take(batch)
        if others is not None:
            self.listener.postponed(others)
            self.waiting.append((time.monotonic() + _BUSY, others))
        if taken is not None:
            self.listener.started(taken.batch)
        return taken

    def _give(self, taken: Taken | None) -> None:
        if taken is not None:
            self.listener.status(taken.batch, "waiting for a node", False)
            data = self._data(next(iter(taken.missing.values())))
            self.running[self.remote.remote(self.gatherer.task(taken), data)] = taken

    def _data(self, run: RunSpec) -> Any:
        """Return the data of a run as an object of the cluster, put there once."""
        from lnncmp.runs.worker import prepare_run

        kept = self.executor.data
        if run.data_hash not in kept:
            kept[run.data_hash] = self.executor.ray.put(self_contained(prepare_run(run, self.config.context())))
        return kept[run.data_hash]

    def _receive(self) -> None:
        """Take the messages that are there; wait a moment if there are none."""
        if not self.running:
            time.sleep(_BUSY)
            return
        ray = self.executor.ray
        ready, _ = ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        for generator in ready or ray.wait(list(self.running), timeout=1.0)[0]:
            taken = self.running[generator]
            try:
                done = self.gatherer.receive(taken, ray.get(next(generator)))
            except (ray.exceptions.RayError, StopIteration) as error:
                del self.running[generator]
                self._lost(taken, error)
                continue
            if done:
                del self.running[generator]
                self.gatherer.end(taken)

    def _enforce(self) -> None:
        """Stop batches whose node has been silent for too long; their runs are tried one by one, or recorded."""
        now = time.monotonic()
        for generator, taken in list(self.running.items()):
            silent = 0.0 if taken.heard is None else now - taken.heard
            reason = self.executor.limits.exceeded(silent)
            if reason:
                del self.running[generator]
                self.executor.ray.cancel(generator, force=True)
                self.waiting += [(now, batch) for batch in self.gatherer.give_up(taken, reason)]

    def _lost(self, taken: Taken, error: Exception) -> None:
        """Have a batch handed out again. Raises LnncmpError if it lost its node too often, or the code failed."""
        name = task_name(taken.batch)
        if isinstance(error, self.executor.ray.exceptions.RayTaskError):
            taken.locks.close()
            last = (str(error).strip().splitlines() or ["no message"])[-1].strip()
            raise LnncmpError(f"a node could not work on {name}: {last}", "Finished runs are kept.")
        taken.crashes += 1
        taken.heard = None
        if taken.crashes >= _CRASHES:
            taken.locks.close()
            raise LnncmpError(
                f"{name} lost its node or its process {taken.crashes} times in a row ({type(error).__name__}); memory "
                "may have run out",
                "Finished runs and epochs are kept. Ray's logs on the nodes say more; use fewer --jobs or a smaller "
                "train.batch_size.",
            )
        self.listener.warn(f"{name} lost its node or its process; it goes on from its last epoch on another")
        self.waiting.insert(0, (time.monotonic() + _PAUSE, taken))


def _on_a_node(task: RemoteTask, prepared: Prepared) -> Iterator[list[Message]]:
    """Yield the messages of a task; this is what a node executes."""
    import ray

    yield from carry_out(task, prepared, f"node {ray.util.get_node_ip_address()}")

"""Runs as tasks of a Ray cluster: one that runs already (`--ray-address`), or one started here for this command.

A task is a batch of runs; it asks for `--threads` CPUs, a GPU if the device is one, and the memory that its training
should take. The data of a plan are put into the object store once and reach each node once. What a task sends
(checkpoints, weights, records) is written by the command alone, so nodes need no shared folder; a task whose node is
lost is given to another, with its last checkpoints. The cost of models is measured where the command runs, because
times of different machines are not to be compared.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lnncmp.errors import UsageError
from lnncmp.runs.estimate import PROCESS_BYTES
from lnncmp.runs.executors._ray_cluster import alive, connected
from lnncmp.runs.executors._ray_tasks import RayTasks
from lnncmp.runs.executors.base import Choice, ExecutorKind
from lnncmp.runs.limits import Limits
from lnncmp.runs.listener import RunListener
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.processes import WorkerConfig


class RayExecutor:
    """Carries out batches on a cluster. most: batches at once; None: as many as the cluster has room for."""

    def __init__(self, ray: Any, most: int | None, limits: Limits | None = None) -> None:
        self.ray = ray
        self.limits = Limits() if limits is None else limits
        self.most = most
        self.data: dict[str, Any] = {}

    def jobs(self, config: WorkerConfig) -> int:
        """Return how many batches there is room for. Raises UsageError if no node has what a batch takes."""
        room = self.room(config)
        if not room:
            wanted = self.resources(config)
            has = "; ".join(", ".join(f"{node.get(name, 0):g} {name}" for name in wanted) for node in alive(self.ray))
            asked = ", ".join(f"{amount:g} {name}" for name, amount in wanted.items())
            raise UsageError(
                f"no node of the Ray cluster has what one run takes ({asked}); they have: {has or 'no node is there'}",
                "Start a larger node, or use fewer --threads, or --device cpu.",
            )
        return min(room, self.most or room)

    def room(self, config: WorkerConfig) -> int:
        """Return how many batches the nodes that are there hold together, 0 if none fits on any."""
        wanted = self.resources(config)
        return sum(int(min(node.get(name, 0) // amount for name, amount in wanted.items())) for node in alive(self.ray))

    def resources(self, config: WorkerConfig) -> dict[str, float]:
        """Return what a batch takes of a node, by Ray's names. Raises UsageError for a device with a number."""
        device, _, number = config.device.partition(":")
        if number not in ("", "0"):
            raise UsageError(
                f"--device {config.device} names one GPU of one machine; with --executor ray, Ray chooses the GPUs",
                "Use --device cuda.",
            )
        wanted: dict[str, float] = {"CPU": config.threads, "memory": max(config.memory, PROCESS_BYTES)}
        return wanted | ({"GPU": 1} if device == "cuda" else {})

    def work(self, batches: Sequence[RunBatch], config: WorkerConfig, listener: RunListener) -> None:
        """Carry out the batches. Raises LnncmpError if no node is left for them, or one loses its node too often."""
        if batches:
            RayTasks(self, config, listener).work(batches)


@contextmanager
def _start(choice: Choice) -> Iterator[RayExecutor]:
    if choice.limits.memory_bytes is not None:
        raise UsageError(
            "--memory-limit watches processes of this machine; with --executor ray, Ray watches memory itself",
            "Leave it out.",
        )
    with connected(choice.address, max(choice.jobs or 0, choice.cores)) as ray:
        yield RayExecutor(ray, choice.jobs, choice.limits)


EXECUTOR = ExecutorKind(
    summary="Tasks of a Ray cluster, running already or started for the command.", start=_start, takes_address=True
)

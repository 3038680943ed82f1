"""The contract of an executor: it carries out batches of runs somewhere and reports them to a listener.

An executor is a file `lnncmp/runs/executors/<name>.py` that defines `EXECUTOR = ExecutorKind(...)`; the file's name is
what `--executor` takes. Measurements of cost are no task of an executor: times of different machines are not to be
compared, so they are taken where the command runs, one after another (`runs/measure_plan.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from lnncmp.common.registry import load_member, member_names
from lnncmp.errors import UsageError
from lnncmp.runs import executors
from lnncmp.runs.limits import Limits
from lnncmp.runs.listener import RunListener
from lnncmp.runs.plan import RunBatch
from lnncmp.runs.processes import WorkerConfig


class Executor(Protocol):
    """Carries out batches of runs. When `work` returns, the store of `config.out` has a record of each."""

    def jobs(self, config: WorkerConfig) -> int:
        """Return how many batches it carries out at once under this configuration. Raises UsageError if none."""

    def work(self, batches: Sequence[RunBatch], config: WorkerConfig, listener: RunListener) -> None:
        """Carry out the batches, begun in this order.

        Raises LnncmpError if work cannot go on. KeyboardInterrupt (and whatever else a signal raises) ends all work and
        is raised again. Either way finished runs are kept, and the others continue from their last epoch next time.
        """


@dataclass(frozen=True)
class Choice:
    """Which executor, and what it is told.

    jobs: batches at once, None for its own. address: of a running cluster. cores: of this machine, for a new one.
    limits: of each process, in time and memory.
    """

    name: str = "local"
    jobs: int | None = None
    address: str | None = None
    cores: int = 1
    limits: Limits = field(default_factory=Limits)

    @contextmanager
    def started(self) -> Iterator[Executor]:
        """Give the executor, ready to work, and end it afterwards. Raises UsageError for what it cannot be told."""
        kind = load_executor(self.name)
        if self.address is not None and not kind.takes_address:
            raise UsageError(
                f"--executor {self.name} takes no address, got '{self.address}'", "Add --executor ray, or leave it out."
            )
        with kind.start(self) as executor:
            yield executor


@dataclass(frozen=True)
class ExecutorKind:
    """One way to carry out runs.

    summary: one sentence. start: a choice -> the executor while the context lasts; raises UsageError if it is not to be
    had. takes_address: whether it can join a cluster that runs already.
    """

    summary: str
    start: Callable[[Choice], AbstractContextManager[Executor]]
    takes_address: bool = False


def executor_names() -> list[str]:
    """Return the names of all executors, sorted; imports none."""
    return member_names(executors)


def load_executor(name: str) -> ExecutorKind:
    """Return an executor by name. Raises UsageError with the nearest match if there is none of this name."""
    return load_member(executors, name, "EXECUTOR", "executor", ExecutorKind)

"""What is reported of the tasks of a study, and how tasks are called."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lnncmp.runs.plan import MeasureRepeat, MeasureSpec, RunBatch, RunSpec
from lnncmp.runs.processes import Task


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


def pass_on(listener: RunListener, task: Task, kind: str, *rest: Any) -> None:
    """Give a listener a message of a worker about its task: "epoch", "status", "warn" or "ended", and its values."""
    if kind == "epoch":
        listener.epoch(task, *rest)
    elif kind == "warn":
        listener.warn(*rest)
    elif kind == "status":
        listener.status(task, *rest)
    elif kind == "ended":
        listener.finished(*rest)


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

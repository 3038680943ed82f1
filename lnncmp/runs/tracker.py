"""Follows a command by its progress callbacks: what is under way, how many runs are done, the time left."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lnncmp.runs.listener import task_name
from lnncmp.runs.plan import MeasureRepeat, MeasureSpec, RunBatch, RunSpec
from lnncmp.runs.processes import Task
from lnncmp.runs.state import Activity, StudyState
from lnncmp.runs.time_left import Running, TimeLeft


@dataclass
class _Batch:
    """A batch of runs under way. first: the first epoch seen, for a batch may go on from a checkpoint; since: when."""

    runs: Sequence[RunSpec]
    began: float
    since: float = 0.0
    first: int = 0
    epoch: int = 0
    epochs: int = 0
    ended: list[RunSpec] = field(default_factory=list)

    def tell(self, epoch: int, epochs: int) -> None:
        """Take an epoch; a lower one than before begins another run of the batch."""
        if not self.first or epoch < self.epoch:
            self.first, self.since = epoch, time.perf_counter()
        self.epoch, self.epochs = epoch, epochs

    def running(self) -> Running:
        """Return the batch for an estimate; before its second epoch nothing tells how fast it is."""
        now = time.perf_counter()
        share = (self.epoch - self.first) / (self.epochs - self.first) if self.epoch > self.first else 0.0
        if self.ended:  # one after another, so the epochs are those of one run
            return Running(self.runs, now - self.began, (len(self.ended) + share % 1) / len(self.runs))
        return Running(self.runs, now - (self.since if share else self.began), share)


class Tracker:
    """Progress callbacks (`StudyListener`) that keep the state of a command; read from other threads, too.

    total: all runs of the command, 0 where unknown. title: the study under way. done: runs that have a record.
    """

    def __init__(self) -> None:
        self.total = self.done = self.lost = 0
        self.title = ""
        self._jobs = 1
        self._started = time.perf_counter()
        self._now = ""
        self._activities: dict[str, Activity] = {}
        self._batches: dict[str, _Batch] = {}
        self._left = TimeLeft()

    def state(self) -> StudyState:
        """Return what is going on."""
        own = (Activity(name=self._now),) if self._now else ()
        return StudyState(
            title=self.title,
            total=self.total,
            done=self.done,
            lost=self.lost,
            seconds=time.perf_counter() - self._started,
            seconds_left=self._seconds_left(),
            activities=(*own, *list(self._activities.values())),
        )

    def _seconds_left(self) -> float | None:
        unplanned = self.total - self.done - len(self._left.waiting)
        running = [batch.running() for batch in list(self._batches.values())]
        return self._left.seconds(running, unplanned, self._jobs) if self.total > self.done else None

    def doing(self, text: str) -> None:
        """Take what the command itself does between runs; nothing if empty."""
        self._now = text
        self._activities.clear()

    def data(self, description: str, done: int, total: int) -> None:
        """Take the progress of fetching or making data, or of drawing."""
        self._show(Activity(name=description, done=done, total=total))
        if total and done >= total:
            self._activities.pop(description, None)

    def planned(self, runs: Sequence[RunSpec], stored: int, jobs: int) -> None:
        """Take the runs of a study that are to be made, how many are stored, and how many processes there are."""
        self.done += stored
        self._jobs = jobs
        self._left.plan(runs)
        self.total = max(self.total, self.done + len(self._left.waiting)) if self.total else 0

    def expected(self, seconds: Mapping[str, float]) -> None:
        """Take how long runs should take, by run id."""
        self._left.expect(seconds)

    def started(self, task: Task) -> None:
        """Take a task that starts."""
        if isinstance(task, RunBatch):
            self._batches[task_name(task)] = _Batch(task.runs, time.perf_counter())
        if task_name(task) not in self._activities:  # else it is tried again: another process may still work on it
            self._show(Activity(name=task_name(task), words="measuring" if isinstance(task, MeasureRepeat) else ""))

    def status(self, task: Task, text: str, long: bool) -> None:
        """Take what a task is doing."""
        self._show(Activity(name=task_name(task), words=text))

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        """Take an epoch of a task and its validation loss."""
        if (batch := self._batches.get(task_name(task))) is not None:
            batch.tell(epoch, epochs)
        words = f"validation {loss:.4g}" + ("" if epoch < epochs else ", evaluating")
        self._show(Activity(name=task_name(task), words=words, done=epoch, total=epochs, unit="epochs"))

    def finished(self, part: RunSpec | MeasureSpec, status: str, reason: str | None) -> None:
        """Take the end of a run; measurements are not counted."""
        if isinstance(part, RunSpec):
            self.done += 1
            self.lost += status != "ok"
            self._left.ended(part)
            for batch in self._batches.values():
                if part in batch.runs:
                    batch.ended.append(part)

    def ended(self, task: Task) -> None:
        """Take the end of a task."""
        self._activities.pop(task_name(task), None)
        batch = self._batches.pop(task_name(task), None)
        if batch is not None and batch.ended:
            self._left.record(batch.ended, time.perf_counter() - batch.began)

    def postponed(self, task: Task) -> None:
        """Take that another process works on a task."""
        self._show(Activity(name=task_name(task), words="another process works on it"))

    def warn(self, message: str) -> None:
        """Take a warning, which changes nothing here."""

    def _show(self, activity: Activity) -> None:
        self._activities[activity.name] = activity

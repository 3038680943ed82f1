"""The progress of a command on standard error: one live display on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Group
from rich.live import Live

from lnncmp.cli.display import drawn
from lnncmp.cli.terminal import note, say, told
from lnncmp.runs.listener import task_name
from lnncmp.runs.plan import MeasureSpec, RunBatch, RunSpec
from lnncmp.runs.processes import Task
from lnncmp.runs.published import Publisher
from lnncmp.runs.tracker import Tracker


class LiveProgress(Tracker):
    """Shows data, measurements and runs of one command: finished runs as lines, what is under way below them.

    Without a terminal it prints the lines alone. out: the folder of records whose `runs watch` shows it, too.
    """

    def __init__(self, quiet: bool, out: Path | None = None) -> None:
        super().__init__()
        self.quiet = quiet
        self._plain = not told.is_terminal or told.is_dumb_terminal
        self._live: Live | None = None
        self._publisher = None if out is None else Publisher(out, self.state)
        self._began: dict[str, float] = {}
        self._said: set[str] = set()

    def __enter__(self) -> "LiveProgress":
        self._start()
        if self._publisher is not None:
            self._publisher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()
        if self._publisher is not None:
            self._publisher.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the display off the terminal while results are printed."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        if self._plain or self.quiet:
            return
        # Standard output is left alone: it may go elsewhere than this terminal.
        self._live = Live(
            get_renderable=self._draw, console=told, transient=True, refresh_per_second=8, redirect_stdout=False
        )
        self._live.start(refresh=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> Group:
        return drawn([self.state()], told.width)

    def doing(self, text: str) -> None:
        """Show what the command itself does between runs."""
        super().doing(text)
        if self._live is not None:
            self._live.refresh()  # what follows may keep the interpreter busy, as imports do

    def data(self, description: str, done: int, total: int) -> None:
        """Show the progress of fetching or generating data."""
        super().data(description, done, total)
        if total and done >= total:
            self._line(f"{description}: done")

    def planned(self, runs: Sequence[RunSpec], stored: int, jobs: int) -> None:
        """Show how many runs there are."""
        super().planned(runs, stored, jobs)
        if self.title and runs:
            self._print(f"{self.title}: {len(runs)} runs to do" + (f", {stored} stored" if stored else ""))

    def started(self, task: Task) -> None:
        """Show the runs or the measurements that start; of measurements the first repeat counts."""
        super().started(task)
        for part in task.runs if isinstance(task, RunBatch) else task.specs:
            self._began.setdefault(task_name(part), time.perf_counter())

    def postponed(self, task: Task) -> None:
        """Show that another process works on a task; print a line about it once."""
        super().postponed(task)
        self._once(f"{task_name(task)}: another process works on it; waiting for its record")

    def status(self, task: Task, text: str, long: bool) -> None:
        """Show what a task is doing."""
        super().status(task, text, long)
        if long:
            self._once(f"{task_name(task)}: {text}")

    def finished(self, part: RunSpec | MeasureSpec, status: str, reason: str | None) -> None:
        """Print the outcome of a run or measurement."""
        super().finished(part, status, reason)
        name, now = task_name(part), time.perf_counter()
        count = f"{self.done}/{self.total} " if self.total and isinstance(part, RunSpec) else ""
        self._print(f"{count}{name}: {status} in {now - self._began.pop(name, now):.0f} s")
        if reason:
            self.warn(f"{name} {status}: {reason}")

    def warn(self, message: str) -> None:
        """Print a warning above the live display, each once."""
        if self.quiet or message in self._said:
            return
        self._said.add(message)
        say(told, message, ("Warning:", "yellow"))

    def _print(self, text: str) -> None:
        if not self.quiet:
            note(text)

    def _line(self, text: str) -> None:
        """Print what the display shows anyhow."""
        if self._plain:
            self._print(text)

    def _once(self, text: str) -> None:
        """Print such a line once in a study."""
        key = f"{self.title}: {text}"
        if key not in self._said:
            self._said.add(key)
            self._line(text)

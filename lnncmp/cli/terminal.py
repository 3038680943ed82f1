"""Terminal output: results on standard output; errors, warnings and a live progress display on standard error."""

import errno
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from lnncmp.common.text import visible
from lnncmp.errors import DataError, LnncmpError
from lnncmp.runs.plan import MeasureSpec, RunBatch, RunSpec
from lnncmp.runs.pool import task_name
from lnncmp.runs.processes import Task

_stderr = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
_PIPE_WIDTH = 100
_LEAST_WIDTH = 80


def print_error(error: LnncmpError) -> None:
    """Print an error for the user: one sentence, then the hint on its own line."""
    _say(error.message, ("Error:", "bold red"))
    if error.hint:
        _say(error.hint)


def note(message: str) -> None:
    """Print a sentence that is not a result."""
    _say(message)


def _say(message: str, *head: tuple[str, str]) -> None:
    """Print text on standard error, never markup nor escapes of a terminal; head: a word before it, and its style."""
    _stderr.print(Text.assemble(*head, " " * bool(head), visible(message)))


def page() -> tuple[int, bool]:
    """Return (maximum line length of results, whether colors are allowed); in a pipe COLUMNS, if set, is the length."""
    stdout = Console()
    if not stdout.is_terminal:
        told = os.environ.get("COLUMNS", "")
        return max(int(told), _LEAST_WIDTH) if told.isdecimal() else _PIPE_WIDTH, False
    return max(stdout.width, _LEAST_WIDTH), not stdout.no_color and stdout.color_system is not None


def print_result(text: str) -> None:
    """Print results on standard output, control characters spelled out. Raises DataError like `print_rendered`."""
    print_rendered(visible(text))


def print_rendered(text: str) -> None:
    """Print results that are ready for a terminal, such as those of `render`: with the escapes of their styles.

    Raises DataError if they cannot be written, e.g. on a full disk.
    """
    try:
        typer.echo(text, nl=not text.endswith("\n"))
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has closed the pipe, as in `| head`
            raise
        with Path(os.devnull).open("w") as nowhere:  # the rest of the buffer would fail again on exit
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        reason = error.strerror or str(error)
        raise DataError(
            f"cannot write to standard output: {reason}", "Results are stored: run the same command again."
        ) from error


class _Terminated(BaseException):
    """SIGTERM, as a BaseException, so that no handler mistakes it for a failed run."""


@contextmanager
def interruptible(advice: str) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into exit codes 130 and 143; `advice` says how to continue."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except (KeyboardInterrupt, _Terminated) as stop:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ignore a second Ctrl-C
        note(f"Interrupted. {advice}")
        raise typer.Exit(130 if isinstance(stop, KeyboardInterrupt) else 143) from None
    finally:
        signal.signal(signal.SIGTERM, before)


class LiveProgress:
    """One display for data, measurements and runs. Without a terminal it prints one line per finished task."""

    def __init__(self, quiet: bool, total: int = 0) -> None:
        self.quiet = quiet
        self.plain = not _stderr.is_terminal
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            console=_stderr,
            disable=quiet or self.plain,
            transient=True,
        )
        self.tasks: dict[str, TaskID] = {}
        self.began: dict[str, float] = {}
        self.elsewhere: set[str] = set()
        self.warned: set[str] = set()
        self.done = 0
        self.total = total

    def __enter__(self) -> "LiveProgress":
        self.bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bars.stop()

    def data(self, description: str, done: int, total: int) -> None:
        """Show the progress of fetching or generating data."""
        self._update(description, done, total, "")
        if total and done >= total:
            self._remove(description)
            self._line(f"{description}: done")

    def started(self, task: Task) -> None:
        """Show the runs or the measurements that start; of measurements the first repeat counts."""
        for part in task.runs if isinstance(task, RunBatch) else task.specs:
            self.began.setdefault(task_name(part), time.perf_counter())
        self._update(task_name(task), 0, 0, "")

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        """Show the current epoch of a task."""
        self._update(task_name(task), epoch, epochs, f"validation {loss:.4g}")

    def postponed(self, task: Task) -> None:
        """Hide a task that another process works on; print a line about it once."""
        name = task_name(task)
        self._remove(name)
        if name not in self.elsewhere:
            self.elsewhere.add(name)
            self._line(f"{name}: another process works on it; waiting for its record")

    def status(self, task: Task, text: str) -> None:
        """Show what a task is doing."""
        self._update(task_name(task), 0, 0, text)
        self._line(f"{task_name(task)}: {text}")

    def ended(self, task: Task) -> None:
        """Hide a task that has ended."""
        self._remove(task_name(task))

    def finished(self, part: RunSpec | MeasureSpec, status: str, reason: str | None) -> None:
        """Print the outcome of a run or measurement."""
        name = task_name(part)
        self.done += 1
        seconds = time.perf_counter() - self.began.get(name, time.perf_counter())
        count = f"{self.done}/{self.total} " if self.total else ""
        self._line(f"{count}{name}: {status} in {seconds:.0f} s")
        if reason:
            self.warn(f"{name} {status}: {reason}")

    def warn(self, message: str) -> None:
        """Print a warning above the live display, each once."""
        if self.quiet or message in self.warned:
            return
        self.warned.add(message)
        _say(message, ("Warning:", "yellow"))

    def _line(self, text: str) -> None:
        if self.plain and not self.quiet:
            note(text)

    def _update(self, name: str, done: int, total: int, status: str) -> None:
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(visible(name), total=total or None, status="")
        self.bars.update(self.tasks[name], completed=done, total=total or None, status=visible(status))

    def _remove(self, name: str) -> None:
        if name in self.tasks:
            self.bars.remove_task(self.tasks.pop(name))

"""Terminal output: results on standard output, errors and notes on standard error."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import TextIO

import typer
from rich.console import Console
from rich.text import Text

from lnncmp.common.stopping import never_lost
from lnncmp.common.text import visible
from lnncmp.errors import DataError, LnncmpError

_errors = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
told = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
"""Where all but errors is printed that is no result; silent after `be_quiet`."""
_PIPE_WIDTH = 100
_LEAST_WIDTH = 80


def print_error(error: LnncmpError) -> None:
    """Print an error for the user: one sentence, then the hint on its own line."""
    say(_errors, error.message, ("Error:", "bold red"))
    if error.hint:
        say(_errors, error.hint)


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an unexpected exception, as `sys.excepthook`: what a library quotes of a file is text, too."""
    if sys.stderr is not None:
        sys.stderr.write(visible("".join(traceback.format_exception(kind, error, trace))))


def be_quiet(quiet: bool) -> bool:
    """Print nothing but errors on standard error from now on, or all; called for the option `--quiet` itself."""
    told.quiet = quiet
    return quiet


def note(message: str) -> None:
    """Print a sentence that is not a result, unless the command is to be quiet."""
    say(told, message)


def say(console: Console, message: str, *head: tuple[str, str]) -> None:
    """Print text on a console, never markup nor escapes of a terminal; head: a word before it, and its style."""
    console.print(Text.assemble(*head, " " * bool(head), visible(message)))


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
    if sys.stdout is None:  # as Python has it where the caller closed it
        raise DataError("cannot write to standard output: it is closed", "Results are stored: run the command again.")
    try:
        typer.echo(text, nl=not text.endswith("\n"))
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader has closed the pipe, as in `| head`
            raise
        _nowhere(sys.stdout)  # the rest of the buffer would fail again on exit
        reason = error.strerror or str(error)
        raise DataError(
            f"cannot write to standard output: {reason}", "Results are stored: run the same command again."
        ) from error


def _nowhere(*streams: TextIO) -> None:
    """Let what is still written to these streams vanish."""
    with Path(os.devnull).open("w") as nowhere:
        for stream in streams:
            with suppress(OSError, ValueError):
                os.dup2(nowhere.fileno(), stream.fileno())


_HANGUP = 1
"""The number of SIGHUP, which not every system has."""


class _Terminated(BaseException):
    """SIGTERM or SIGHUP, as a BaseException, so that no handler mistakes it for a failed run."""


@contextmanager
def interruptible(advice: str) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into exit codes 130, 143 and 129; `advice` says how to continue."""

    def terminate(number: int, frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)  # the way out is not interrupted again
        got.append(number)
        raise _Terminated

    got: list[int] = []
    terminal = sys.stderr.isatty()
    wanted = [signal.SIGTERM, *((signal.SIGHUP,) if os.name == "posix" else ())]
    before = {one: signal.getsignal(one) for one in wanted if signal.getsignal(one) != signal.SIG_IGN}  # nohup
    for one in before:
        signal.signal(one, terminate)
    try:
        with never_lost({KeyboardInterrupt: signal.SIGINT, _Terminated: signal.SIGTERM}):
            yield
    except (KeyboardInterrupt, _Terminated, OSError) as stop:
        if isinstance(stop, OSError) and not got:  # else the display that is left finds no terminal any more
            if not terminal or sys.stderr.isatty():
                raise
            got.append(_HANGUP)  # its signal is still on the way
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # ignore a second Ctrl-C
        try:
            note(f"Interrupted. {advice}")
        except OSError:  # the terminal is gone: what is left to print would fail again on exit
            _nowhere(sys.stdout, sys.stderr)
        raise typer.Exit(128 + got[0] if got else 130) from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

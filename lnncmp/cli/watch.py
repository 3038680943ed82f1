"""`lnncmp runs watch` and `tail`: how far the studies are that other processes carry out in a folder of records."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from lnncmp.cli import options
from lnncmp.cli.display import drawn, in_text
from lnncmp.cli.terminal import interruptible, print_result
from lnncmp.errors import DataError, LnncmpError
from lnncmp.records.find import read_record
from lnncmp.records.summaries import summary_of
from lnncmp.runs.published import read_published
from lnncmp.runs.state import StudyState

_SECONDS = 1.0

Every = Annotated[
    float, typer.Option(min=0.0, metavar="SECONDS", help="How often to say how far they are, if it has changed.")
]
Once = Annotated[bool, typer.Option("--once", help="Print how far they are now, and end.")]


def watch(out: options.Out = options.RESULTS, once: Once = False) -> None:
    """Show how far the studies are that run elsewhere: runs done, under way and lost, and the time left."""
    _require(out)
    states = _states(out)
    if once or not sys.stdout.isatty():
        print_result("\n".join(map(in_text, states)) if states else _nothing(out))
        return
    console = Console(highlight=False, emoji=False)
    with interruptible("What was watched goes on."):
        with Live(console=console, transient=True, refresh_per_second=8, redirect_stderr=False) as live:
            while states:
                live.update(drawn(states, console.width))
                time.sleep(_SECONDS)
                states = _states(out)
        print_result(_nothing(out))


def tail(out: options.Out = options.RESULTS, every: Every = 10.0) -> None:
    """Follow the studies that run elsewhere in plain lines: each run that ends, and how far they are."""
    _require(out)
    known, said, at = _names(out), "", -every
    states = _states(out)
    with interruptible("What was followed goes on."):
        while states:
            for name in sorted(_names(out) - known):
                print_result(_ended(out / "records" / name))
            known |= _names(out)
            now = "\n".join(map(in_text, states))
            if now != said and time.monotonic() - at >= every:
                print_result(now)
                said, at = now, time.monotonic()
            sys.stdout.flush()
            time.sleep(_SECONDS)
            states = _states(out)
        for name in sorted(_names(out) - known):
            print_result(_ended(out / "records" / name))
        print_result(_nothing(out))


def _require(out: Path) -> None:
    if not out.is_dir():
        raise DataError(f"the folder of records {out} does not exist", "Name the folder that the study has as --out.")


def _names(out: Path) -> set[str]:
    return {path.name for path in (out / "records").glob("*.json")}


def _ended(path: Path) -> str:
    """Return the sentence for a run that has ended, by its record."""
    try:
        run = summary_of(read_record(path))
    except LnncmpError as error:
        return error.message
    error_words = "" if run.test_error is None else f", test error {run.test_error:.4g}"
    return f"{run.model} seed {run.seed} ({run.study}): {run.status}{error_words}"


def _states(out: Path) -> list[StudyState]:
    return [one.now() for one in read_published(out)]


def _nothing(out: Path) -> str:
    """Return the sentence for a folder in which nothing runs."""
    kept = len(_names(out))
    return f"No study runs in {out} now; it holds {kept} record{'' if kept == 1 else 's'} of runs."

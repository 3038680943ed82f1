"""`lnncmp runs watch`: how far the studies are that other processes carry out in a folder of records."""

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
from lnncmp.errors import DataError
from lnncmp.runs.published import read_published
from lnncmp.runs.state import StudyState

_SECONDS = 1.0

Once = Annotated[bool, typer.Option("--once", help="Print how far they are now, and end.")]


def watch(out: options.Out = options.RESULTS, once: Once = False) -> None:
    """Show how far the studies are that run elsewhere: runs done, under way and lost, and the time left."""
    if not out.is_dir():
        raise DataError(f"the folder of records {out} does not exist", "Name the folder that the study has as --out.")
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


def _states(out: Path) -> list[StudyState]:
    return [one.now() for one in read_published(out)]


def _nothing(out: Path) -> str:
    """Return the sentence for a folder in which nothing runs."""
    kept = sum(1 for _ in (out / "records").glob("*.json"))
    return f"No study runs in {out} now; it holds {kept} record{'' if kept == 1 else 's'} of runs."

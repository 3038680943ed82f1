"""`lnncmp report`: the page to send to a colleague."""

from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cli import options
from lnncmp.cli.terminal import LiveProgress, interruptible, print_result

Cases = Annotated[list[str] | None, typer.Argument(metavar="[CASE]...", help="Only these cases; all if not given.")]
To = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="Where to write: a folder, or the page's name (.html).", show_default="OUT/report"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a report that is there.")]


def report(
    cases: Cases = None,
    out: options.Out = options.RESULTS,
    to: To = None,
    force: Force = False,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
) -> None:
    """Write verdicts and evidence as one HTML page, and Markdown, tables and figures beside it; print where."""
    from lnncmp.report.build.write import write_report

    with interruptible("Nothing was written unless the page is there."), LiveProgress(quiet) as progress:
        cores = jobs or options.available_cores()
        page = write_report(out, to, cases or (), force, progress.warn, progress.data, cores)
    print_result(str(page))

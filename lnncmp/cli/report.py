"""`lnncmp report`: all results as one HTML page to share."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lnncmp.cli import complete, options
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, print_result
from lnncmp.common.cores import available_cores

Cases = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CASE]...", autocompletion=complete.case, help="Only these cases (default: all)."),
]
To = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="Output path: a folder, or the name of the page (.html).", show_default="OUT/report"
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing report.")]


def report(
    cases: Cases = None,
    out: options.Out = options.RESULTS,
    to: To = None,
    force: Force = False,
    claims_file: options.ClaimsFile = None,
    beside: options.Beside = False,
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
) -> None:
    """Write verdicts and evidence as one HTML page, with Markdown, tables and figures next to it; print its path."""
    options.check_beside(claims_file, beside)
    with interruptible("The report is complete only if its page exists."), LiveProgress(quiet) as progress:
        progress.doing("importing")
        from lnncmp.claims.judge import judge_records
        from lnncmp.report.build.write import write_report

        judge = partial(judge_records, claims=claims_file, beside=beside)
        progress.doing("reading records and judging claims")
        cores = jobs or available_cores()
        page = write_report(out, to, cases or (), force, progress.warn, progress.data, cores, judge)
    print_result(str(page))

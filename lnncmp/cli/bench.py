"""`lnncmp bench`: speed and memory of these models compared with ncps and torch, on this machine."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lnncmp.bench.candidates import EVERY, IMPLEMENTATIONS, MODELS, choose_candidates
from lnncmp.bench.run import PARTS, Request, run_bench
from lnncmp.bench.timing import Effort
from lnncmp.bench.workload import STANDARD, choose_workloads
from lnncmp.cli import complete, options
from lnncmp.cli.options import check_choice
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, page, print_rendered
from lnncmp.common.cores import available_cores
from lnncmp.common.files import make_dir, write_bytes
from lnncmp.errors import DataError, UsageError
from lnncmp.report.tables.bench import document_of_bench
from lnncmp.report.tables.render import FORMATS, render

_SOME_FAILED = 4
_QUICK = Effort(seconds=1.0, most=7, least=3, few=2)
_QUICK_WORKLOADS = ("W1", "W2")

Names = Annotated[
    str | None,
    typer.Option(
        metavar="W1,W2",
        autocompletion=complete.some_of([w.name for w in STANDARD]),
        help=f"Standard workloads: {', '.join(w.name for w in STANDARD)} (default: all).",
    ),
]
Own = Annotated[
    list[str] | None,
    typer.Option(
        "--workload",
        metavar="SIZES",
        help="Your own workload: batch=8,steps=100,inputs=4,hidden=32[,outputs=4][,irregular=yes]. Repeatable.",
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        autocompletion=complete.models,
        help=f"Models by their names in `lnncmp models`, or {EVERY} (default: {', '.join(MODELS)}).",
    ),
]
Implementations = Annotated[
    str | None,
    typer.Option(
        autocompletion=complete.some_of(IMPLEMENTATIONS),
        help=f"Comma-separated implementations: {', '.join(IMPLEMENTATIONS)} (default: all).",
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of torch and of the kernels.")]
Rounds = Annotated[
    int | None, typer.Option(min=1, max=10_000, help="Rounds of each measurement (default: chosen by its duration).")
]
Only = Annotated[
    str | None,
    typer.Option(
        metavar="PART,...", autocompletion=complete.some_of(PARTS), help=f"Measure only some of {', '.join(PARTS)}."
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="Fewer rounds, no W3, no compilation: a first look.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.json", help="Also write the JSON document to this file.")
]


def bench(
    workloads: Names = None,
    workload: Own = None,
    models: Models = None,
    implementations: Implementations = None,
    threads: Threads = 1,
    rounds: Rounds = None,
    only: Only = None,
    quick: Quick = False,
    out: OutFile = None,
    format: options.OutputFormat = "table",
    quiet: options.Quiet = False,
) -> None:
    """Measure training, inference, latency and memory of lnncmp's models and those of ncps, torch and others."""
    check_choice("format", format, FORMATS)
    names = _names(workloads)
    if quick and names is None and not workload:
        names = list(_QUICK_WORKLOADS)
    effort = replace(_QUICK if quick else Effort(), rounds=rounds)
    request = Request(
        choose_workloads(names, workload or []),
        choose_candidates(_names(models), _names(implementations)),
        _parts(_names(only), quick),
        _allowed(threads),
        effort,
    )
    _check_file(out)
    with interruptible("Nothing was kept."), LiveProgress(quiet) as progress:
        progress.doing("measuring")
        result = run_bench(request, progress.data)
        if format in ("json", "csv"):  # tables include the warnings
            for warning in result.warnings:
                progress.warn(warning)
    document = document_of_bench(result)
    if out is not None:
        write_bytes(out, render(document, "json").encode())
    print_rendered(render(document, format, *page()))
    if result.failed:
        raise typer.Exit(_SOME_FAILED)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _parts(only: list[str] | None, quick: bool) -> frozenset[str]:
    """Return the parts to measure: the named ones, or all (without compilation if `quick`). Raises UsageError."""
    if only is None:
        return frozenset(PARTS) - ({"compile"} if quick else set())
    for part in only:
        check_choice("part of the bench", part, PARTS)
    if not only:
        raise UsageError("--only names nothing to measure", f"Name some of {', '.join(PARTS)}.")
    return frozenset(only) | ({"train"} if "stacked" in only else set())  # its ratios compare with training steps


def _allowed(threads: int) -> int:
    """Return `threads`. Raises UsageError if there are fewer cores, because the times would be meaningless."""
    if threads > available_cores():
        raise UsageError(f"--threads {threads} is more than the {available_cores()} cores available to this process")
    return threads


def _check_file(out: Path | None) -> None:
    """Raise UsageError or DataError if the file cannot be written, before minutes of measuring."""
    if out is None:
        return
    if out.is_dir():
        raise UsageError(f"--out takes the name of a file, but {out} is a folder")
    if not os.access(make_dir(out.parent), os.W_OK):
        raise DataError(f"cannot write to the folder {out.parent}", "Choose another file with --out.")

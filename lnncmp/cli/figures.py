"""`lnncmp figures`: figures of the stored records."""

from typing import Annotated

import typer

from lnncmp.cli import complete, options
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, print_result

_ALL = "png,svg,pdf"

Shown = Annotated[
    str | None,
    typer.Option(
        autocompletion=complete.models,
        help="Comma-separated models to draw (default: all that have records).",
    ),
]
PictureFormats = Annotated[
    str,
    typer.Option(
        "--format",
        metavar=_ALL,
        autocompletion=complete.some_of(_ALL.split(",")),
        help="Comma-separated file formats.",
    ),
]


def figures(
    case: options.CaseName,
    out: options.Out = options.RESULTS,
    models: Shown = None,
    format: PictureFormats = _ALL,
    quiet: options.Quiet = False,
) -> None:
    """Draw errors, robustness, cost, training, wirings and waves from stored records; print the paths of the files."""
    chosen = None if models is None else _names(models)
    advice = "Figures written so far are complete; the same command draws all of them again."
    with interruptible(advice), LiveProgress(quiet) as progress:
        progress.doing("importing")
        from lnncmp.report.build.figures import draw_figures

        progress.doing("drawing")
        written = draw_figures(case, out, chosen, _names(format), progress.warn)
    print_result("\n".join(str(path) for picture in written for path in picture.paths))


def _names(text: str) -> list[str]:
    """Return the names of a comma-separated list, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))

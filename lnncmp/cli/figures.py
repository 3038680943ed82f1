"""`lnncmp figures`: figures of the stored records."""

from typing import Annotated

import typer

from lnncmp.cli import complete, options
from lnncmp.cli.progress import LiveProgress
from lnncmp.cli.terminal import interruptible, print_result

ALL_PICTURES = "png,svg,pdf"

CaseName = Annotated[
    str | None,
    typer.Argument(
        autocompletion=complete.case,
        help="A case study, e.g. walker2d (default: all that have records).",
        show_default=False,
    ),
]
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
        metavar=ALL_PICTURES,
        autocompletion=complete.some_of(ALL_PICTURES.split(",")),
        help="Comma-separated file formats.",
    ),
]


def figures(
    case: CaseName = None,
    out: options.Out = options.RESULTS,
    models: Shown = None,
    format: PictureFormats = ALL_PICTURES,
    quiet: options.Quiet = False,
) -> None:
    """Draw rankings, forecasts, robustness, cost, training, wirings, waves of stored records; print the paths."""
    chosen = None if models is None else options.names(models)
    advice = "Figures written so far are complete; the same command draws all of them again."
    with interruptible(advice), LiveProgress(quiet) as progress:
        progress.doing("importing")
        from lnncmp.report.build.figures import draw_figures

        progress.doing("drawing")
        written = draw_figures([case] if case else [], out, chosen, options.names(format), progress.warn)
    print_result("\n".join(str(path) for picture in written for path in picture.paths))

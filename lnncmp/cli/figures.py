"""`lnncmp figures`: figures of the stored records."""

from typing import Annotated

import typer

from lnncmp.cli import options
from lnncmp.cli.terminal import LiveProgress, interruptible, print_result

ALL_PICTURES = "png,svg,pdf"

CaseName = Annotated[str, typer.Argument(help="A case study, e.g. walker2d.")]
Shown = Annotated[str | None, typer.Option(help="Comma-separated models to draw (default: all that have records).")]
PictureFormats = Annotated[str, typer.Option("--format", metavar=ALL_PICTURES, help="Comma-separated file formats.")]


def figures(
    case: CaseName,
    out: options.Out = options.RESULTS,
    models: Shown = None,
    format: PictureFormats = ALL_PICTURES,
    quiet: options.Quiet = False,
) -> None:
    """Draw errors, forecasts, robustness, cost, training, wirings and waves from stored records; print the paths."""
    from lnncmp.report.build.figures import draw_figures

    chosen = None if models is None else options.names(models)
    with interruptible("Figures written so far are complete; the same command draws all of them again."):
        written = draw_figures(case, out, chosen, options.names(format), LiveProgress(quiet).warn)
    print_result("\n".join(str(path) for picture in written for path in picture.paths))

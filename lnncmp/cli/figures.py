"""`lnncmp figures`: pictures of what was recorded."""

from typing import Annotated

import typer

from lnncmp.cli import options
from lnncmp.cli.terminal import LiveProgress, interruptible, print_result

_ALL = "png,svg,pdf"

CaseName = Annotated[str, typer.Argument(help="A case study, e.g. walker2d.")]
Shown = Annotated[str | None, typer.Option(help="Comma-separated models to draw; all that have records if not given.")]
PictureFormats = Annotated[str, typer.Option("--format", metavar=_ALL, help="Comma-separated kinds of files.")]


def figures(
    case: CaseName,
    out: options.Out = options.RESULTS,
    models: Shown = None,
    format: PictureFormats = _ALL,
    quiet: options.Quiet = False,
) -> None:
    """Draw errors, robustness, cost, training, wirings and waves from stored records; print the files written."""
    from lnncmp.report.build.figures import draw_figures

    chosen = None if models is None else _names(models)
    with interruptible("Pictures written so far are whole; the same command draws all again."):
        written = draw_figures(case, out, chosen, _names(format), LiveProgress(quiet).warn)
    print_result("\n".join(str(path) for picture in written for path in picture.paths))


def _names(text: str) -> list[str]:
    """Return the names of a comma-separated list, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))

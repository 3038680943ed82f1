"""`lnncmp figures`: figures of the stored records."""

from typing import Annotated

import typer

from lnncmp.cli import options
from lnncmp.cli.terminal import LiveProgress, interruptible, print_result

_ALL = "png,svg,pdf"

CaseName = Annotated[
    str | None, typer.Argument(help="A case study, e.g. walker2d (default: all that have records).", show_default=False)
]
Shown = Annotated[str | None, typer.Option(help="Comma-separated models to draw (default: all that have records).")]
PictureFormats = Annotated[str, typer.Option("--format", metavar=_ALL, help="Comma-separated file formats.")]


def figures(
    case: CaseName = None,
    out: options.Out = options.RESULTS,
    models: Shown = None,
    format: PictureFormats = _ALL,
    quiet: options.Quiet = False,
) -> None:
    """Draw rankings, errors, robustness, cost, training, wirings, waves from stored records; print the files' paths."""
    from lnncmp.report.build.figures import draw_figures

    chosen = None if models is None else _names(models)
    with interruptible("Figures written so far are complete; the same command draws all of them again."):
        written = draw_figures([case] if case else [], out, chosen, _names(format), LiveProgress(quiet).warn)
    print_result("\n".join(str(path) for picture in written for path in picture.paths))


def _names(text: str) -> list[str]:
    """Return the names of a comma-separated list, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))

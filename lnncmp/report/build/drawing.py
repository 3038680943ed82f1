"""All pictures of a report: drawn by several processes, kept as files and, as far as a page has room, as part of it."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from lnncmp.report.page.content import ReportFigure
from lnncmp.comparison.studies import Study

if TYPE_CHECKING:
    from lnncmp.report.figures.inline import InlineSvg
    from lnncmp.report.figures.style import Caption
    from lnncmp.report.build.pictures import Picture

    Task = tuple[Caption, Picture, str]
    Drawn = tuple[bytes, bytes, InlineSvg]

Progress = Callable[[str, int, int], None]

INLINE_BYTES = 4_000_000
"""How many bytes of a page its pictures may take; the rest is only in files next to the page, waves first."""

_ORDER = ("free_running", "robustness", "cost", "training", "wiring", "fit")
_WHAT = "Drawing pictures"
_FEW = 4


def draw_all(
    studies: Sequence[Study], beside: str, files: dict[str, bytes], jobs: int, progress: Progress
) -> list[list[ReportFigure]]:
    """Draw the pictures of all studies, put their SVG and PDF files into `files`, and return them study by study.

    beside: what the names of files begin with. jobs: processes at once. progress: is called for each picture.
    """
    owners, tasks = _tasks(studies)
    made: list[list[ReportFigure]] = [[] for _ in studies]
    room = INLINE_BYTES
    progress(_WHAT, 0, len(tasks))
    for done, (svg, pdf, inline) in enumerate(_drawn(tasks, jobs)):
        owner, (_, picture, _) = owners[done], tasks[done]
        stem = f"{beside}figures/{studies[owner].folder}/{picture.name}"
        files |= {f"{stem}.svg": svg, f"{stem}.pdf": pdf}
        fits = len(inline.body) <= room
        room -= len(inline.body) if fits else 0
        made[owner].append(
            ReportFigure(
                kind=picture.kind,
                name=picture.name,
                title=picture.subject,
                explanation=inline.explanation,
                alt=picture.alt,
                files=(f"{stem}.svg", f"{stem}.pdf"),
                svg=inline if fits else None,
            )
        )
        progress(_WHAT, done + 1, len(tasks))
    return made


def _tasks(studies: Sequence[Study]) -> "tuple[list[int], list[Task]]":
    """Return what to draw, the most wanted first, and to which study each belongs."""
    from lnncmp.report.figures import style
    from lnncmp.report.build.pictures import picture_set, pictures

    looks = style.model_looks(sorted({row for study in studies for row in study.runs}))
    found = []
    for owner, study in enumerate(studies):
        drawn = picture_set(study, looks)
        found += [(owner, drawn.caption, picture) for picture in pictures(drawn)]
    found.sort(key=lambda item: _ORDER.index(item[2].kind))
    tasks = [(caption, picture, f"p{number}") for number, (_, caption, picture) in enumerate(found)]
    return [owner for owner, _, _ in found], tasks


def _drawn(tasks: "Sequence[Task]", jobs: int) -> "Iterator[Drawn]":
    """Yield each picture in turn."""
    workers = min(jobs, len(tasks))
    if workers < 2 or len(tasks) < _FEW:
        yield from map(_draw, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_ignore_ctrl_c) as pool:
        yield from pool.map(_draw, tasks)


def _ignore_ctrl_c() -> None:
    """Leave Ctrl-C to the process that hands out the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw(task: "Task") -> "Drawn":
    """Return a picture as SVG file, as PDF file, and as part of a page."""
    from lnncmp.report.figures import style
    from lnncmp.report.figures.files import content
    from lnncmp.report.figures.inline import inline_svg

    caption, picture, prefix = task
    title = caption.heading(picture.subject)
    with style.fixed_style():
        figure = picture.draw()
        style.lay_out(figure)
        svg = content(figure, "svg", title, picture.alt)
        return svg, content(figure, "pdf", title, picture.alt), inline_svg(figure, svg, prefix)

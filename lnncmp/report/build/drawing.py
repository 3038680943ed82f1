"""All pictures of a report: drawn by several processes, kept as files and, as far as a page has room, as part of it."""

import signal
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from typing import TYPE_CHECKING

from lnncmp.claims.readings import Multiverse
from lnncmp.comparison.groups import place
from lnncmp.comparison.studies import Study
from lnncmp.report.page.content import Elsewhere, ReportFigure

if TYPE_CHECKING:
    from lnncmp.report.build.pictures import Picture
    from lnncmp.report.figures.inline import InlineSvg
    from lnncmp.report.figures.style import Caption

    Task = tuple[Caption, Picture, str]
    Drawn = tuple[bytes, bytes, InlineSvg]
    Repeated = tuple[int, Picture, int, str]
    """A study, its picture, and the study and the name under which the same picture is shown."""

Progress = Callable[[str, int, int], None]

CURVE_BYTES = 1_500_000
"""How many bytes of a page specification curves may take; the rest is only in files next to the page."""

_ORDER = ("ranked", "free_running", "forecast", "robustness", "cost", "training", "wiring", "fit")
_WHAT = "Drawing pictures"
_FEW = 4


def draw_all(
    studies: Sequence[Study],
    beside: str,
    files: dict[str, bytes],
    jobs: int,
    progress: Progress,
    rooms: Sequence[int],
) -> list[list[ReportFigure]]:
    """Draw the pictures of all studies, put their SVG and PDF files into `files`, and return them study by study.

    beside: what the names of files begin with. jobs: processes at once. progress: is called for each picture.
    rooms: bytes that each study's page has left for pictures; one number if all studies share a page.
    """
    owners, tasks, repeated = _tasks(studies)
    made: list[list[ReportFigure]] = [[] for _ in studies]
    left = list(rooms)
    progress(_WHAT, 0, len(tasks))
    for done, drawn in enumerate(_drawn(tasks, jobs)):
        owner, (_, picture, _) = owners[done], tasks[done]
        page = owner if len(left) > 1 else 0
        figure = _figure(picture, drawn, f"{beside}figures/{studies[owner].folder}", files, left[page])
        left[page] -= inline_bytes([figure])
        made[owner].append(figure)
        progress(_WHAT, done + 1, len(tasks))
    for again, picture, owner, name in repeated:
        where = Elsewhere(f"{studies[owner].anchor}-{name}", studies[owner].table.heading, studies[owner].folder)
        made[again].append(_figure_elsewhere(picture, where))
    return made


def draw_curves(found: Multiverse, beside: str, files: dict[str, bytes], jobs: int, room: int) -> list[ReportFigure]:
    """Draw the specification curves of a multiverse; the rest is as in `draw_all`."""
    from lnncmp.report.build.curves import curves

    tasks = [(caption, picture, f"{found.case}{n}") for n, (caption, picture) in enumerate(curves(found))]
    made: list[ReportFigure] = []
    for (_, picture, _), drawn in zip(tasks, _drawn(tasks, jobs), strict=True):
        made.append(_figure(picture, drawn, f"{beside}figures/multiverse-{found.case}", files, room))
        room -= inline_bytes(made[-1:])
    return made


def inline_bytes(figures: Sequence[ReportFigure]) -> int:
    """Return how many bytes of the page these pictures take."""
    return sum(len(figure.svg.body) for figure in figures if figure.svg is not None)


def _figure(picture: "Picture", drawn: "Drawn", folder: str, files: dict[str, bytes], room: int) -> ReportFigure:
    """Put the files of a picture into `files` and return it, inline if there is room."""
    svg, pdf, inline = drawn
    stem = f"{folder}/{picture.name}"
    files |= {f"{stem}.svg": svg, f"{stem}.pdf": pdf}
    return ReportFigure(
        kind=picture.kind,
        name=picture.name,
        title=picture.subject,
        explanation=inline.explanation,
        alt=picture.alt,
        files=(f"{stem}.svg", f"{stem}.pdf"),
        svg=inline if len(inline.body) <= room else None,
    )


def _figure_elsewhere(picture: "Picture", where: Elsewhere) -> ReportFigure:
    """Return a picture that another comparison shows, too."""
    return ReportFigure(picture.kind, picture.name, picture.subject, "", picture.alt, (), None, where)


def _tasks(studies: Sequence[Study]) -> "tuple[list[int], list[Task], list[Repeated]]":
    """Return to which study each picture belongs and what to draw, the most wanted first, each once; and the rest."""
    from lnncmp.report.build.pictures import picture_set, pictures
    from lnncmp.report.figures import style

    looks = style.model_looks(sorted({row for study in studies for row in study.runs}))
    found = []
    for owner, study in enumerate(studies):
        drawn = picture_set(study, looks)
        found += [(owner, drawn.caption, picture) for picture in pictures(drawn)]
    found.sort(key=lambda item: place(_ORDER, item[2].kind))
    first: dict[Hashable, tuple[int, str]] = {}
    owners: list[int] = []
    tasks: list[Task] = []
    repeated: list[Repeated] = []
    for owner, caption, picture in found:
        there = first.get(picture.same) if picture.same is not None else None
        if there is not None:
            repeated.append((owner, picture, *there))
            continue
        first[picture.same] = owner, picture.name
        owners.append(owner)
        tasks.append((caption, picture, f"p{len(tasks)}"))
    return owners, tasks, repeated


def _drawn(tasks: "Sequence[Task]", jobs: int) -> "Iterator[Drawn]":
    """Yield each picture in turn. What killed processes leave, most likely for memory, is drawn in this one."""
    workers, done = min(jobs, len(tasks)), 0
    if workers > 1 and len(tasks) >= _FEW:
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_ignore_ctrl_c)
        with pool, suppress(BrokenProcessPool):
            for drawn in pool.map(_draw, tasks):
                done += 1
                yield drawn
    yield from map(_draw, tasks[done:])


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

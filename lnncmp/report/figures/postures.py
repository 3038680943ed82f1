"""True and forecast postures of one window: a row for each predictor, a column for each free-running step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lnncmp.report.figures import style

SUBJECT = "free-running postures"
_ROW, _MARGINS = 1.15, 1.35
_COLORS = (style.INK, "#0072b2", "#d55e00", "#009e73", "#cc79a7")
Drawing = Mapping[str, Sequence[tuple[float, float]]]
"""The lines of one posture by name, see `lnncmp.cases.base.Case.outline`."""


@dataclass(frozen=True)
class PostureRow:
    """One predictor: its name, a note on its runs, and for each step the drawings of all seeds.

    away: of each step, a number that says how far off the truth it is, in `unit` of `Postures`.
    """

    name: str
    note: str
    steps: Sequence[Sequence[Drawing]]
    away: Sequence[float]


@dataclass(frozen=True)
class Postures:
    """One window: the true drawing of each step, at `times`, and its rows. away: what the numbers of rows are."""

    name: str
    time_unit: str
    times: Sequence[float]
    truth: Sequence[Drawing]
    rows: Sequence[PostureRow]
    away: str


def draw(postures: Postures, caption: style.Caption) -> Figure:
    """Return the truth in the first row and, in grey, behind every forecast; all panels have one scale."""
    rows, columns = len(postures.rows) + 1, len(postures.times)
    explanation = f"time in {postures.time_unit};\ngrey: the truth; colors: every seed; numbers: {postures.away}"
    figure = style.new_figure(_ROW * rows + _MARGINS, caption, f"{SUBJECT} '{postures.name}'", explanation)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for column, (panel, drawing, time) in enumerate(zip(grid[0], postures.truth, postures.times, strict=True)):
        _draw_lines(panel, drawing, 1.6, 1.0)
        panel.set_title(f"{time:g}" if column else f"after {time:g}")
    for line, row in zip(grid[1:], postures.rows, strict=True):
        for panel, truth, seeds, away in zip(line, postures.truth, row.steps, row.away, strict=True):
            for points in truth.values():
                panel.plot(*zip(*points, strict=True), color=style.TRUTH, linewidth=3.6, zorder=1)
            for drawing in seeds:
                _draw_lines(panel, drawing, 1.1, max(0.3, min(1.0, 1.6 / len(seeds))))
            panel.text(0.98, 0.98, f"{away:.2g}", transform=panel.transAxes, ha="right", va="top", fontsize=7)
    for label, line in zip(["truth", *(_label(row) for row in postures.rows)], grid, strict=True):
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", linespacing=1.4)
    _frame(list(grid.flat), postures)
    figure.legend(handles=_legend(postures), loc="outside lower center", ncols=4)
    return figure


def alt_text(postures: Postures, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    found = "; ".join(f"{row.name} " + ", ".join(f"{away:.2g}" for away in row.away) for row in postures.rows)
    steps = ", ".join(f"{time:g}" for time in postures.times)
    subject = f"{SUBJECT} '{postures.name}'"
    return (
        f"{caption.heading(subject)}. One row per predictor, the truth in grey; columns: {steps} after the "
        f"last true input ({postures.time_unit}). {postures.away.capitalize()}: {found}."
    )


def _label(row: PostureRow) -> str:
    return f"{row.name}\n{row.note}" if row.note else row.name


def _draw_lines(panel: Axes, drawing: Drawing, width: float, alpha: float) -> None:
    for number, points in enumerate(drawing.values()):
        color = _COLORS[number % len(_COLORS)]
        panel.plot(
            *zip(*points, strict=True), color=color, linewidth=width, alpha=alpha, solid_joinstyle="round", zorder=2
        )


def _frame(panels: Sequence[Axes], postures: Postures) -> None:
    """Let all panels show the true postures with some room; a forecast far off leaves its panel."""
    points = [point for drawing in postures.truth for line in drawing.values() for point in line]
    across, up = [x for x, _ in points], [y for _, y in points]
    room = 0.12 * (max(up) - min(min(up), 0.0)) or 0.1
    for panel in panels:
        panel.axhline(0, color=style.TRUTH, linewidth=0.8, zorder=0)
        panel.set_xlim(min(across) - 3 * room, max(across) + 3 * room)
        panel.set_ylim(min(min(up), 0.0) - room / 2, max(up) + room)
        panel.set_aspect("equal")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[["left", "bottom"]].set_visible(False)


def _legend(postures: Postures) -> list[Line2D]:
    names = postures.truth[0]
    parts = [Line2D([], [], color=_COLORS[n % len(_COLORS)], linewidth=1.4, label=name) for n, name in enumerate(names)]
    return [*parts, Line2D([], [], color=style.TRUTH, linewidth=3.6, label="truth")]

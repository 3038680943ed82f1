"""The course of one window and its free-running forecasts: a panel for each quantity, in its own unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lnncmp.report.figures import style
from lnncmp.report.figures.bands import SampleBand, draw_band, entry

SUBJECT = "free-running forecast"
_COLUMNS, _ROW, _MARGINS = 2, 1.25, 1.5
Lines = Sequence[Sequence[float]]
"""One line for each quantity; NaN is a gap."""


@dataclass(frozen=True)
class CourseRow:
    """One predictor: median, least and largest forecast over its seeds, at the course's `times`.

    band: of a predictor with a spread, else None.
    """

    name: str
    median: Lines
    low: Lines
    high: Lines
    band: SampleBand | None = None


@dataclass(frozen=True)
class Course:
    """One window: what was measured at `before_times` and `times`, and its rows. See `lnncmp.records.drawn`."""

    name: str
    time_unit: str
    names: Sequence[str]
    units: Sequence[str]
    before_times: Sequence[float]
    before: Lines
    times: Sequence[float]
    truth: Lines
    rows: Sequence[CourseRow]


def draw(course: Course, caption: style.Caption, looks: Mapping[str, style.Look]) -> Figure:
    """Return a panel for each quantity. looks: of all predictors."""
    lines = -(-len(course.names) // _COLUMNS)
    explanation = "line: median over seeds, band: least to largest;\ngrey: measured; forecast: right of the bar"
    figure = style.new_figure(_ROW * lines + _MARGINS, caption, f"{SUBJECT} '{course.name}'", explanation)
    panels = list(figure.subplots(lines, _COLUMNS, sharex=True, squeeze=False).flat)
    for panel in panels[len(course.names) :]:
        panel.remove()
    for number, panel in enumerate(panels[: len(course.names)]):
        _draw_panel(panel, course, number, looks)
        panel.set_title(f"{course.names[number]} ({course.units[number]})")
        if number + _COLUMNS >= len(course.names):
            panel.set_xlabel(f"time since the last true input ({course.time_unit})")
            panel.tick_params(labelbottom=True)
    figure.legend(handles=_legend(course, looks), loc="outside lower center", ncols=6)
    return figure


def alt_text(course: Course, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    last = len(course.times) - 1
    ends = []
    for number, (name, unit) in enumerate(zip(course.names, course.units, strict=True)):
        found = ", ".join(f"{row.name} {_number(row.median[number][last])}" for row in course.rows)
        ends.append(f"{name} ({unit}) {_number(course.truth[number][last])}, forecast {found}")
    when = f"at {course.times[last]:g} ({course.time_unit})"
    subject = f"{SUBJECT} '{course.name}'"
    return f"{caption.heading(subject)}. One panel per quantity. Measured {when}: {'; '.join(ends)}."


def _draw_panel(panel: Axes, course: Course, number: int, looks: Mapping[str, style.Look]) -> None:
    truth = [*course.before[number], *course.truth[number]] if course.before else course.truth[number]
    times = [*course.before_times, *course.times]
    panel.plot(times, truth, color=style.TRUTH, marker="o", markersize=2.6, linewidth=2.0, zorder=1)
    panel.axvline(0, color=style.TRUTH, linewidth=0.8, zorder=0)
    for row in course.rows:
        look = looks[row.name]
        panel.fill_between(
            course.times, row.low[number], row.high[number], color=look.color, alpha=0.15, linewidth=0, zorder=2
        )
        if row.band is not None:
            draw_band(panel, course.times, row.band, number, look.color)
        panel.plot(
            course.times,
            row.median[number],
            color=look.color,
            linestyle=look.dash,
            marker=look.marker,
            markersize=2.6,
            linewidth=1.0,
            zorder=3,
        )
    _show(panel, course, number, truth)
    panel.grid(True, axis="y")


def _show(panel: Axes, course: Course, number: int, truth: Sequence[float]) -> None:
    """Set what a panel shows. A forecast far off the measured course leaves it and squashes no other one."""
    known = [value for value in truth if value == value]
    if not known:
        return
    span = max(known) - min(known) or abs(known[0]) or 1.0
    lines = [row.median[number] for row in course.rows]
    lines += [end[number] for row in course.rows if row.band for end in (row.band.low, row.band.high)]
    forecast = [value for line in lines for value in line if value == value]
    low, high = min(known) - span, max(known) + span
    shown = [*known, *(min(max(value, low), high) for value in forecast)]
    panel.set_ylim(min(shown) - 0.06 * span, max(shown) + 0.06 * span)


def _legend(course: Course, looks: Mapping[str, style.Look]) -> list[Line2D | Patch]:
    entries: list[Line2D | Patch] = [
        Line2D([], [], color=style.TRUTH, marker="o", markersize=2.6, linewidth=2.0, label="measured")
    ]
    for row in course.rows:
        look = looks[row.name]
        entries.append(
            Line2D([], [], color=look.color, linestyle=look.dash, marker=look.marker, markersize=2.6, label=row.name)
        )
        if row.band is not None:
            entries.append(entry(f"{row.name}: {row.band.words}", look.color))
    return entries


def _number(value: float) -> str:
    return f"{value:.3g}" if value == value else "not measured"

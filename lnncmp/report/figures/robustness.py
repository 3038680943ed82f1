"""Test error against the strength of a perturbation, one panel for each kind that comes in several strengths."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lnncmp.comparison.table import BaselineRow, ComparisonTable, Estimate, ModelRow
from lnncmp.report.figures import legends, style, tips
from lnncmp.report.figures.errors import ErrorAxis, Known, Spot, error_axis

SUBJECT = "test error under perturbations"
_COLUMNS = 3
_SHARE_OF_GAP, _SHARE_OF_AXIS = 0.6, 0.13


class _Point(NamedTuple):
    name: str
    level: float
    error: Known


def groups(comparison: ComparisonTable) -> list[str]:
    """Return the groups of perturbations that have at least two levels with an error, in the order stored."""
    names = dict.fromkeys(point.group for row in comparison.rows for point in row.perturbations)
    known = {
        name: {point.level for row in comparison.rows for point in _of_model(row, name) if point.error.mean is not None}
        for name in names
    }
    return [name for name in names if len(known[name]) > 1]


def draw(
    comparison: ComparisonTable, caption: style.Caption, looks: Mapping[str, style.Look], thin: Mapping[str, style.Look]
) -> Figure:
    """Return the picture of all `groups` (at least one). looks: of the models; thin: of the baselines."""
    names = groups(comparison)
    columns = min(len(names), _COLUMNS)
    rows = -(-len(names) // columns)
    models, others = _shown(comparison)
    axis = error_axis(models, others, from_zero=True)
    words = axis.words if len(models) <= style.MANY else axis.means
    figure = style.new_figure(2.3 * rows + 0.9, caption, SUBJECT, words + axis.beyond(models, others))
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    panels = list(grid.flat)
    for panel in panels[len(names) :]:
        panel.remove()
    for panel, name in zip(panels, names, strict=False):
        _draw_group(panel, name, comparison, axis, {**looks, **thin})
    for row in grid:
        row[0].set_ylabel(caption.error_name(comparison))
    for panel in panels[: len(names)]:
        axis.put_on(panel)
    legends.put(figure, legends.entries(comparison, looks, thin))
    return figure


def alt_text(comparison: ComparisonTable, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    error, axis = comparison.error.in_full, error_axis(*_shown(comparison), from_zero=True)
    sentences = [
        f"{caption.heading(SUBJECT)}. {error[0].upper()}{error[1:]} against level, {axis.means}, one line per model."
    ]
    for group in groups(comparison):
        top = max(point.level for row in comparison.rows for point in _of_model(row, group))
        found = [
            f"{row.model} {spot.value:.3g}"
            for row in comparison.rows
            for point in _of_model(row, group)
            if point.level == top and (spot := axis.spot(point.error))
        ]
        sentences.append(f"{group} at level {top:g}: {', '.join(found)}.")
    return " ".join(sentences)


def _shown(comparison: ComparisonTable) -> tuple[dict[str, list[Known]], dict[str, list[float]]]:
    """Return the errors of the models and of the baselines over all groups."""
    names = groups(comparison)
    models = {row.model: [p.error for name in names for p in _of_model(row, name)] for row in comparison.rows}
    others = {
        row.name: [p.error.mean for name in names for p in _of_baseline(row, name) if p.error.mean is not None]
        for row in comparison.baselines
    }
    return models, others


def _of_model(row: ModelRow, group: str) -> list[_Point]:
    """Return the points of one group that have a level, in order of level."""
    points = [p for p in row.perturbations if p.group == group]
    return _sorted(_Point(p.name, p.level, p.error) for p in points if p.level is not None)


def _of_baseline(row: BaselineRow, group: str) -> list[_Point]:
    points = [p for p in row.perturbations if p.group == group]
    return _sorted(_Point(p.name, p.level, Estimate(mean=p.error)) for p in points if p.level is not None)


def _sorted(points: Iterable[_Point]) -> list[_Point]:
    return sorted(points, key=lambda point: point.level)


def _all(comparison: ComparisonTable, group: str) -> list[_Point]:
    points = [point for row in comparison.rows for point in _of_model(row, group)]
    return points + [point for baseline in comparison.baselines for point in _of_baseline(baseline, group)]


def _draw_group(
    panel: Axes,
    group: str,
    comparison: ComparisonTable,
    axis: ErrorAxis,
    looks: Mapping[str, style.Look],
) -> None:
    points = _all(comparison, group)
    levels = sorted({point.level for point in points})
    if style.needs_log(levels):
        panel.set_xscale("log")
    for baseline in comparison.baselines:
        known = _of_baseline(baseline, group)
        look = looks[baseline.name]
        means = [math.nan if point.error.mean is None else point.error.mean for point in known]
        panel.plot([point.level for point in known], means, color=look.color, linestyle=look.dash, linewidth=1.0)
    for n, row in enumerate(comparison.rows):
        own, count = _of_model(row, group), len(comparison.rows)
        spots = [axis.spot(point.error) or Spot(math.nan, math.nan, math.nan) for point in own]
        few = count <= style.MANY
        place: Callable[[float], float] = _place(levels, n, count) if few else float
        places = [place(point.level) for point in own]
        (_draw_model if few else _draw_line)(panel, places, spots, looks[row.model])
        for point, at, spot in zip(own, places, spots, strict=True):
            name = f"{row.model}, {point.name}"
            tips.put(panel, at, spot.value, tips.value(name, spot.value, spot[1:], axis.over(row.n_ok)))
    ticks = _ticks(levels)
    panel.set_xticks(ticks, [f"{level:g}" for level in ticks])
    panel.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    panel.set_title(group)
    panel.set_xlabel(_axis_name(points))


def _place(levels: Sequence[float], n: int, count: int) -> Callable[[float], float]:
    """Return the place of model `n` of `count` at a level: a little to its side, so that no interval hides another."""
    straight, back = _axis(levels)
    spots = [straight(level) for level in levels]
    gap = min((b - a for a, b in pairwise(spots)), default=1.0)
    room = min(_SHARE_OF_GAP * gap, _SHARE_OF_AXIS * (spots[-1] - spots[0] or 1.0))
    shift = room * ((n + 0.5) / count - 0.5)
    return lambda level: back(straight(level) + shift)


def _axis(levels: Sequence[float]) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Return how a level becomes a place on the axis, in units of its length, and the way back."""
    if style.needs_log(levels):
        return math.log10, lambda place: float(10**place)
    return lambda level: level, lambda place: place


def _draw_line(panel: Axes, levels: Sequence[float], spots: Sequence[Spot], look: style.Look) -> None:
    """Draw one of many models: a thin line without its intervals, which nobody could tell apart."""
    panel.plot(
        levels, [spot.value for spot in spots], color=look.color, marker=look.marker, linestyle=look.dash, linewidth=0.9
    )


def _draw_model(panel: Axes, places: Sequence[float], spots: Sequence[Spot], look: style.Look) -> None:
    lengths = [[spot.value - spot.low for spot in spots], [spot.high - spot.value for spot in spots]]
    panel.errorbar(
        places,
        [spot.value for spot in spots],
        yerr=lengths,
        color=look.color,
        marker=look.marker,
        linestyle=look.dash,
        markeredgecolor="white",
        markeredgewidth=0.4,
        elinewidth=0.8,
        capsize=1.6,
        capthick=0.8,
    )


def _ticks(levels: Sequence[float]) -> list[float]:
    """Return the levels whose numbers have room on the axis; the others can be read from their neighbors."""
    straight, _ = _axis(levels)
    least = 0.1 * (straight(levels[-1]) - straight(levels[0]))
    kept = [levels[0]]
    for level in levels[1:]:
        if straight(level) - straight(kept[-1]) >= least:
            kept.append(level)
    return kept


def _axis_name(points: Sequence[_Point]) -> str:
    """Return the names of the points without their levels, if they are then one: "sensor noise 0.1 sd" etc."""
    names = {" ".join(word for word in point.name.split() if word != f"{point.level:g}") for point in points}
    return names.pop() if len(names) == 1 and "" not in names else "level"

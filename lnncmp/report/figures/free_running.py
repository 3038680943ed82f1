"""Error of predictions that are fed back as inputs, by the number of steps since the last true input."""

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lnncmp.comparison.table import BaselineRow, ComparisonTable, CurvePoint, ModelRow
from lnncmp.report.figures import legends, style, tips
from lnncmp.report.figures.errors import ErrorAxis, Spot, error_axis

SUBJECT = "free-running error"
_MARKERS = 8


def drawable(comparison: ComparisonTable) -> bool:
    """Return whether any model has an error at two steps or more."""
    return any(sum(point.mean is not None for point in row.curve) > 1 for row in comparison.rows)


def draw(
    comparison: ComparisonTable, caption: style.Caption, looks: Mapping[str, style.Look], thin: Mapping[str, style.Look]
) -> Figure:
    """Return one line per model with its 95% interval as a band, and one per baseline.

    A line ends where the error of a seed is not finite. looks: of the models; thin: of the baselines.
    """
    curves, others = _shown(comparison)
    axis = error_axis(curves, others, from_zero=True)
    bands = len(comparison.rows) <= style.MANY
    words = axis.words if bands else axis.means
    figure = style.new_figure(3.2, caption, SUBJECT, words + axis.beyond(curves, others))
    panel = figure.subplots()
    for baseline in comparison.baselines:
        _draw_baseline(panel, baseline, thin[baseline.name])
    for n, row in enumerate(comparison.rows):
        _draw_model(panel, row, axis, looks[row.model], (n, len(comparison.rows)), bands)
    axis.put_on(panel)
    panel.set_xlim(0, 1.01 * max(point.step for curve in curves.values() for point in curve))
    panel.set_xlabel("steps after the last true input")
    panel.set_ylabel(caption.error_name(comparison))
    legends.put(figure, legends.entries(comparison, looks, thin))
    return figure


def alt_text(comparison: ComparisonTable, caption: style.Caption) -> str:
    """Return the picture in a sentence or two, for those who do not see it."""
    axis = error_axis(*_shown(comparison), from_zero=True)
    ends = []
    for row in comparison.rows:
        known = [(spot.value, point.step) for point in row.curve if (spot := axis.spot(point))]
        if known:
            ends.append(f"{row.model} {known[-1][0]:.3g} after {known[-1][1]} steps")
    error = comparison.error.in_full
    what = f"{error[0].upper()}{error[1:]} by step, {axis.means}, one line per model"
    return f"{caption.heading(SUBJECT)}. {what}. Last: {', '.join(ends)}."


def _shown(comparison: ComparisonTable) -> tuple[dict[str, list[CurvePoint]], dict[str, list[float]]]:
    """Return the curves of the models, and the errors of the baselines."""
    others = {row.name: [p.mean for p in row.curve if p.mean is not None] for row in comparison.baselines}
    return {row.model: row.curve for row in comparison.rows}, others


def _draw_model(
    panel: Axes, row: ModelRow, axis: ErrorAxis, look: style.Look, place: tuple[int, int], band: bool
) -> None:
    n, count = place
    steps = [point.step for point in row.curve]
    spots = [axis.spot(point) or Spot(math.nan, math.nan, math.nan) for point in row.curve]
    means, lows, highs = ([spot[end] for spot in spots] for end in range(3))
    if band:
        panel.fill_between(steps, lows, highs, color=look.color, alpha=0.15, linewidth=0)
    every = max(1, len(steps) // _MARKERS)
    first = n * every // count  # the markers of two lines that coincide do not
    for step, spot in zip(steps[first::every], spots[first::every], strict=True):
        text = tips.value(f"{row.model}, step {step}", spot.value, spot[1:], axis.over(row.n_ok))
        tips.put(panel, step, spot.value, text)
    panel.plot(
        steps,
        means,
        color=look.color,
        linestyle=look.dash,
        marker=look.marker,
        markeredgecolor="white",
        markeredgewidth=0.4,
        markevery=(first, every),
    )


def _draw_baseline(panel: Axes, row: BaselineRow, look: style.Look) -> None:
    steps = [point.step for point in row.curve]
    errors = [math.nan if point.mean is None else point.mean for point in row.curve]
    panel.plot(steps, errors, color=look.color, linestyle=look.dash, linewidth=1.0)

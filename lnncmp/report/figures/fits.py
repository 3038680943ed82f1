"""A test wave as every predictor has it, a small panel for each: the prediction, and below it what is left over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lnncmp.records.drawn import Zoom
from lnncmp.report.figures import legends, style
from lnncmp.report.figures.bands import SampleBand, draw_band, entry

SUBJECT = "predictions of the test wave"
_COLUMNS = ((3, 3), (16, 4))
"""Up to so many predictors: panels side by side."""
_MOST_COLUMNS = 5
_HEIGHT, _LEGEND = 1.55, 0.75
"""Inches of a pair of panels, and of what is below all of them."""
_LETTERS = 84
"""Letters of titles side by side."""
_BAND, _SAMPLES = "#6c9dcb", "#d55e00"


@dataclass(frozen=True)
class FitRow:
    """One predictor on one wave, all at the wave's `target_times`: median, least and largest prediction over seeds.

    trained: no untrained baseline. note: which runs it lacks, e.g. "3 seeds, 1 diverged"; empty if none. Values that
    are not finite are NaN.
    residual, residual_low, residual_high: the same minus the truth. error: mean of the squared residuals over targets
    and seeds, None if one is not finite. band: of a predictor with a spread, else None.
    """

    name: str
    trained: bool
    note: str
    error: float | None
    median: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    residual: Sequence[float]
    residual_low: Sequence[float]
    residual_high: Sequence[float]
    band: SampleBand | None = None


@dataclass(frozen=True)
class Fit:
    """One test wave and its rows. Raw units; times in `time_unit`; see `lnncmp.records.drawn.Example`.

    place: what sets this wave apart from the others, e.g. "median error". quantity: what is predicted, with its unit.
    """

    name: str
    place: str
    quantity: str
    time_unit: str
    input_times: Sequence[float]
    inputs: Sequence[float]
    target_times: Sequence[float]
    truth: Sequence[float]
    zooms: Sequence[Zoom]
    rows: Sequence[FitRow]


def draw(fit: Fit, caption: style.Caption) -> Figure:
    """Return a pair of panels for each predictor, prediction above residual; all pairs share their axes."""
    count = len(fit.rows)
    columns = min(count, next((columns for most, columns in _COLUMNS if count <= most), _MOST_COLUMNS))
    lines = -(-count // columns)
    explanation = f"{fit.place}; line: median over seeds, band: range; above each panel: mean squared error"
    figure = style.new_figure(_HEIGHT * lines + _LEGEND, caption, f"{SUBJECT} '{fit.name}'", explanation)
    ratios = [2.0, 1.0] * lines
    grid = figure.subplots(2 * lines, columns, squeeze=False, gridspec_kw={"height_ratios": ratios})
    limits, times = _limits(fit), [*fit.input_times, *fit.target_times]
    for n in range(lines * columns):
        line, column = divmod(n, columns)
        pair = grid[2 * line, column], grid[2 * line + 1, column]
        if n >= count:
            for panel in pair:
                panel.remove()
            continue
        _draw_row(fit, fit.rows[n], *pair)
        pair[0].set_title("\n".join(wrap(_title(fit.rows[n]), _LETTERS // columns)), fontsize=7)
        for panel, ends in zip(pair, limits, strict=True):
            panel.set(xlim=(min(times), max(times)), ylim=ends)
            panel.tick_params(labelleft=column == 0, labelbottom=False)
            style.whole_numbers(panel, 4)
        if column == 0:
            pair[0].set_ylabel(fit.quantity)
            pair[1].set_ylabel("residual")
        if n + columns >= count:
            pair[1].set_xlabel(f"time ({fit.time_unit})")
            pair[1].tick_params(labelbottom=True)
    legends.put(figure, _legend(fit))
    return figure


def alt_text(fit: Fit, caption: style.Caption) -> str:
    """Return the picture in a sentence or two, for those who do not see it."""
    found = [f"{row.name} {'not finite' if row.error is None else f'{row.error:.3g}'}" for row in fit.rows]
    return (
        f"{caption.heading(f'{SUBJECT} {fit.name}')}, {fit.place}. A pair of panels per predictor: the wave with its "
        f"prediction, and the residual. Mean squared errors: {', '.join(found)}."
    )


def _title(row: FitRow) -> str:
    error = "not finite" if row.error is None else f"{row.error:.2g}"
    return " ".join(filter(None, [f"{row.name}: {error}", row.note and f"({row.note})"]))


def _draw_row(fit: Fit, row: FitRow, wave: Axes, residual: Axes) -> None:
    for n, zoom in enumerate(fit.zooms):
        wave.axvspan(zoom.start, zoom.end, color=style.TINTS[n % len(style.TINTS)], linewidth=0, zorder=0)
    wave.plot(fit.target_times, fit.truth, color=style.TRUTH, linewidth=2.6, zorder=1)
    wave.plot(fit.input_times, fit.inputs, **_INPUT, zorder=2)
    if row.band is not None:
        draw_band(wave, fit.target_times, row.band, 0, _SAMPLES)
    residual.axhline(0, color="#8c8c8c", linewidth=0.6, zorder=2)
    for panel, low, high, line in (
        (wave, row.low, row.high, row.median),
        (residual, row.residual_low, row.residual_high, row.residual),
    ):
        panel.fill_between(fit.target_times, low, high, color=_BAND, alpha=0.8, linewidth=0, zorder=3)
        panel.plot(fit.target_times, line, color=style.INK, linewidth=0.9, zorder=4)


def _limits(fit: Fit) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends of the axes of waves and of residuals: a predictor far off leaves them and squashes no other."""
    low, high = min(fit.truth), max(fit.truth)
    span = high - low or 1.0
    lines = [line for row in fit.rows for line in (row.low, row.high)]
    lines += [end[0] for row in fit.rows if row.band for end in (row.band.low, row.band.high)]
    values = [v for line in lines for v in line if v == v]
    shown = [min(max(v, low - span / 2), high + span / 2) for v in (*values, *fit.truth, *fit.inputs)]
    margin = 0.06 * (max(shown) - min(shown)) or 0.5
    sizes = [abs(v) for row in fit.rows for line in (row.residual_low, row.residual_high) for v in line if v == v]
    limit = min(max(sizes, default=0.0), span) or 1.0
    return (min(shown) - margin, max(shown) + margin), (-1.05 * limit, 1.05 * limit)


_INPUT: Mapping[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 1.8,
    "markerfacecolor": "none",
    "markeredgecolor": "#7a7a7a",
    "markeredgewidth": 0.4,
}


def _legend(fit: Fit) -> list[Line2D | Patch]:
    zooms = [Patch(color=style.TINTS[n % len(style.TINTS)], label=zoom.name) for n, zoom in enumerate(fit.zooms)]
    return [
        Line2D([], [], color=style.TRUTH, linewidth=2.6, label="truth"),
        Line2D([], [], **_INPUT, label="input"),
        Line2D([], [], color=style.INK, linewidth=0.9, label="prediction"),
        Patch(color=_BAND, label="range over seeds"),
        *(entry(words, _SAMPLES) for words in dict.fromkeys(row.band.words for row in fit.rows if row.band)),
        *zooms,
    ]

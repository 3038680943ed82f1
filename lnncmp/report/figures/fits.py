"""A test wave as every model predicts it: the whole wave, its magnified stretches, and the residual."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lnncmp.records.schema import Zoom
from lnncmp.report.figures import style

SUBJECT = "predictions of the test wave"
_ROW_HEIGHT, _REST_HEIGHT = 0.92, 1.3
_RESIDUAL = "residual (predicted - truth)"
_BAND = "#6c9dcb"


@dataclass(frozen=True)
class FitRow:
    """One predictor on one wave, all at the wave's `target_times`: median, least and largest prediction over seeds.

    note: e.g. "10 seeds"; empty for untrained baselines. Values that are not finite are NaN.
    residual, residual_low, residual_high: the same minus the truth.
    """

    name: str
    note: str
    median: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    residual: Sequence[float]
    residual_low: Sequence[float]
    residual_high: Sequence[float]


@dataclass(frozen=True)
class Fit:
    """One test wave and its rows. Raw units; times in `time_unit`; see `lnncmp.records.schema.Example`."""

    name: str
    time_unit: str
    input_times: Sequence[float]
    inputs: Sequence[float]
    target_times: Sequence[float]
    truth: Sequence[float]
    zooms: Sequence[Zoom]
    rows: Sequence[FitRow]


def draw(fit: Fit, caption: style.Caption) -> Figure:
    """Return one row per predictor; columns: whole wave, each magnified stretch, residual. Columns share their axes."""
    height = _ROW_HEIGHT * len(fit.rows) + _REST_HEIGHT
    figure = style.new_figure(
        height, caption, f"{SUBJECT} '{fit.name}'", "line: median over seeds, band: least to largest"
    )
    widths = [2.1, *[1.15] * len(fit.zooms), 2.1]
    grid = figure.subplots(
        len(fit.rows), len(widths), sharex="col", sharey="col", squeeze=False, gridspec_kw={"width_ratios": widths}
    )
    for row, panels in zip(fit.rows, grid, strict=True):
        _draw_row(fit, row, list(panels))
    _set_limits(fit, list(grid[0]))
    titles = ["whole wave", *(f"{n}: {zoom.name}" for n, zoom in enumerate(fit.zooms, 1)), _RESIDUAL]
    for panel, title in zip(grid[0], titles, strict=True):
        panel.set_title(title)
    for panel in grid[-1]:
        panel.set_xlabel(f"time ({fit.time_unit})")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=4)
    return figure


def alt_text(fit: Fit, caption: style.Caption) -> str:
    """Return the picture in a sentence or two, for those who do not see it."""
    worst = []
    for row in fit.rows:
        sizes = [abs(value) for value in row.residual if value == value]
        worst.append(f"{row.name} {max(sizes):.3g}" if sizes else f"{row.name} not finite")
    return (
        f"{caption.heading(f'{SUBJECT} {fit.name}')}. One row per predictor: the wave, {len(fit.zooms)} magnified "
        f"stretches and the residual. Largest residual of the median prediction: {', '.join(worst)}."
    )


def _draw_row(fit: Fit, row: FitRow, panels: Sequence[Axes]) -> None:
    whole, *magnified, residual = panels
    for n, zoom in enumerate(fit.zooms):
        whole.axvspan(zoom.start, zoom.end, color=style.TINTS[n % len(style.TINTS)], linewidth=0, zorder=0)
        middle = (zoom.start + zoom.end) / 2
        whole.text(middle, 0.98, str(n + 1), transform=whole.get_xaxis_transform(), ha="center", va="top", fontsize=7)
        magnified[n].set_facecolor(style.TINTS[n % len(style.TINTS)])
    for panel in (whole, *magnified):
        large = panel is not whole
        panel.plot(fit.target_times, fit.truth, color=style.TRUTH, linewidth=4 if large else 3, zorder=1)
        panel.plot(
            fit.input_times,
            fit.inputs,
            linestyle="none",
            marker="o",
            markersize=3 if large else 1.7,
            markerfacecolor="none",
            markeredgecolor="#7a7a7a",
            markeredgewidth=0.6 if large else 0.4,
            zorder=2,
        )
        panel.fill_between(fit.target_times, row.low, row.high, color=_BAND, alpha=0.8, linewidth=0, zorder=3)
        panel.plot(fit.target_times, row.median, color=style.INK, linewidth=1.0, zorder=4)
    residual.fill_between(
        fit.target_times, row.residual_low, row.residual_high, color=_BAND, alpha=0.8, linewidth=0, zorder=3
    )
    residual.axhline(0, color="#8c8c8c", linewidth=0.6, zorder=2)
    residual.plot(fit.target_times, row.residual, color=style.INK, linewidth=0.9, zorder=4)
    text = f"{row.name}\n{row.note}" if row.note else row.name
    whole.set_ylabel(text, rotation=0, ha="right", va="center", linespacing=1.4)


def _set_limits(fit: Fit, panels: Sequence[Axes]) -> None:
    """Set what each column shows. A predictor far off the wave leaves its panel and squashes no other one."""
    whole, *magnified, residual = panels
    times = [*fit.input_times, *fit.target_times]
    for panel in (whole, residual):
        panel.set_xlim(min(times), max(times))
    span = max(fit.truth) - min(fit.truth) or 1.0
    _show(whole, _values(fit, min(times), max(times)), min(fit.truth) - span, max(fit.truth) + span)
    for panel, zoom in zip(magnified, fit.zooms, strict=True):
        panel.set_xlim(zoom.start, zoom.end)
        _show(panel, _values(fit, zoom.start, zoom.end), min(fit.truth) - span, max(fit.truth) + span)
    sizes = [abs(v) for row in fit.rows for v in (*row.residual_low, *row.residual_high)]
    limit = min(max((size for size in sizes if size == size), default=0.0), 1.5 * span) or 1.0
    residual.set_ylim(-1.05 * limit, 1.05 * limit)


def _values(fit: Fit, start: float, end: float) -> list[float]:
    """Return all finite values that a wave panel shows from `start` to `end`."""
    shown = [v for t, v in zip(fit.input_times, fit.inputs, strict=True) if start <= t <= end]
    inside = [start <= t <= end for t in fit.target_times]
    for series in (fit.truth, *(line for row in fit.rows for line in (row.low, row.high))):
        shown += [v for v, wanted in zip(series, inside, strict=True) if wanted]
    return [v for v in shown if v == v]


def _show(panel: Axes, values: Iterable[float], lowest: float, highest: float) -> None:
    kept = [min(max(v, lowest), highest) for v in values]
    if kept:
        margin = 0.06 * (max(kept) - min(kept)) or 0.5
        panel.set_ylim(min(kept) - margin, max(kept) + margin)


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=style.TRUTH, linewidth=4, label="truth"),
        Line2D([], [], linestyle="none", marker="o", markersize=3, mfc="none", mec="#7a7a7a", label="input"),
        Line2D([], [], color=style.INK, linewidth=1.0, label="prediction (median)"),
        Patch(color=_BAND, label="least to largest over seeds"),
    ]

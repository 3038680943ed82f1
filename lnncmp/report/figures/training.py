"""Validation loss by epoch, a panel for each model: a thin line for each seed, a bold one for their median."""

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lnncmp.comparison.budget import median_losses
from lnncmp.comparison.table import ComparisonTable
from lnncmp.records.schema import RunRecord
from lnncmp.report.figures import legends, style, tips

SUBJECT = "validation loss while training"
_COLUMNS = ((9, 3), (16, 4))
"""Up to so many models: panels side by side."""
_MOST_COLUMNS = 5
_LETTERS = 84
"""Letters of titles side by side."""
_LOST = "#000000"
_LOST_DASH: style.Dash = (0.0, (1.5, 1.2))
Runs = Mapping[str, Sequence[RunRecord]]


def drawable(runs: Runs) -> bool:
    """Return whether any run has a positive, finite validation loss."""
    return any(_losses(run) for group in runs.values() for run in group)


def draw(comparison: ComparisonTable, runs: Runs, caption: style.Caption, looks: Mapping[str, style.Look]) -> Figure:
    """Return a panel for each model of the comparison; all share both axes. runs: by model.

    A run that did not end well is drawn in black dots with a cross where it ended: its loss is a fact, too.
    """
    count = len(comparison.rows)
    columns = min(count, next((columns for most, columns in _COLUMNS if count <= most), _MOST_COLUMNS))
    lines = -(-count // columns)
    height = (1.75 if columns < _MOST_COLUMNS else 1.25) * lines + 0.7
    figure = style.new_figure(height, caption, SUBJECT, "thin: one line per seed; bold: their median")
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for panel in panels[count:]:
        panel.remove()
    shown = [loss for group in runs.values() for run in group for loss in _losses(run).values()]
    for n, (panel, row) in enumerate(zip(panels, comparison.rows, strict=False)):
        for run in runs.get(row.model, ()):
            _draw_run(panel, row.model, run, looks[row.model])
        middle = median_losses(runs.get(row.model, ()))
        panel.plot(list(middle), list(middle.values()), color=looks[row.model].color, linewidth=1.6, zorder=3)
        panel.set_title("\n".join(wrap(style.label(row), _LETTERS // columns)))
        style.log_axis(panel, max(shown) / min(shown))
        panel.grid(True, axis="y")
        if n % columns == 0:
            panel.set_ylabel("validation loss")
        if n + columns >= count:
            panel.set_xlabel("epoch")
        style.whole_numbers(panel)
        panel.tick_params(labelleft=n % columns == 0, labelbottom=n + columns >= count)
    style.same_limits(panels[:count])
    lost = any(run.status != "ok" for group in runs.values() for run in group)
    legends.put(figure, _legend()[: 3 if lost else 2])
    return figure


def alt_text(comparison: ComparisonTable, runs: Runs, caption: style.Caption) -> str:
    """Return the picture in a sentence or two, for those who do not see it."""
    ranges = []
    for row in comparison.rows:
        best = [min(losses.values()) for run in runs.get(row.model, ()) if (losses := _losses(run))]
        if best:
            ranges.append(f"{row.model} {min(best):.3g} to {max(best):.3g}")
    what = "One panel per model, one line per seed and their median"
    return f"{caption.heading(SUBJECT)}. {what}. Lowest losses: {', '.join(ranges)}."


def _losses(run: RunRecord) -> dict[int, float]:
    """Return the validation loss by epoch, where it is positive and finite."""
    history = {epoch.epoch: epoch.validation_loss for epoch in run.history}
    return {epoch: loss for epoch, loss in history.items() if loss > 0 and math.isfinite(loss)}


def _draw_run(panel: Axes, model: str, run: RunRecord, look: style.Look) -> None:
    losses = _losses(run)
    if not losses:
        return
    epochs = sorted(losses)
    good = run.status == "ok"
    color = look.color if good else _LOST
    dash: style.Dash = "-" if good else _LOST_DASH
    panel.plot(
        epochs,
        [losses[e] for e in epochs],
        color=color,
        linestyle=dash,
        linewidth=0.5 if good else 1.0,
        zorder=2 if good else 3,
    )
    shown = run.best_epoch if good and run.best_epoch in losses else epochs[-1]
    how = "best epoch" if good else f"{run.status} in epoch"
    name = f"{model}, seed {run.seeds.root}, {how} {shown}"
    tips.put(panel, shown, losses[shown], tips.value(name, losses[shown], None))
    if not good:
        panel.plot(epochs[-1], losses[epochs[-1]], color=_LOST, marker="x", markersize=5, linestyle="none", zorder=4)
    elif run.best_epoch in losses:
        panel.plot(run.best_epoch, losses[run.best_epoch], color=color, marker="o", markersize=2.6, linestyle="none")


def _legend() -> list[Line2D]:
    good, lost = "seed, with its best epoch", "lost run, to where it ended"
    return [
        Line2D([], [], color=style.INK, marker="o", markersize=2.6, linewidth=0.5, label=good),
        Line2D([], [], color=style.INK, linewidth=1.6, label="median over seeds"),
        Line2D([], [], color=_LOST, marker="x", markersize=5, linestyle=_LOST_DASH, linewidth=1.0, label=lost),
    ]

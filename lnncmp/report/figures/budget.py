"""Lowest validation loss against the budget of training: epochs on the left, seconds on the right."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lnncmp.comparison.budget import BudgetPoint, leaders
from lnncmp.report.figures import legends, style, tips
from lnncmp.report.tables.numbers import seconds

SUBJECT = "validation loss against the budget of training"
Curves = Mapping[str, Sequence[BudgetPoint]]
_PANELS = (("epochs", "epochs"), ("seconds", "seconds of training"))


def drawable(curves: Curves) -> bool:
    """Return whether some model trained for more than one epoch."""
    return any(len(curve) > 1 for curve in curves.values())


def draw(curves: Curves, caption: style.Caption, looks: Mapping[str, style.Look]) -> Figure:
    """Return two panels that share their axis of losses. curves: by model, see `lnncmp.comparison.budget`."""
    band = len(curves) <= style.MANY
    bands = ", band: range" if band else ""
    explanation = f"lowest loss so far: median over seeds{bands}; markers: where training ended"
    figure = style.new_figure(3.2, caption, SUBJECT, explanation)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (by, name) in zip(panels, _PANELS, strict=True):
        for model, curve in curves.items():
            _draw_curve(panel, curve, by, looks[model], band)
            end = curve[-1]
            text = tips.value(model, end.loss, (end.low, end.high), f"{end.epochs} epochs, {seconds(end.seconds)}")
            tips.put(panel, getattr(end, by), end.loss, text)
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, position: f"{value:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(name)
        panel.grid(True, axis="y")
    shown = [loss for curve in curves.values() for point in curve for loss in (point.low, point.high)]
    style.log_axis(panels[0], max(shown) / min(shown))
    panels[0].set_ylabel("lowest validation loss")
    entries = [
        Line2D([], [], color=look.color, linestyle=look.dash, marker=look.marker, label=legends.shown(model))
        for model, look in ((model, looks[model]) for model in curves)
    ]
    legends.put(figure, entries)
    return figure


def alt_text(curves: Curves, caption: style.Caption) -> str:
    """Return the picture in a few sentences: who has the lowest loss from which budget on."""
    by_epochs = [f"{model} from {budget:.0f} on" for budget, model in leaders(curves, "epochs")]
    by_time = [f"{model} from {seconds(budget)} on" for budget, model in leaders(curves, "seconds")]
    last = ", ".join(f"{model} {curve[-1].loss:.3g} after {curve[-1].epochs}" for model, curve in curves.items())
    return (
        f"{caption.heading(SUBJECT)}. One line per model, median over seeds: {last} epochs. "
        f"Lowest median loss by epochs: {', '.join(by_epochs)}; by time: {', '.join(by_time)}."
    )


def _draw_curve(panel: Axes, curve: Sequence[BudgetPoint], by: str, look: style.Look, band: bool) -> None:
    budget = [getattr(point, by) for point in curve]
    if band:
        lows, highs = [p.low for p in curve], [p.high for p in curve]
        panel.fill_between(budget, lows, highs, color=look.color, alpha=0.15, linewidth=0)
    panel.plot(budget, [p.loss for p in curve], color=look.color, linestyle=look.dash, linewidth=1.1)
    panel.plot(budget[-1], curve[-1].loss, color=look.color, marker=look.marker, markersize=4, linestyle="none")

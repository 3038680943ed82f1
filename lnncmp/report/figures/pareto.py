"""Test error against what a model costs: parameters, time, memory, energy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lnncmp.comparison.table import ComparisonTable, ModelRow
from lnncmp.report.figures import legends, style, tips
from lnncmp.report.figures.errors import ErrorAxis, error_axis
from lnncmp.report.tables.numbers import joules, seconds, size
from lnncmp.stats.effects import pareto_front

SUBJECT = "test error against cost"
_COLUMNS = 2
_FACTOR = 2.5
_LETTERS = 60
"""Letters of a line above a panel."""
_FRONT = "#8c8c8c"
_MEASURED, _ESTIMATED = "energy per training window, measured", "energy of a step's arithmetic, by published figures"


@dataclass(frozen=True)
class _Cost:
    """One kind of cost: its name, its value of a row, how numbers are written, its least and largest value."""

    name: str
    of: Callable[[ModelRow], float | None]
    words: Callable[[float], str]
    ends: Callable[[ModelRow], tuple[float, float] | None] = lambda row: None


_COSTS = (
    _Cost("active parameters", lambda row: float(row.params.active), lambda n: f"{n:,.0f}"),
    _Cost("time per epoch", lambda row: row.epoch_seconds, seconds, lambda row: row.epoch_seconds_range),
    _Cost(
        "peak training memory",
        lambda row: row.peak_memory_bytes,
        lambda n: size(round(n)),
        lambda row: row.peak_memory_range,
    ),
    _Cost(_MEASURED, lambda row: row.joules_per_window, joules),
    _Cost(
        _ESTIMATED,
        lambda row: row.operations.energy if row.operations else None,
        joules,
    ),
)


def costs(comparison: ComparisonTable) -> list[str]:
    """Return the names of the costs that two models or more have; of energy the measured one if there is one."""
    known = [row for row in comparison.rows if row.metrics[comparison.main].mean is not None]
    found = [cost.name for cost in _COSTS if sum(bool(cost.of(row)) for row in known) > 1]
    return [name for name in found if name != _ESTIMATED or _MEASURED not in found]


def draw(
    comparison: ComparisonTable, caption: style.Caption, looks: Mapping[str, style.Look], thin: Mapping[str, style.Look]
) -> Figure:
    """Return a panel for each of `costs` (at least one). looks: of the models; thin: of the baselines."""
    shown = [cost for cost in _COSTS if cost.name in costs(comparison)]
    models = {row.model: [row.metrics[comparison.main]] for row in comparison.rows}
    others = {row.name: [e] for row in comparison.baselines if (e := row.metrics.get(comparison.main)) is not None}
    axis = error_axis(models, others, factor=_FACTOR)
    bars = "; bars: range over repeats" if any(cost.ends(row) for cost in shown for row in comparison.rows) else ""
    explanation = f"{axis.words}{bars}; grey front: models that no other one beats in both"
    columns = min(len(shown), _COLUMNS)
    lines = -(-len(shown) // columns)
    height = 2.3 * lines + 0.7
    figure = style.new_figure(height, caption, SUBJECT, explanation + axis.beyond(models, others))
    panels = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for panel in panels[len(shown) :]:
        panel.remove()
    for n, (panel, cost) in enumerate(zip(panels, shown, strict=False)):
        for name, (error,) in others.items():
            panel.axhline(error, color=thin[name].color, linestyle=thin[name].dash, linewidth=0.8, zorder=1)
        _draw_front(panel, _points(comparison, cost, axis))
        for row in comparison.rows:
            _draw_model(panel, row, comparison.main, axis, cost, looks[row.model])
        _cost_axis(panel, cost, comparison)
        axis.put_on(panel)
        if n % columns == 0:
            panel.set_ylabel(f"test {caption.error_name(comparison)}")
    legends.put(figure, legends.entries(comparison, looks, thin))
    return figure


def alt_text(comparison: ComparisonTable, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    axis = error_axis({row.model: [row.metrics[comparison.main]] for row in comparison.rows}, {}, factor=_FACTOR)
    sentences = [f"{caption.heading(SUBJECT)}. One panel per cost, one point per model."]
    for cost in _COSTS:
        points = _points(comparison, cost, axis)
        if cost.name in costs(comparison):
            found = ", ".join(f"{name} {cost.words(x)} and error {y:.3g}" for name, (x, y) in points.items())
            front = ", ".join(pareto_front(points))
            sentences.append(f"{cost.name[0].upper()}{cost.name[1:]}: {found}; no model beats in both: {front}.")
    return " ".join(sentences)


def _points(comparison: ComparisonTable, cost: _Cost, axis: ErrorAxis) -> dict[str, tuple[float, float]]:
    """Return (cost, error) of the models that have both."""
    found = {row.model: (cost.of(row), axis.spot(row.metrics[comparison.main])) for row in comparison.rows}
    return {name: (x, spot.value) for name, (x, spot) in found.items() if x and spot is not None}


def _draw_front(panel: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Draw the front as steps, its models in rings, and name them above the panel, where names do not touch."""
    names = pareto_front(points)
    x, y = [points[name][0] for name in names], [points[name][1] for name in names]
    panel.plot(x, y, color=_FRONT, linewidth=0.8, drawstyle="steps-post", zorder=2)
    panel.plot(x, y, linestyle="none", marker="o", markersize=9, mfc="none", mec=_FRONT, mew=0.8, zorder=2)
    panel.set_title("\n".join(wrap(f"Front: {', '.join(names)}", _LETTERS)), loc="left", fontsize=7)


def _draw_model(panel: Axes, row: ModelRow, main: str, axis: ErrorAxis, cost: _Cost, look: style.Look) -> None:
    x, spot = cost.of(row), axis.spot(row.metrics[main])
    if not x or spot is None:
        return
    left, right = cost.ends(row) or (x, x)
    panel.errorbar(
        [x],
        [spot.value],
        xerr=[[max(x - left, 0.0)], [max(right - x, 0.0)]],  # equal repeats: rounding may put the mean outside
        yerr=[[spot.value - spot.low], [spot.high - spot.value]],
        color=look.color,
        marker=look.marker,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        elinewidth=0.9,
        linestyle="none",
        zorder=3,
    )
    error = tips.value("error", spot.value, (spot.low, spot.high), axis.over(row.n_ok))
    tips.put(panel, x, spot.value, f"{row.model}: {cost.words(x)} ({cost.name}), {error}")


def _cost_axis(panel: Axes, cost: _Cost, comparison: ComparisonTable) -> None:
    values = [x for row in comparison.rows if (x := cost.of(row))]
    low, high = min(values), max(values)
    panel.set_xscale("log")
    margin = 1.2 * (high / low) ** 0.05
    panel.set_xlim(low / margin, high * margin)
    subs = (1.0,) if high > 30 * low else (1.0, 3.0) if high > 5 * low else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    panel.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, position: cost.words(value)))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel(cost.name)

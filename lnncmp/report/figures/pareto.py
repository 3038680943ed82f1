"""Test error against what a model costs: parameters, time, memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lnncmp.comparison.table import ComparisonTable, Estimate, ModelRow
from lnncmp.report.figures import style
from lnncmp.report.tables.numbers import seconds, size
from lnncmp.stats.effects import pareto_front

SUBJECT = "test error against cost"


@dataclass(frozen=True)
class _Cost:
    """One kind of cost: its name, its value of a row, how numbers are written, its least and largest value."""

    name: str
    of: Callable[[ModelRow], float | None]
    words: Callable[[float], str]
    spread: Callable[[ModelRow], tuple[float, float] | None] = lambda row: None


_COSTS = (
    _Cost("active parameters", lambda row: float(row.params.active), lambda n: f"{n:,.0f}"),
    _Cost("time per epoch", lambda row: row.epoch_seconds, seconds, lambda row: row.epoch_seconds_ci95),
    _Cost(
        "peak training memory",
        lambda row: row.peak_memory_bytes,
        lambda n: size(round(n)),
        lambda row: row.peak_memory_range,
    ),
)


def costs(comparison: ComparisonTable) -> list[str]:
    """Return the names of the costs that two models or more have."""
    return [cost.name for cost in _COSTS if len(_points(comparison, cost)) > 1]


def draw(
    comparison: ComparisonTable, caption: style.Caption, looks: Mapping[str, style.Look], thin: Mapping[str, style.Look]
) -> Figure:
    """Return a panel for each of `costs` (at least one). looks: of the models; thin: of the baselines."""
    shown = [cost for cost in _COSTS if cost.name in costs(comparison)]
    others = {row.name: e for row in comparison.baselines if (e := row.metrics.get(comparison.main)) is not None}
    errors = [row.metrics[comparison.main] for row in comparison.rows]
    limits = _limits(errors, others)
    explanation = (
        "mean with 95% interval over seeds; time: mean with 95% interval, memory: median with range, over repeats;\n"
        "grey steps: models that no other one beats in both" + _outside(errors, others, limits)
    )
    figure = style.new_figure(3.7, caption, SUBJECT, explanation)
    panels = list(figure.subplots(1, len(shown), sharey=True, squeeze=False).flat)
    for panel, cost in zip(panels, shown, strict=True):
        for name, error in others.items():
            panel.axhline(error, color=thin[name].color, linestyle=thin[name].dash, linewidth=0.8, zorder=1)
        _draw_front(panel, _points(comparison, cost))
        for row in comparison.rows:
            _draw_model(panel, row, comparison.main, cost, looks[row.model])
        _cost_axis(panel, cost, list(_points(comparison, cost).values()))
        if limits is None:
            style.scale_errors(panel, _means(errors), [high for _, high in _ends(errors)], others.values())
        else:
            panel.set_ylim(*limits)
            panel.grid(True, axis="y")
    panels[0].set_ylabel(f"test {comparison.error.in_full}")
    figure.legend(handles=style.legend(comparison, looks, thin), loc="outside lower center", ncols=4)
    return figure


def alt_text(comparison: ComparisonTable, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    sentences = [f"{caption.heading(SUBJECT)}. One panel per cost, one point per model."]
    for cost in _COSTS:
        points = _points(comparison, cost)
        if len(points) > 1:
            found = ", ".join(f"{name} {cost.words(x)} and error {y:.3g}" for name, (x, y) in points.items())
            front = ", ".join(pareto_front(points))
            sentences.append(f"{cost.name.capitalize()}: {found}; no model beats in both: {front}.")
    return " ".join(sentences)


def _means(errors: Sequence[Estimate]) -> list[float]:
    return [error.mean for error in errors if error.mean is not None]


def _ends(errors: Sequence[Estimate]) -> list[tuple[float, float]]:
    """Return the interval of each error, or the error itself twice where there is none."""
    return [error.ci95 or (error.mean, error.mean) for error in errors if error.mean is not None]


def _limits(errors: Sequence[Estimate], others: Mapping[str, float]) -> tuple[float, float] | None:
    """Return the ends of a linear axis of errors that keeps the models apart; None if it has to be logarithmic.

    Baselines that are further from the models than these from one another do not count.
    """
    if style.needs_log(_means(errors)):
        return None
    low, high = min(low for low, _ in _ends(errors)), max(high for _, high in _ends(errors))
    span = high - low or abs(high) or 1.0
    near = [error for error in others.values() if low - span <= error <= high + span]
    return min([low, *near]) - 0.08 * span, max([high, *near]) + 0.08 * span


def _outside(errors: Sequence[Estimate], others: Mapping[str, float], limits: tuple[float, float] | None) -> str:
    """Return a line on the baselines that have no place on the axis; empty if there are none."""
    if limits is None:
        return style.below(_means(errors), {name: [error] for name, error in others.items()})
    low, high = limits
    names = [name for name, error in others.items() if not low <= error <= high]
    return f";\nbeyond the axis: {', '.join(names)}" if names else ""


def _points(comparison: ComparisonTable, cost: _Cost) -> dict[str, tuple[float, float]]:
    """Return (cost, error) of the models that have both."""
    found = {row.model: (cost.of(row), row.metrics[comparison.main].mean) for row in comparison.rows}
    return {name: (x, y) for name, (x, y) in found.items() if x and y is not None}


def _draw_front(panel: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    front = [points[name] for name in pareto_front(points)]
    panel.plot(
        [x for x, _ in front], [y for _, y in front], color="#8c8c8c", linewidth=0.8, drawstyle="steps-post", zorder=2
    )


def _draw_model(panel: Axes, row: ModelRow, main: str, cost: _Cost, look: style.Look) -> None:
    x, error = cost.of(row), row.metrics[main]
    if not x or error.mean is None:
        return
    low, high = error.ci95 or (error.mean, error.mean)
    left, right = cost.spread(row) or (x, x)
    panel.errorbar(
        [x],
        [error.mean],
        xerr=[[max(x - left, 0.0)], [max(right - x, 0.0)]],  # equal repeats: rounding may put the mean outside
        yerr=[[error.mean - low], [high - error.mean]],
        color=look.color,
        marker=look.marker,
        markersize=6,
        markeredgecolor="white",
        markeredgewidth=0.5,
        elinewidth=0.9,
        linestyle="none",
        zorder=3,
    )


def _cost_axis(panel: Axes, cost: _Cost, points: list[tuple[float, float]]) -> None:
    values = [x for x, _ in points]
    panel.set_xscale("log")
    panel.set_xlim(min(values) / 1.6, max(values) * 1.6)
    wide = max(values) > 30 * min(values)
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=12))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, position: cost.words(value)))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(axis="x", rotation=35)
    panel.set_xlabel(cost.name)

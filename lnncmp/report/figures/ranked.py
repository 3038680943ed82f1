"""All models of a comparison by their test error, one row each: narrow, so that it can be read on a telephone."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lnncmp.comparison.table import ComparisonTable, ModelRow
from lnncmp.models.base import GROUPS
from lnncmp.report.figures import style, tips
from lnncmp.report.figures.errors import ErrorAxis, Spot, error_axis

SUBJECT = "models ranked by test error"
_WIDTH = style.WIDTH / 2
"""Inches: a column of a paper; scaled to 350 pixels, its letters are 10 pixels high."""
_ROW, _NARROW_ROW, _FEW = 0.17, 0.145, 30
"""Inches of a row, where there are many, and up to how many there are not."""
_FACTOR = 2.5
_LETTER = 0.06
"""Inches of a letter, about."""
_LONGEST = 26
_SIZE = 4.0
_LOST = "#000000"


def drawable(comparison: ComparisonTable) -> bool:
    """Return whether any model has a test error."""
    return any(row.metrics[comparison.main].mean is not None for row in comparison.rows)


def draw(comparison: ComparisonTable, caption: style.Caption, thin: Mapping[str, style.Look]) -> Figure:
    """Return a row for each model, the lowest error first, and a vertical line for each baseline. thin: their looks.

    Models without an error are last and say why. An open marker: a run of the model had not converged.
    """
    axis = _axis(comparison)
    rows = ranked(comparison, axis)
    lines = {name: error for name, error in _baselines(comparison).items() if axis.holds(error)}
    names = [_name(row) for row in rows]
    levels = _levels(lines, axis, _WIDTH - 0.3 - _LETTER * max(map(len, names)))
    row_height = _ROW if len(rows) <= _FEW else _NARROW_ROW
    tracks = max(levels.values(), default=-1) + 1
    height = row_height * (len(rows) + tracks) + 1.15
    figure = style.new_figure(height, caption, SUBJECT, _explanation(comparison, axis), _WIDTH)
    panel = figure.subplots()
    axis.put_on(panel, "x")
    panel.set_ylim(len(rows) - 0.4, -0.6 - tracks)
    for name, error in lines.items():
        _draw_baseline(panel, name, error, levels[name], axis, (thin[name], len(rows)))
    for place, row in enumerate(rows):
        _draw_model(panel, row, axis, axis.spot(row.metrics[comparison.main]), place)
        if (published := _published(row, axis)) is not None:
            panel.plot(published, place, color=style.INK, marker="*", markersize=_SIZE + 1, zorder=4)
            tips.put(panel, published, place, tips.value(f"{row.model}, published", published, None))
    panel.set_yticks(range(len(rows)), names)
    panel.tick_params(axis="y", length=0, labelsize=7.5)
    panel.spines["left"].set_visible(False)
    panel.set_xlabel(f"test {caption.error_name(comparison)}{', logarithmic' if axis.log else ''}")
    entries = _legend(rows, any(_published(row, axis) is not None for row in rows))
    figure.legend(handles=entries, loc="outside lower center", ncols=3, handlelength=1.0, columnspacing=1.2)
    return figure


def alt_text(comparison: ComparisonTable, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    axis = _axis(comparison)
    rows = ranked(comparison, axis)
    known = [f"{row.model} {_words(spot)}" for row in rows if (spot := axis.spot(row.metrics[comparison.main]))]
    lost = [row.model for row in rows if axis.spot(row.metrics[comparison.main]) is None]
    sentences = [
        f"{caption.heading(SUBJECT)}. Test {comparison.error.in_full}, {axis.words}, lowest first: {', '.join(known)}."
    ]
    for what, names in (
        ("No result", lost),
        ("Lost runs", [f"{row.model} {style.lost_runs(row)}" for row in rows if style.lost_runs(row)]),
        ("Had not converged", [row.model for row in rows if row.unconverged]),
        ("Untrained baselines", [f"{name} {error:.3g}" for name, error in _baselines(comparison).items()]),
        ("Published", [f"{row.model} {row.published.mean:.3g}" for row in rows if row.published and _same(row)]),
    ):
        sentences += [f"{what}: {', '.join(names)}."] if names else []
    return " ".join(sentences)


def ranked(comparison: ComparisonTable, axis: ErrorAxis) -> list[ModelRow]:
    """Return the rows from the lowest error to the largest, then those without one."""

    def key(row: ModelRow) -> tuple[bool, float]:
        spot = axis.spot(row.metrics[comparison.main])
        return spot is None, spot.value if spot else 0.0

    return sorted(comparison.rows, key=key)


def _axis(comparison: ComparisonTable) -> ErrorAxis:
    models = {row.model: [row.metrics[comparison.main]] for row in comparison.rows}
    return error_axis(models, _others(comparison), factor=_FACTOR)


def _others(comparison: ComparisonTable) -> dict[str, list[float]]:
    """Return the errors of baselines, and the published ones."""
    found = {name: [error] for name, error in _baselines(comparison).items()}
    published = {row.model: row.published.mean for row in comparison.rows if row.published and _same(row)}
    return found | {f"published {model}": [error] for model, error in published.items()}


def _baselines(comparison: ComparisonTable) -> dict[str, float]:
    """Return the errors of the baselines that have one, the lowest first."""
    found = {row.name: error for row in comparison.baselines if (error := row.metrics.get(comparison.main)) is not None}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _same(row: ModelRow) -> bool:
    """Return whether what was published is a value of the main error."""
    return row.published is not None and not row.published.metric


def _published(row: ModelRow, axis: ErrorAxis) -> float | None:
    """Return the published error if the axis holds it."""
    found = row.published.mean if row.published is not None and _same(row) else None
    return found if found is not None and axis.holds(found) else None


def _explanation(comparison: ComparisonTable, axis: ErrorAxis) -> str:
    lines = "; vertical lines: untrained baselines" if comparison.baselines else ""
    opened = "; open: a run had not converged" if any(row.unconverged for row in comparison.rows) else ""
    far = [f"{name} {error:.3g}" for name, (error,) in _others(comparison).items() if not axis.holds(error)]
    return axis.words + lines + opened + (f"; beyond the axis: {', '.join(far)}" if far else "")


def _name(row: ModelRow) -> str:
    """Return the name of a model, shortened, and how many of its runs are lost."""
    lost = row.n_diverged + row.n_failed + row.n_stopped
    suffix = f" ({lost} lost)" if lost else ""
    room = _LONGEST - len(suffix)
    return (row.model if len(row.model) <= room else f"{row.model[: room - 1]}…") + suffix


def _words(spot: Spot) -> str:
    ends = "" if spot.low == spot.high else f" [{spot.low:.3g}, {spot.high:.3g}]"
    return f"{spot.value:.3g}{ends}"


def _levels(lines: Mapping[str, float], axis: ErrorAxis, inches: float) -> dict[str, int]:
    """Return in which track above the rows each baseline is named, 0 the lowest: no name touches another."""
    places = {name: axis.share(error) * inches for name, error in lines.items()}
    boxes = {}
    for name, at in places.items():
        width = _LETTER * (len(name) + 1)
        boxes[name] = (at - width, at) if _on_left(lines[name], axis) else (at, at + width)
    order = sorted(lines, key=lambda name: abs(2 * axis.share(lines[name]) - 1))  # from the middle outwards
    levels: dict[str, int] = {}
    for name in order:
        touching = [
            levels[other]
            for other in levels
            if boxes[other][0] < boxes[name][1] and boxes[name][0] < boxes[other][1]  # its line is an end of its box
        ]
        levels[name] = next(n for n in range(len(lines)) if n > max(touching, default=-1))
    return levels


def _on_left(error: float, axis: ErrorAxis) -> bool:
    """Return whether the name of a baseline is on the left of its line: towards the middle of the picture."""
    return axis.share(error) > 0.5


def _draw_baseline(
    panel: Axes, name: str, error: float, level: int, axis: ErrorAxis, drawn: tuple[style.Look, int]
) -> None:
    look, rows = drawn
    top = -1.0 - level
    panel.plot([error, error], [rows - 0.4, top - 0.4], color=look.color, linestyle=look.dash, linewidth=0.9, zorder=1)
    tips.put(panel, error, top, tips.value(f"{name} (untrained)", error, None))
    right = _on_left(error, axis)
    panel.annotate(
        name,
        (error, top),
        xytext=(-2.5 if right else 2.5, 0),
        textcoords="offset points",
        ha="right" if right else "left",
        va="center",
        color=look.color,
        fontsize=7,
        bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.6},  # over the line of another baseline
    )


def _draw_model(panel: Axes, row: ModelRow, axis: ErrorAxis, spot: Spot | None, place: int) -> None:
    color, marker = style.KINDS[row.group]
    if spot is None:
        panel.text(0.01, place, "no result", transform=panel.get_yaxis_transform(), va="center", color=_LOST)
        return
    panel.plot([spot.low, spot.high], [place, place], color=color, linewidth=1.3, solid_capstyle="butt", zorder=2)
    face = "#ffffff" if row.unconverged else color
    panel.plot(spot.value, place, color=color, marker=marker, markersize=_SIZE, markerfacecolor=face, zorder=3)
    notes = ("a run had not converged" if row.unconverged else "", style.lost_runs(row))
    text = tips.value(row.model, spot.value, (spot.low, spot.high), axis.over(row.n_ok), *notes)
    tips.put(panel, spot.value, place, text)


def _legend(rows: Sequence[ModelRow], published: bool) -> list[Line2D]:
    entries = []
    for kind in GROUPS:
        if any(row.group == kind for row in rows):
            color, marker = style.KINDS[kind]
            entries.append(Line2D([], [], color=color, marker=marker, markersize=_SIZE, linewidth=1.3, label=kind))
    plain: dict[str, Any] = {"color": style.INK, "linestyle": "none"}
    if any(row.unconverged for row in rows):
        opened = Line2D([], [], marker="o", markersize=_SIZE, mfc="#ffffff", label="open: not converged", **plain)
        entries.append(opened)
    if published:
        entries.append(Line2D([], [], marker="*", markersize=_SIZE + 1, label="published", **plain))
    return entries

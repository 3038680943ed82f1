"""The effect behind a verdict: a point with its interval, next to the smallest effect of interest and to no effect."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lnncmp.claims.schema import Judgement
from lnncmp.report.figures import style
from lnncmp.report.figures.specification import ratio_ticks

_ROW, _MARGINS = 0.42, 1.75
_REACH = 3.0
"""How far the axis goes for an interval, in units of the largest effect or margin; a longer one gets an arrow."""
_DASH: style.Dash = (0.0, (3.0, 2.0))
BAND, ZERO = "#efe9dc", "#7a7a7a"
MARKS: Mapping[Judgement, tuple[str, str, bool]] = {
    "supported": ("#0072b2", "o", True),
    "true but negligible": ("#0072b2", "o", False),
    "not shown": ("#7a7a7a", "s", False),
    "opposite": ("#d55e00", "v", True),
    "depends": ("#7a7a7a", "D", False),
    "not testable here": ("#7a7a7a", "x", False),
}
"""Color, marker, whether it is filled."""


@dataclass(frozen=True)
class EffectRow:
    """One verdict: its words, under which settings, the effect with the ends of its interval, and these in words."""

    judgement: Judgement
    settings: str
    effect: float
    interval: tuple[float, float] | None
    numbers: str


@dataclass(frozen=True)
class EffectPlot:
    """The effects behind one claim, the verdict that stands for it first.

    margin: the smallest effect of interest; thresholds: what an effect has to pass for the claim. ratio: effects are
    logarithms of ratios. left, right: what effects below and above none speak for. interval: what it is.
    """

    claim: str
    rows: Sequence[EffectRow]
    margin: float
    thresholds: Sequence[float]
    ratio: bool
    left: str
    right: str
    interval: str

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the axis: no effect, margin, thresholds and effects are on it, intervals as far as `_REACH`."""
        places = [0.0, self.margin, -self.margin, *self.thresholds, *(row.effect for row in self.rows)]
        reach = _REACH * max(map(abs, places))
        places += [min(max(end, -reach), reach) for row in self.rows for end in row.interval or ()]
        room = 0.05 * (max(places) - min(places)) or 0.1
        return min(places) - room, max(places) + room

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return about `most` ticks of the axis, no effect among them, with what is written there."""
        low, high = self.ends
        if self.ratio and high - low > math.log(3):
            places = sorted({0.0, *ratio_ticks(low, high)})
        else:
            start, value = (1.0, math.exp) if self.ratio else (0.0, float)
            step = _round_step((value(high) - value(low)) / most)
            steps = range(math.ceil((value(low) - start) / step), math.floor((value(high) - start) / step) + 1)
            places = [math.log1p(step * n) if self.ratio else step * n for n in steps]
        every, first = -(-len(places) // most), places.index(0.0)
        kept = [place for number, place in enumerate(places) if (number - first) % every == 0]
        return [(place, f"x {math.exp(place):.4g}" if self.ratio else f"{place:.4g}") for place in kept]


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50, ... or their fractions that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def draw(plot: EffectPlot, caption: style.Caption, subject: str) -> Figure:
    """Return a row for each verdict, that of the claim on top."""
    explanation = f"point: effect, bar: {plot.interval};\n{plot.claim}"
    figure = style.new_figure(_ROW * len(plot.rows) + _MARGINS, caption, subject, explanation)
    axes = figure.subplots()
    low, high = plot.ends
    axes.axvspan(-plot.margin, plot.margin, color=BAND, linewidth=0, zorder=0)
    axes.axvline(0, color=ZERO, linewidth=0.8, zorder=1)
    for threshold in plot.thresholds:
        axes.axvline(threshold, color=style.INK, linewidth=0.8, linestyle=_DASH, zorder=1)
    for place, row in enumerate(plot.rows):
        _draw_row(axes, row, place, (low, high))
    axes.set_xlim(low, high)
    axes.set_ylim(len(plot.rows) - 0.5, -0.5)
    axes.set_yticks(
        range(len(plot.rows)), ["\n".join(filter(None, (row.judgement, row.settings))) for row in plot.rows]
    )
    axes.set_xticks(*zip(*plot.ticks(9), strict=True))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"left: {plot.left}; right: {plot.right}")
    figure.legend(handles=_legend(plot), loc="outside lower center", ncols=2)
    return figure


def alt_text(plot: EffectPlot, caption: style.Caption, subject: str) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    return f"{caption.heading(subject)}. {plot.claim} {in_words(plot)}"


def in_words(plot: EffectPlot) -> str:
    """Return what the rows show."""
    rows = "; ".join(
        f"{row.judgement}{f' ({row.settings})' if row.settings else ''}: effect {row.numbers}" for row in plot.rows
    )
    return f"{rows}. Right of no effect: {plot.right}. Smallest effect of interest: {_number(plot, plot.margin)}."


def _draw_row(axes: Axes, row: EffectRow, place: int, ends: tuple[float, float]) -> None:
    color, marker, filled = MARKS[row.judgement]
    for end, limit, arrow in zip(row.interval or (), ends, ("<", ">"), strict=False):
        beyond = (end - limit) * (1 if arrow == ">" else -1) > 0
        axes.plot([row.effect, limit if beyond else end], [place, place], color=color, linewidth=1.6, zorder=2)
        if beyond:
            axes.plot(limit, place, arrow, color=color, markersize=4, clip_on=False, zorder=2)
    face = color if filled else "#ffffff"
    axes.plot(
        row.effect, place, marker, color=color, markersize=6 if place == 0 else 4.5, markerfacecolor=face, zorder=3
    )
    axes.annotate(
        row.numbers,
        (1.0, place),
        (4, 0),
        ("axes fraction", "data"),
        "offset points",
        va="center",
        fontsize=7,
        annotation_clip=False,
    )


def _legend(plot: EffectPlot) -> list[Line2D | Patch]:
    band = Patch(color=BAND, label=f"below the smallest effect of interest ({_number(plot, plot.margin)})")
    words = f"what the claim needs ({', '.join(_number(plot, one) for one in plot.thresholds)})"
    return [band, Line2D([], [], color=style.INK, linewidth=0.8, linestyle=_DASH, label=words)]


def _number(plot: EffectPlot, value: float) -> str:
    return f"x {math.exp(value):.3g}" if plot.ratio else f"{value:.3g}"

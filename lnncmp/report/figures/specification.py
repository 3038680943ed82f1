"""A specification curve: the effect in every reading of a study, sorted, and below it which choice each reading had."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from lnncmp.claims.readings import ClaimReadings, Multiverse, Outcome, Reading
from lnncmp.report.figures import style, tips

_MARKS: Mapping[Outcome, tuple[str, str, bool]] = {
    "supports": ("#0072b2", "o", True),
    "not shown": ("#7a7a7a", "s", False),
    "opposite": ("#d55e00", "v", True),
    "no result": ("#000000", "x", True),
}
"""Color, marker, whether it is filled."""
_WORDS: Mapping[Outcome, str] = {
    "supports": "claim shown",
    "not shown": "not shown",
    "opposite": "opposite shown",
    "no result": "no result",
}
_CURVE, _ROW, _MARGINS = 2.1, 0.135, 1.25
_EXPLANATION = "95% intervals over seeds; dots: the choices of each reading"
_SIZE = 3.2
_LONGEST = 100
_LOST: Mapping[str, Any] = {"color": "#000000", "marker": "o", "fillstyle": "none", "linestyle": "none"}
_FINE = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0, 4.0)


def subject(claim: ClaimReadings) -> str:
    """Return what the picture shows."""
    return f"{claim.id} in {claim.count} readings"


def caption_of(found: Multiverse, title: str) -> style.Caption:
    """Return what the title says. title: of the case."""
    origin = f"{len(found.universes)} of {found.possible:,} universes"
    return style.Caption(title, origin, found.preset, len(found.seeds), "of readings")


def drawable(claim: ClaimReadings) -> bool:
    """Return whether there is a curve: at least two readings with an effect."""
    return sum(one.effect is not None for one in claim.readings) > 1


def ordered(claim: ClaimReadings) -> list[Reading]:
    """Return the readings from the least effect to the largest, those without one last."""
    return sorted(claim.readings, key=lambda one: (one.effect is None, one.effect or 0.0, one.universes))


def draw(found: Multiverse, claim: ClaimReadings, caption: style.Caption) -> Figure:
    """Return the curve and, below it, a row of dots for each alternative of each choice that concerns the claim."""
    readings, rows = ordered(claim), _rows(found, claim)
    height = _CURVE + _ROW * len(rows) + _MARGINS
    figure = style.new_figure(height, caption, subject(claim), _EXPLANATION)
    curve, matrix = figure.subplots(2, 1, sharex=True, height_ratios=[_CURVE, _ROW * len(rows) + 0.1])
    _draw_curve(curve, claim, readings)
    _draw_matrix(matrix, readings, rows)
    seen = [outcome for outcome in _MARKS if any(one.outcome == outcome for one in readings)]
    figure.legend(handles=_legend(seen, readings), loc="outside lower center", ncols=3)
    return figure


def alt_text(found: Multiverse, claim: ClaimReadings, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    effects = [one.effect for one in claim.readings if one.effect is not None]
    ends = "" if not effects else f" Effects from {_number(claim, min(effects))} to {_number(claim, max(effects))}"
    middle = "" if claim.median is None else f", median {_number(claim, claim.median)}"
    weighty = [f"{one.choice} {one.share:.0%}" for one in claim.influences[:3]]
    matter = f" Share of their variance: {', '.join(weighty)}." if weighty else ""
    counts = f"Shown in {claim.supports}, the opposite in {claim.opposite}, not shown in {claim.not_shown}"
    lost = f", no result in {claim.no_result}" if claim.no_result else ""
    return f"{caption.heading(subject(claim))}. {claim.claim} {counts}{lost}.{ends}{middle}.{matter}"


def _rows(found: Multiverse, claim: ClaimReadings) -> list[tuple[str, str]]:
    """Return choice and alternative of each row: of the choices that matter most first."""
    rank = {one.choice: number for number, one in enumerate(claim.influences)}
    concerned = [choice for choice in found.choices if choice.name in claim.concerned]
    concerned.sort(key=lambda choice: rank.get(choice.name, len(rank)))
    return [(choice.name, one.name) for choice in concerned for one in choice.alternatives]


def _draw_curve(axes: Axes, claim: ClaimReadings, readings: Sequence[Reading]) -> None:
    axes.axhline(0, color=style.INK, linewidth=0.6)
    for place, one in enumerate(readings):
        color, marker, filled = _MARKS[one.outcome]
        if 1 in one.universes:
            axes.axvline(place, color="#e69f00", linewidth=0.8, zorder=0)
        if one.effect is None:
            continue
        if one.ci95 is not None:
            axes.plot([place, place], one.ci95, color=color, linewidth=0.8, solid_capstyle="butt")
        axes.plot(
            place, one.effect, marker, color=color, markersize=_SIZE, markerfacecolor=color if filled else "#ffffff"
        )
        tips.put(axes, place, one.effect, f"{_number(claim, one.effect)}, {_WORDS[one.outcome]}")
        if any(one.lost):
            axes.plot(
                place, one.effect, "o", color="#000000", markersize=_SIZE + 4, fillstyle="none", markeredgewidth=0.7
            )
    effects = [one.effect for one in readings if one.effect is not None]
    low, high = min([0.0, *effects]), max([0.0, *effects])
    room = 0.12 * (high - low) or 0.1
    axes.set_ylim(low - room, high + room)
    if claim.effect_kind == "log ratio":
        axes.yaxis.set_major_locator(FixedLocator(ratio_ticks(low - room, high + room)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, position: f"x {math.exp(value):.3g}"))
        axes.set_ylabel("effect (above x 1:\nin the claim's favour)")
    else:
        axes.set_ylabel("effect (above 0:\nin the claim's favour)")
    axes.grid(True, axis="y")
    axes.tick_params(labelbottom=False)


def ratio_ticks(low: float, high: float) -> list[float]:
    """Return logarithms of round ratios between two effects: powers of ten, of short axes 1, 2, 5 or finer steps."""
    span = high - low
    steps = (1.0,) if span > math.log(2000) else (1.0, 2.0, 5.0) if span > math.log(3) else _FINE
    decades = range(math.floor(low / math.log(10)) - 1, math.ceil(high / math.log(10)) + 1)
    ticks = [math.log(step) + decade * math.log(10) for decade in decades for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def _draw_matrix(axes: Axes, readings: Sequence[Reading], rows: Sequence[tuple[str, str]]) -> None:
    choices = list(dict.fromkeys(choice for choice, _ in rows))
    for number, (choice, alternative) in enumerate(rows):
        if choices.index(choice) % 2 == 0:
            axes.axhspan(number - 0.5, number + 0.5, color="#e3e3e3", linewidth=0)
        for outcome, (color, _, _) in _MARKS.items():
            places = [
                place
                for place, one in enumerate(readings)
                if one.outcome == outcome and one.alternatives[choice] == alternative
            ]
            axes.plot(places, [number] * len(places), "o", color=color, markersize=2.2, markeredgewidth=0)
    axes.set_yticks(range(len(rows)), [_label(rows, number) for number in range(len(rows))])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-1, len(readings))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xlabel("readings, sorted by effect")


def _label(rows: Sequence[tuple[str, str]], number: int) -> str:
    """Return the label of a row: the choice stands at its first alternative."""
    choice, alternative = rows[number]
    first = number == 0 or rows[number - 1][0] != choice
    text = f"{choice}:  {alternative}" if first else alternative
    return text if len(text) < _LONGEST else f"{text[:_LONGEST]}..."


def _legend(outcomes: Sequence[Outcome], readings: Sequence[Reading]) -> list[Line2D]:
    entries = [
        Line2D(
            [],
            [],
            color=_MARKS[outcome][0],
            marker=_MARKS[outcome][1],
            linestyle="none",
            markersize=_SIZE + 1,
            markerfacecolor=_MARKS[outcome][0] if _MARKS[outcome][2] else "#ffffff",
            label=_WORDS[outcome],
        )
        for outcome in outcomes
    ]
    entries.append(Line2D([], [], color="#e69f00", linewidth=1.2, label="default reading"))
    if any(any(one.lost) for one in readings):
        entries.append(Line2D([], [], **_LOST, label="with lost runs"))
    return entries


def _number(claim: ClaimReadings, effect: float) -> str:
    return f"x {math.exp(effect):.3g}" if claim.effect_kind == "log ratio" else f"{effect:+.3g}"

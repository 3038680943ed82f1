"""The ranking of a comparison as a small picture of the page: error of each network, baselines as lines across."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from markupsafe import Markup, escape
from matplotlib.ticker import LogLocator, MaxNLocator

from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.answers.ranking import Place, ranking
from lnncmp.report.figures.errors import REACH
from lnncmp.report.figures.style import needs_log
from lnncmp.report.tables.numbers import interval, significant

_WIDTH, _ROW, _LETTER = 440.0, 15.0, 6.8
_LEFT_MOST, _VALUES, _TOP, _AXIS = 150.0, 60.0, 4.0, 20.0
_DIGITS = 3


@dataclass(frozen=True)
class _Scale:
    """Errors from low to high as places from left to right; logs: whether logarithmic."""

    low: float
    high: float
    left: float
    right: float
    logs: bool

    def x(self, value: float) -> float:
        """Return the place of a value, at the edge of the axis if it is beyond it."""
        low, high, at = (log10(one) if self.logs else one for one in (self.low, self.high, self._clipped(value)))
        return round(self.left + (self.right - self.left) * (at - low) / (high - low), 1)

    def _clipped(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def ticks(self) -> list[float]:
        """Return the values at which the axis has marks."""
        if self.logs:
            wide = self.high > 50 * self.low
            found = LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)).tick_values(self.low, self.high)
        else:
            found = MaxNLocator(nbins=4).tick_values(self.low, self.high)
        return [float(value) for value in found if self.low <= value <= self.high]


def ranked_svg(table: ComparisonTable) -> Markup:
    """Return the ranking as an `<svg>` element, "" if no network has an error.

    Liquid networks are filled points, others open ones, baselines dashed lines; those beyond the axis are only named.
    """
    places = [place for place in ranking(table) if place.error is not None]
    networks = [place for place in places if place.trained is not None]
    if not networks:
        return Markup("")
    left = min(_LEFT_MOST, max(len(place.name) for place in networks) * _LETTER + 10)
    scale = _scale(table, places, left)
    lines = [place for place in places if place.trained is None]
    end = _TOP + _ROW * len(networks)
    parts = [_axis(scale, end)]
    parts += [_line(place, number, scale, end) for number, place in reversed(list(enumerate(lines)))]  # names on top
    parts += [_network(table, place, _TOP + _ROW * (n + 0.5), scale) for n, place in enumerate(networks)]
    height = end + _AXIS + _ROW * len(lines)
    head = f'<svg class="ranked" role="img" viewBox="0 0 {_WIDTH:g} {height:g}" aria-label="{escape(_words(places))}">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # names are escaped where they enter


def _scale(table: ComparisonTable, places: Sequence[Place], left: float) -> _Scale:
    """Return a scale on which the networks keep apart: baselines far off and ends of wide intervals are cut."""
    means = [place.error for place in places if place.trained is not None and place.error is not None]
    others = [place.error for place in places if place.trained is None and place.error is not None]
    near = [error for error in others if min(means) / REACH <= error <= max(means) * REACH]
    shown = [*means, *near]
    if needs_log(shown):
        return _Scale(min(shown) / 1.2, max(shown) * 1.2, left, _WIDTH - _VALUES, logs=True)
    ends = [*shown, *(end for place in places for end in _ends(table, place) or ())]
    room = max(shown) - min(shown) or abs(shown[0]) or 1.0
    low = max(min(ends), min(shown) - 0.5 * room)
    high = min(max(ends), max(shown) + 0.5 * room)
    margin = 0.03 * (high - low) or 0.5 * room
    return _Scale(max(low - margin, 0.0), high + margin, left, _WIDTH - _VALUES, logs=False)


def _ends(table: ComparisonTable, place: Place) -> tuple[float, float] | None:
    return None if place.trained is None else place.trained.metrics[table.main].ci95


def _axis(scale: _Scale, end: float) -> str:
    marks = [
        f'<path class="grid" d="M{scale.x(value)} {_TOP:g}V{end:g}"/>'
        f'<text class="tick" x="{scale.x(value)}" y="{end + 12:g}" text-anchor="middle">{value:g}</text>'
        for value in scale.ticks()
    ]
    return "".join([*marks, f'<path class="axis" d="M{scale.left:g} {end:g}H{scale.right:g}"/>'])


def _line(place: Place, number: int, scale: _Scale, end: float) -> str:
    """Return a baseline: a line across, its name under the axis; the name alone with an arrow if it is beyond it."""
    error = place.error or 0.0
    x, y = scale.x(error), end + _AXIS + _ROW * (number + 0.5)
    on_axis = scale.low <= error <= scale.high
    near_end = x > (scale.left + scale.right) / 2
    side, shift = ("end", -4) if near_end else ("start", 4)
    text = f"{place.name} {significant(error, _DIGITS)}"
    shown = text if on_axis else f"{text} \N{RIGHTWARDS ARROW}" if near_end else f"\N{LEFTWARDS ARROW} {text}"
    line = f'<path d="M{x} {_TOP:g}V{y + 4:g}"/>' if on_axis else ""
    return (
        f'<g class="baseline" data-tip="{escape(text)}">{line}'
        f'<text x="{x + shift:g}" y="{y + 4:g}" text-anchor="{side}">{escape(shown)}</text></g>'
    )


def _network(table: ComparisonTable, place: Place, y: float, scale: _Scale) -> str:
    """Return a network: its name, its interval, its error as a point and as a number."""
    assert place.trained is not None
    ends = place.trained.metrics[table.main].ci95
    bar = "" if ends is None else f'<path d="M{scale.x(ends[0])} {y:g}H{scale.x(ends[1])}"/>'
    seeds = f"{place.trained.n_ok} seed{'' if place.trained.n_ok == 1 else 's'}"
    tip = ", ".join([f"{place.name}: {significant(place.error)} {interval(ends)}".strip(), seeds])
    kind = "liquid" if place.trained.group == "liquid" else "other"
    return (
        f'<g class="point {kind}" data-tip="{escape(tip)}"><rect class="hit" x="0" y="{y - _ROW / 2:g}" '
        f'width="{_WIDTH:g}" height="{_ROW:g}"/><text x="{scale.left - 8:g}" y="{y + 4:g}" text-anchor="end">'
        f'{escape(_short(place.name, scale.left))}</text>{bar}<circle cx="{scale.x(place.error or 0.0)}" cy="{y:g}" '
        f'r="3.6"/><text x="{_WIDTH:g}" y="{y + 4:g}" text-anchor="end">{significant(place.error, _DIGITS)}</text></g>'
    )


def _short(name: str, left: float) -> str:
    most = int((left - 10) / _LETTER) + 1
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _words(places: Sequence[Place]) -> str:
    """Return the ranking in words."""
    named = [f"{place.name}{'' if place.trained else ' (untrained)'} {significant(place.error)}" for place in places]
    return f"From the lowest error to the highest: {', '.join(named)}."

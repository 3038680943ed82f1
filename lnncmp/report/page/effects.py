"""The effect behind a verdict as a small picture of a page: one claim takes well under a millisecond."""

import math
from collections.abc import Callable

from markupsafe import Markup, escape

from lnncmp.claims.claim import DIFFERENCES
from lnncmp.claims.schema import Verdict
from lnncmp.comparison.run_metrics import COUNTS, FACTS
from lnncmp.report.figures.effects import BAND, MARKS, ZERO, EffectPlot, EffectRow, in_words
from lnncmp.report.figures.style import INK, NAMES
from lnncmp.report.page.words import other_conditions
from lnncmp.report.tables.claims import changed, effect_cell

WIDTH = 320
_SIDE, _TOP, _ROW = 10, 12, 14
_LETTER = 10
"""Pixels of the letters, of a picture that is shown `WIDTH` pixels wide."""
_FEW_TICKS = 5
_LONGEST = 26
"""Characters of the settings of a row."""


def effect_plot(row: Verdict) -> EffectPlot | None:
    """Return the effects behind a claim: that of its verdict, and of each other setting that gave another verdict.

    None if none of them has an effect, or the verdict holds no smallest effect of interest.
    """
    rows = [
        _row(one, "" if one is row else other_conditions(row, one)) for one in (row, *changed(row)) if _drawable(one)
    ]
    margin = row.smallest_difference
    if not rows or margin is None:
        return None
    left, right = "against the claim", "the claim's way"
    thresholds: tuple[float, ...] = (margin if row.named_effect is None else row.named_effect,)
    if row.direction == "comparable":
        left, right, thresholds = f"{row.models[0]} higher", f"{row.models[0]} lower", (-margin, margin)
    elif row.direction not in DIFFERENCES:
        thresholds = (-margin,)
    return EffectPlot(row.claim, rows, margin, thresholds, row.effect_kind == "log ratio", left, right, _interval(row))


def _drawable(row: Verdict) -> bool:
    return row.effect is not None and math.isfinite(row.effect)


def _interval(row: Verdict) -> str:
    if row.measure in COUNTS:
        return "least to largest over seeds"
    return "95% interval over repeats of the measurement" if row.measure in FACTS else "95% interval"


def _row(row: Verdict, settings: str) -> EffectRow:
    interval = row.ci95 if row.ci95 is not None and all(map(math.isfinite, row.ci95)) else None
    numbers = effect_cell(row).replace("\n", " ")
    return EffectRow(row.found or row.verdict, settings, row.effect or 0.0, interval, numbers)


def effect_svg(row: Verdict) -> Markup:
    """Return the effects behind a claim as an `<svg>` element `WIDTH` pixels wide, "" if there are none.

    Its colors are variables of the page (`lnncmp.report.figures.style.scheme_css`). What records hold is text in it.
    """
    plot = effect_plot(row)
    if plot is None:
        return Markup("")
    floor = _TOP + _ROW * (len(plot.rows) - 1) + 11
    low, high = plot.ends
    scale = (WIDTH - 2 * _SIDE) / (high - low)

    def across(value: float) -> float:
        return round(_SIDE + (min(max(value, low), high) - low) * scale, 1)

    left, right = across(-plot.margin), across(plot.margin)
    parts = [
        f'<rect x="{left}" y="2" width="{round(right - left, 1)}" height="{floor - 2}" style="fill:{_color(BAND)}"/>',
        _line(across(0.0), 2, across(0.0), floor, ZERO),
        *(_line(across(one), 2, across(one), floor, INK, "stroke-dasharray:3 2") for one in plot.thresholds),
        *(_row_svg(one, place, across, plot.ends) for place, one in enumerate(plot.rows)),
        _line(_SIDE, floor, WIDTH - _SIDE, floor, INK),
        *(_text(_inside(across(value)), floor + 11, words, "middle") for value, words in plot.ticks(_FEW_TICKS)),
        _text(2, floor + 25, f"\N{LEFTWARDS ARROW} {plot.left}", "start"),
        _text(WIDTH - 2, floor + 25, f"{plot.right} \N{RIGHTWARDS ARROW}", "end"),
    ]
    head = f'<svg class="effect" role="img" viewBox="0 0 {WIDTH} {floor + 29}" aria-label="{escape(in_words(plot))}">'
    return Markup(head + "".join(parts) + "</svg>")


def _inside(x: float) -> float:
    """Return the middle of a short text that is not cut at the sides."""
    return min(max(x, 2.0 * _LETTER), WIDTH - 2.0 * _LETTER)


_HALO = f"paint-order:stroke;stroke:var({NAMES['#ffffff']});stroke-width:2px"
"""Keeps letters readable on what they cross."""


def _row_svg(row: EffectRow, place: int, across: Callable[[float], float], ends: tuple[float, float]) -> str:
    """Return interval and point of one verdict, the settings of another one beside it, and all in words on pointing."""
    color, marker, filled = MARKS[row.judgement]
    y, x, size = _TOP + _ROW * place, across(row.effect), 4.5 if place == 0 else 3.5
    title = f"<title>{escape(': '.join(filter(None, (row.settings, f'{row.judgement}, {row.numbers}'))))}</title>"
    drawn, places = [title], [x]
    if row.interval is not None:
        start, end = (across(one) for one in row.interval)
        places += [start, end]
        drawn.append(_line(start, y, end, y, color, "stroke-width:2"))
        beyond = (row.interval[0] < ends[0], -1, start), (row.interval[1] > ends[1], 1, end)
        drawn += [_shape(f"M{tip + 4 * way} {y}l{-6 * way} -4v8z", color, True) for far, way, tip in beyond if far]
    drawn.append(_shape(_OUTLINES[marker](x, y, size), color, filled))
    if row.settings:
        left = min(places) > WIDTH - max(places)
        drawn.append(_text(2 if left else WIDTH - 2, y + 3, _short(row.settings), "start" if left else "end"))
    return f"<g>{''.join(drawn)}</g>"


_OUTLINES: dict[str, Callable[[float, float, float], str]] = {
    "o": lambda x, y, r: f"M{x - r} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
    "s": lambda x, y, r: f"M{x - r} {y - r}h{2 * r}v{2 * r}h{-2 * r}z",
    "v": lambda x, y, r: f"M{x - r} {y - r}h{2 * r}l{-r} {2 * r}z",
    "D": lambda x, y, r: f"M{x} {y - r}l{r} {r}l{-r} {r}l{-r} {-r}z",
    "x": lambda x, y, r: f"M{x - r} {y - r}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}",
}
"""Marker -> its outline around (x, y)."""


def _shape(path: str, color: str, filled: bool) -> str:
    fill = color if filled else "#ffffff"
    return f'<path d="{path}" style="fill:{_color(fill)};stroke:{_color(color)};stroke-width:1.5"/>'


def _line(x1: float, y1: float, x2: float, y2: float, color: str, more: str = "") -> str:
    style = ";".join(filter(None, (f"stroke:{_color(color)}", more)))
    return f'<path d="M{x1} {y1}L{x2} {y2}" style="{style}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    style = f"fill:{_color(INK)};font-size:{_LETTER}px;text-anchor:{anchor};{_HALO}"
    return f'<text x="{x}" y="{y}" style="{style}">{escape(words)}</text>'


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _color(color: str) -> str:
    return f"var({NAMES[color]})"

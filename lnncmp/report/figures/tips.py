"""What the points of a picture say: texts that a page shows under the pointer, or to the keyboard.

They are no part of the drawing: files of pictures do not hold them.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary
from xml.sax.saxutils import quoteattr

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lnncmp.common.text import visible
from lnncmp.comparison.table import Interval
from lnncmp.report.tables.numbers import interval, significant

_POINTS = 72.0
_RADIUS = 5


class _Tip(NamedTuple):
    panel: Axes
    x: float
    y: float
    text: str


_TIPS: WeakKeyDictionary[Figure, list[_Tip]] = WeakKeyDictionary()


def put(panel: Axes, x: float, y: float, text: str) -> None:
    """Give the point at x and y, in units of the panel's axes, its text."""
    figure = panel.get_figure(root=True)
    if figure is not None:
        _TIPS.setdefault(figure, []).append(_Tip(panel, x, y, text))


def value(name: str, number: float, ends: Interval | None, *more: str) -> str:
    """Return the text of a value: its name, its number with the interval if it has one, and what else there is."""
    shown = None if ends is None or ends[0] == ends[1] or not all(map(math.isfinite, ends)) else ends
    words = significant(number) if math.isfinite(number) else "not finite"
    return ", ".join(filter(None, [f"{name}: {words} {interval(shown)}".strip(), *more]))


def markup(figure: Figure) -> str:
    """Return invisible circles over the points of a figure that was laid out, each with its text; "" without any.

    Points beyond their panel are left out. Coordinates are those of the saved SVG: points from the upper left corner.
    """
    height = figure.get_figheight() * _POINTS
    circles = [
        f'<circle cx="{x:.1f}" cy="{height - y:.1f}" r="{_RADIUS}" data-tip={quoteattr(visible(text))}/>'
        for x, y, text in _placed(figure)
    ]
    return f'<g class="tips">{"".join(circles)}</g>' if circles else ""


def _placed(figure: Figure) -> Iterator[tuple[float, float, str]]:
    for tip in _TIPS.get(figure, ()):
        x, y = tip.panel.transData.transform((tip.x, tip.y))
        box = tip.panel.bbox
        if box.x0 - 1 <= x <= box.x1 + 1 and box.y0 - 1 <= y <= box.y1 + 1:  # false for what is not finite
            yield x * _POINTS / figure.dpi, y * _POINTS / figure.dpi, tip.text

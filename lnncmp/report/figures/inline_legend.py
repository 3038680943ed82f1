"""The legend of a picture as text of a page, so that a narrow screen shows all of it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_POINT = re.compile(r"(-?[\d.]+) (-?[\d.]+)")
_MARGIN = 3.5

Box = tuple[float, float, float, float]
"""Left, top, width, height in points, from the upper left corner."""


@dataclass(frozen=True)
class Entry:
    """One entry of a legend. sample: the line or patch, drawn in the coordinates of the picture.

    box: where it is drawn; None where nothing is, as in headings.
    """

    sample: ET.Element
    box: Box | None
    label: str


def take_legend(figure: Figure, root: ET.Element) -> list[Entry]:
    """Remove the figure's own legend from its picture and return its entries; none if it has no such legend.

    root: the picture, whose groups have the names that matplotlib gave them. Shapes that the legend defines stay.
    """
    if len(figure.legends) != 1:
        return []
    (legend,) = figure.legends
    parents = [(parent, child) for parent in root.iter() for child in parent if child.get("id") == "legend_1"]
    if not parents:
        return []
    ((parent, group),) = parents
    samples = _samples(group)
    labels = [text.get_text() for text in legend.get_texts()]
    if len(samples) != len(labels):
        return []
    parent.remove(group)
    root[:0] = list(group.iter(f"{_SVG}defs"))
    for sample in samples:
        _drop_shapes(sample)
    return [Entry(sample, _box(sample), label) for sample, label in zip(samples, labels, strict=True)]


def without_legend(entries: Sequence[Entry], width: float, height: float) -> tuple[float, float]:
    """Return width and height of the picture up to its legend, which lies to the right of the panels or below them."""
    boxes = [entry.box for entry in entries if entry.box is not None]
    left, top = min((box[0] for box in boxes), default=width), min((box[1] for box in boxes), default=height)
    return (left, height) if left > width / 2 else (width, top)


def _samples(group: ET.Element) -> list[ET.Element]:
    """Return one group for each text of a legend, with what is drawn before it."""
    found: list[ET.Element] = []
    waiting = ET.Element(f"{_SVG}g")
    for child in group:
        if (child.get("id") or "").startswith("text"):
            found.append(waiting)
            waiting = ET.Element(f"{_SVG}g")
        else:
            waiting.append(child)
    return found


def _drop_shapes(element: ET.Element) -> None:
    for parent in list(element.iter()):
        for child in [child for child in parent if child.tag == f"{_SVG}defs"]:
            parent.remove(child)


def _box(sample: ET.Element) -> Box | None:
    """Return where the sample is drawn, with room for the width of lines and markers; None if nothing is."""
    points = [pair for one in sample.iter() for pair in _POINT.findall(one.get("d") or "")]
    points += [(str(one.get("x")), str(one.get("y"))) for one in sample.iter(f"{_SVG}use")]
    if not points:
        return None
    xs, ys = zip(*((float(x), float(y)) for x, y in points), strict=True)
    left, top = min(xs) - _MARGIN, min(ys) - _MARGIN
    return left, top, max(xs) + _MARGIN - left, max(ys) + _MARGIN - top


def used_names(elements: Sequence[ET.Element]) -> set[str]:
    """Return the names that these elements refer to with `href`."""
    return {str(one.get("href")).removeprefix("#") for part in elements for one in part.iter() if one.get("href")}

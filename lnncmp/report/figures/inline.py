"""A picture as part of a page: no title of its own, colors that follow the page's scheme, few bytes, unique names."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from lnncmp.report.figures import tips
from lnncmp.report.figures.inline_legend import take_legend, used_names, without_legend
from lnncmp.report.figures.style import HEADING_ID, NAMES

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_ELSEWHERE = ("title", "desc", "metadata", "style")
_POINTS = 72.0
_MARGIN = 2.0


@dataclass(frozen=True)
class Sample:
    """One entry of a legend: the inside of a small `<svg>` element with this viewBox, and what it stands for.

    view_box: "" where nothing is drawn, as in headings.
    """

    view_box: str
    body: str
    label: str


@dataclass(frozen=True)
class InlineSvg:
    """The inside of an `<svg>` element with this viewBox, and what the picture's own title says under its heading.

    legend: its entries, if they are not in the picture. They use shapes of its body.
    """

    view_box: str
    body: str
    explanation: str
    legend: tuple[Sample, ...] = ()

    @property
    def points(self) -> bool:
        """Whether points of the picture have texts, see `lnncmp.report.figures.tips`."""
        return "data-tip=" in self.body


def inline_svg(figure: Figure, svg: bytes, prefix: str) -> InlineSvg:
    """Return `svg`, the saved `figure`, for a page on which `prefix` makes its names unique."""
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in [child for child in parent if _superfluous(parent, child)]:
            shapes = [] if child.tag == f"{_SVG}defs" else list(child.iter(f"{_SVG}defs"))
            parent.remove(child)
            root[:0] = shapes  # letters that the rest of the picture may use, too
    legend = take_legend(figure, root)
    samples = [entry.sample for entry in legend]
    names: dict[str, str] = {}
    for part in (root, *samples):
        for element in part.iter():
            _rename(element, prefix, names)
            _shorten(element)
    for group in root.iter(f"{_SVG}g"):
        _hoist_style(group)
    _drop_unused(root, used_names([root, *samples]))
    left, _, width, height = (float(part) for part in str(root.get("viewBox")).split())
    top = _heading_end(figure, height)
    if legend:
        width, height = without_legend(legend, width, height)
    entries = tuple(Sample(_view_box(entry.box or ()), _markup(entry.sample), entry.label) for entry in legend)
    box = _view_box((left, top, width, height - top))
    return InlineSvg(box, _markup(root) + tips.markup(figure), str(figure.get_label()), entries)


def _view_box(box: Sequence[float]) -> str:
    return " ".join(f"{round(value, 2):g}" for value in box)


def _markup(parent: ET.Element) -> str:
    """Return what an element holds, for a page."""
    body = "".join(ET.tostring(child, encoding="unicode") for child in parent)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body).replace("ns0:", "")
    body = re.sub(r">\s+<", "><", body).replace(" />", "/>").strip()
    return _recolored(_without_bare_groups(body))


def _drop_unused(root: ET.Element, used: Collection[str]) -> None:
    """Remove shapes that nothing refers to."""
    for shapes in root.iter(f"{_SVG}defs"):
        for shape in [one for one in shapes if one.tag == f"{_SVG}path" and one.get("id") not in used]:
            shapes.remove(shape)


def _superfluous(parent: ET.Element, child: ET.Element) -> bool:
    """Tell whether the page says it elsewhere: title, description, the paper under the picture, its one style."""
    paper = (parent.get("id"), child.get("id")) == ("figure_1", "patch_1")
    return paper or child.get("id") == HEADING_ID or child.tag.removeprefix(_SVG) in _ELSEWHERE


def _without_bare_groups(body: str) -> str:
    """Return the body without groups that have no attributes: they change nothing."""
    open_groups: list[bool] = []
    kept = []
    for part in re.split(r"(<g\b[^>]*>|</g>)", body.replace("<defs/>", "").replace("<g/>", "")):
        if part == "</g>":
            part = "" if open_groups.pop() else part
        elif part.startswith("<g") and not part.endswith("/>"):
            open_groups.append(part == "<g>")
            part = "" if part == "<g>" else part
        kept.append(part)
    return "".join(kept)


def _heading_end(figure: Figure, height: float) -> float:
    """Return how many points from the top the title of the figure ends."""
    heading = next((text for text in figure.texts if text.get_gid() == HEADING_ID), None)
    if heading is None:
        return 0.0
    end = height - float(heading.get_window_extent().y0) * _POINTS / figure.dpi
    return round(max(0.0, end - _MARGIN), 2)


def _rename(element: ET.Element, prefix: str, names: dict[str, str]) -> None:
    """Give what has a name, and those that refer to it, a short one. names: old -> new, of this picture so far."""

    def short(name: str) -> str:
        return names.setdefault(name, f"{prefix}-{len(names)}")

    name = element.attrib.pop("id", None)
    if name is not None and element.tag != f"{_SVG}g":
        element.set("id", short(name))
    target = element.attrib.pop(_LINK, None)
    if target is not None:
        element.set("href", f"#{short(target.removeprefix('#'))}")
    for key, value in element.attrib.items():
        element.set(key, re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{short(found[1])})", value))


def _shorten(element: ET.Element) -> None:
    """Round coordinates to hundredths of a point, and leave out spaces that are not needed."""
    if "d" in element.attrib:
        path = " ".join(_rounded(element.attrib["d"]).split())
        element.set("d", re.sub(r" ?([A-Za-z]) ?", r"\1", path))
    for key in ("x", "y", "width", "height"):
        if key in element.attrib:
            element.set(key, _rounded(element.attrib[key]))
    if "transform" in element.attrib:
        move = re.sub(r"translate\([^)]*\)", lambda found: _rounded(found[0]), element.attrib["transform"])
        element.set("transform", move)
    if "style" in element.attrib:
        element.set("style", element.attrib["style"].replace(": ", ":").replace("; ", ";"))
    element.attrib.pop("standalone", None)


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)


def _hoist_style(group: ET.Element) -> None:
    """Give a group the style that all its markers share."""
    styles = {child.get("style") for child in group if child.tag == f"{_SVG}use"}
    if len(styles) == 1 and len(group) > 1 and all(child.tag == f"{_SVG}use" for child in group):
        style = styles.pop()
        if style is not None and "style" not in group.attrib:
            group.set("style", style)
            for child in group:
                del child.attrib["style"]


def _recolored(body: str) -> str:
    """Return the body with variables in place of the colors of `SCHEME`; others stay as they are."""
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: f"var({NAMES[found[0]]})" if found[0] in NAMES else found[0], body)

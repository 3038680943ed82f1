"""The wiring of a sparse network: neurons in layers, synapses by sign."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from lnncmp.report.figures import style

_EXCITATORY, _INHIBITORY = "#0072b2", "#d55e00"
_DASH: style.Dash = (0.0, (3.0, 1.6))
_HEIGHT, _BULGE, _LOOP = 3.8, 0.42, 0.03

Place = tuple[int, int]
Synapse = tuple[Place, Place, int]
_Piece = tuple[list[tuple[float, float]], list[int]]


@dataclass(frozen=True)
class Diagram:
    """One wiring. layers: (name, neurons), inputs first; synapses: ((layer, neuron), (layer, neuron), sign).

    seed: of the run that it belongs to. several: whether other seeds have other wirings.
    """

    model: str
    seed: int
    layers: Sequence[tuple[str, int]]
    synapses: Sequence[Synapse]
    several: bool


def subject(diagram: Diagram) -> str:
    """Return what the picture shows, for its title."""
    return f"wiring of {diagram.model}"


def draw(diagram: Diagram, caption: style.Caption) -> Figure:
    """Return the layers from left to right; synapses within a layer are bows to its right."""
    others = "; every seed draws its own" if diagram.several else ""
    explanation = f"of seed {diagram.seed}{others}; signs as before training"
    figure = style.new_figure(_HEIGHT, caption, subject(diagram), explanation)
    panel = figure.subplots()
    for sign, color, dash in ((1, _EXCITATORY, "-"), (-1, _INHIBITORY, _DASH)):
        chosen = [synapse for synapse in diagram.synapses if (synapse[2] > 0) == (sign > 0)]
        if chosen:
            path = _path(diagram, chosen)
            panel.add_patch(PathPatch(path, fill=False, edgecolor=color, linestyle=dash, linewidth=0.5, alpha=0.75))
    for n, (name, count) in enumerate(diagram.layers):
        spots = [_spot(diagram, (n, k)) for k in range(count)]
        size = 4.5 if count <= 24 else 3.0
        panel.plot(
            [x for x, _ in spots],
            [y for _, y in spots],
            linestyle="none",
            marker="s" if n == 0 else "o",
            markersize=size,
            markerfacecolor="white",
            markeredgecolor=style.INK,
            markeredgewidth=0.8,
        )
        panel.text(n, 1.07, _counted(count, name), ha="center", va="bottom")
    _frame(panel, len(diagram.layers))
    figure.legend(handles=_legend(diagram), loc="outside lower center", ncols=2)
    return figure


def alt_text(diagram: Diagram, caption: style.Caption) -> str:
    """Return the picture in a few sentences, for those who do not see it."""
    layers = ", ".join(_counted(count, name) for name, count in diagram.layers)
    groups = dict.fromkeys((start[0], end[0]) for start, end, _ in diagram.synapses)
    parts = []
    for start, end in sorted(groups):
        signs = [sign for a, b, sign in diagram.synapses if (a[0], b[0]) == (start, end)]
        names = f"{diagram.layers[start][0]} to {diagram.layers[end][0]}"
        parts.append(f"{names} {signs.count(1)} excitatory and {signs.count(-1)} inhibitory")
    return f"{caption.heading(subject(diagram))}, seed {diagram.seed}. Layers: {layers}. Synapses: {'; '.join(parts)}."


def _counted(count: int, name: str) -> str:
    return f"{count} {name.removesuffix('s') if count == 1 else name}"


def _spot(diagram: Diagram, place: Place) -> tuple[float, float]:
    """Return the place of a neuron: layers at whole numbers, neurons of a layer from top to bottom."""
    layer, neuron = place
    return float(layer), 1.0 - (neuron + 0.5) / diagram.layers[layer][1]


def _path(diagram: Diagram, synapses: Sequence[Synapse]) -> Path:
    """Return all these synapses as one path: a picture of a thousand lines stays small."""
    vertices: list[tuple[float, float]] = []
    codes: list[int] = []
    for start, end, _ in synapses:
        points, kinds = _piece(_spot(diagram, start), _spot(diagram, end))
        vertices += points
        codes += kinds
    return Path(vertices, codes)


def _piece(start: tuple[float, float], end: tuple[float, float]) -> _Piece:
    (x, y), (u, v) = start, end
    if start == end:
        loop = [start, (x + _BULGE / 3, y + 2 * _LOOP), (x + _BULGE / 3, y - 2 * _LOOP), end]
        return loop, [int(Path.MOVETO), *[int(Path.CURVE4)] * 3]
    if x == u:
        return [start, (x + _BULGE, (y + v) / 2), end], [int(Path.MOVETO), *[int(Path.CURVE3)] * 2]
    if u < x:  # back to an earlier layer: a bow under the straight ones
        return [start, ((x + u) / 2, -0.15), end], [int(Path.MOVETO), *[int(Path.CURVE3)] * 2]
    return [start, end], [int(Path.MOVETO), int(Path.LINETO)]


def _frame(panel: Axes, layers: int) -> None:
    panel.set_xlim(-0.25, layers - 1 + 0.45)
    panel.set_ylim(-0.04, 1.16)
    panel.set_axis_off()


def _legend(diagram: Diagram) -> list[Line2D]:
    signs = [sign for *_, sign in diagram.synapses]
    kinds: list[tuple[int, str, str, style.Dash]] = [
        (1, "excitatory", _EXCITATORY, "-"),
        (-1, "inhibitory", _INHIBITORY, _DASH),
    ]
    return [
        Line2D([], [], color=color, linestyle=dash, linewidth=1.0, label=f"{signs.count(sign)} {name} synapses")
        for sign, name, color, dash in kinds
    ]

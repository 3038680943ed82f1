"""Legends of figures: below all panels, with room of their own."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.figures import style

_HEIGHT = 0.17
_LINES = 3
"""Lines of a legend for which figures have room; each further one makes its figure higher."""


def entries(
    comparison: ComparisonTable, looks: Mapping[str, style.Look], thin: Mapping[str, style.Look]
) -> list[Line2D]:
    """Return the entries of a legend: the models of the comparison, then its baselines."""
    found = [(looks[row.model], style.label(row), 1.2) for row in comparison.rows]
    found += [(thin[row.name], row.name, 1.0) for row in comparison.baselines]
    return [
        Line2D([], [], color=look.color, marker=look.marker, linestyle=look.dash, linewidth=width, label=shown(text))
        for look, text, width in found
    ]


def shown(text: str) -> str:
    """Return a name as the label of an entry: matplotlib leaves out those that begin with "_"."""
    return f"\u2009{text}" if text.startswith("_") else text


def put(figure: Figure, own: Sequence[Line2D | Patch], columns: int = 5) -> None:
    """Put a legend below all panels, in at most so many columns: fewer where names are long; many make room for it."""
    longest = max(len(str(entry.get_label())) for entry in own)
    fitting = int(style.LINE * figure.get_figwidth() / style.WIDTH / (longest + 6))
    count = max(1, min(columns, fitting, len(own)))
    more = max(0, -(-len(own) // count) - _LINES)
    figure.set_figheight(figure.get_figheight() + _HEIGHT * more)
    figure.legend(handles=list(own), loc="outside lower center", ncols=count)

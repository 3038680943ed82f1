"""How all pictures look: print sizes in inches, fonts of at least 7 points, and lines that can be distinguished.

Colors are those of Okabe and Ito (2008, "Color Universal Design"), which color-blind people can distinguish; each
model also has a marker and a dash pattern of its own, for prints in black and white. Black and grey lines without
markers are untrained baselines.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lnncmp.common.text import visible
from lnncmp.comparison.table import ComparisonTable, ModelRow

SCHEME: Mapping[str, str] = {
    "#ffffff": "#14171c",
    "#000000": "#e8eaed",
    "#1a1a1a": "#e8eaed",
    "#404040": "#c0c4ca",
    "#707070": "#9aa0a8",
    "#7a7a7a": "#9aa0a8",
    "#8c8c8c": "#858b94",
    "#c4c4c4": "#565c66",
    "#e3e3e3": "#2d323a",
    "#fdf2d5": "#2f2a1c",
    "#e3f1df": "#1d2b20",
    "#f7e6f0": "#30202a",
    "#efe9dc": "#2b2822",
    "#6c9dcb": "#3f6d99",
    "#0072b2": "#4aa8e0",
    "#d55e00": "#f08a3c",
    "#009e73": "#2fc598",
    "#cc79a7": "#dd93bd",
    "#e69f00": "#f0b43c",
    "#56b4e9": "#7cc7f2",
}
"""Color on light paper -> color on dark paper, of the same hue."""
NAMES: Mapping[str, str] = {color: f"--f{n}" for n, color in enumerate(SCHEME)}
"""Color -> variable of the page that holds it."""


def scheme_css(dark: bool) -> str:
    """Return the declarations of the colors that inline pictures use."""
    return "".join(f"{NAMES[light]}:{other if dark else light};" for light, other in SCHEME.items())


WIDTH = 7.2
"""Inches: the width of a printed page of text."""
LOG_FACTOR = 20
"""Values that span more than this factor are drawn on a logarithmic axis."""
_LOG_TICKS = ((8, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)), (100, (1.0, 2.0, 5.0)), (1000, (1.0, 3.0)))
"""Up to which factor a logarithmic axis has which ticks in each decade; then one."""
LINE = 94
"""Characters of a line of the title that fit the width."""
_TITLE_LINE = 0.19
"""Inches of a line of the title."""
HEADING_ID = "heading"
"""Identity, in SVG files, of the title of a picture."""
INK = "#1a1a1a"
TRUTH = "#c4c4c4"
TINTS = ("#fdf2d5", "#e3f1df", "#f7e6f0", "#efe9dc")
_RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "figure.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.handlelength": 3.6,
    "figure.dpi": 200,  # layout and files at one resolution: the width of letters depends on it
    "savefig.dpi": "figure",
    "text.hinting": "none",
    "svg.fonttype": "path",  # shapes of letters, not names of fonts that a reader may lack
    "svg.hashsalt": "lnncmp",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # names may hold a dollar sign
}
Dash = Literal["-"] | tuple[float, tuple[float, ...]]
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Dash, ...] = (
    "-",
    (0.0, (5.0, 1.5)),
    (0.0, (6.0, 1.5, 1.2, 1.5)),
    (0.0, (2.2, 1.2)),
    (0.0, (9.0, 2.0)),
    (0.0, (4.0, 1.2, 1.2, 1.2, 1.2, 1.2)),
)
_GREYS = ("#000000", "#707070", "#404040", "#8c8c8c")
_DOTS: tuple[Dash, ...] = (
    (0.0, (3.5, 2.5)),
    (0.0, (1.0, 1.6)),
    (0.0, (1.0, 1.6, 4.0, 1.6)),
    (0.0, (7.0, 3.0)),
    (0.0, (1.0, 4.0)),
    (0.0, (1.0, 1.6, 1.0, 1.6, 6.0, 1.6)),
)
KINDS: Mapping[str, tuple[str, str]] = {
    "liquid": ("#0072b2", "o"),
    "recurrent": ("#d55e00", "s"),
    "ODE": ("#009e73", "^"),
    "state-space": ("#cc79a7", "D"),
    "attention": ("#e69f00", "v"),
    "other": ("#7a7a7a", "P"),
}
"""Color and marker of each kind of network, where models have no look of their own."""
MANY = 12
"""Models up to which each has a band or bars of its own in one panel."""


@dataclass(frozen=True)
class Look:
    """Color, marker and dash pattern of one line. Marker "" is none."""

    color: str
    marker: str
    dash: Dash


@dataclass(frozen=True)
class Caption:
    """What the title of every picture says: title of the case, origin of the data, preset, seeds, comparison.

    unit: of the main error, for axes; empty if it has none. counted: what is counted in place of seeds.
    """

    title: str
    origin: str
    preset: str
    seeds: int
    comparison: str
    unit: str = ""
    counted: str = "seed"

    def error_name(self, comparison: ComparisonTable) -> str:
        """Return the main error in full, with its unit, for an axis."""
        return f"{comparison.error.in_full}\n({self.unit})" if self.unit else comparison.error.in_full

    def heading(self, subject: str) -> str:
        """Return the first line of the title, which is also its name for screen readers."""
        return f"{self.title} ({self.origin}): {subject}"

    def details(self, explanation: str) -> str:
        """Return the second line of the title."""
        counted = f"{self.seeds} {self.counted}{'' if self.seeds == 1 else 's'}"
        return f"preset {self.preset}, {counted}, comparison {self.comparison}; {explanation}"


@contextmanager
def fixed_style() -> Iterator[None]:
    """Draw and save in the one style, whatever this user's matplotlib is set to; the settings come back at the end."""
    with matplotlib.style.context(_RC, after_reset=True):
        yield


def model_looks(names: Sequence[str]) -> dict[str, Look]:
    """Return a look for each model, in this order; marker and dash pattern are a pair of their own for 42 models."""
    return {name: _look(_COLORS, _MARKERS, _DASHES, n) for n, name in enumerate(names)}


def baseline_looks(names: Sequence[str]) -> dict[str, Look]:
    """Return a look for each untrained baseline: thin, black or grey, no marker."""
    return {name: _look(_GREYS, ("",), _DOTS, n) for n, name in enumerate(names)}


def _look(colors: Sequence[str], markers: Sequence[str], dashes: Sequence[Dash], n: int) -> Look:
    return Look(colors[n % len(colors)], markers[n % len(markers)], dashes[n % len(dashes)])


def new_figure(height: float, caption: Caption, subject: str, explanation: str, width: float = WIDTH) -> Figure:
    """Return an empty figure of these inches below its title; long lines are broken, and make the figure higher.

    Its label is what the title says below the heading.
    """
    room = int(LINE * width / WIDTH)
    lines = [*wrap(caption.heading(subject), room), *wrap(caption.details(explanation), room)]
    figure = Figure(figsize=(width, height + _TITLE_LINE * len(lines)), layout="constrained")
    figure.set_label(caption.details(explanation))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", linespacing=1.5).set_gid(HEADING_ID)
    return figure


def lay_out(figure: Figure) -> None:
    """Spell control characters out, and give every part its place, once for all formats: that takes longest."""
    for text in _texts(figure):
        text.set_text(visible(text.get_text()))
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # any other one, "none" too, would make each file draw everything twice


def _texts(artist: Artist) -> Iterator[Text]:
    """Yield all texts but the numbers of axes, whose ticks take long to make."""
    for child in artist.get_children():
        if isinstance(child, Text):
            yield child
        elif not isinstance(child, Axis):
            yield from _texts(child)
        else:
            yield child.label
            if isinstance(child.get_major_formatter(), FixedFormatter):
                yield from child.get_ticklabels()


def same_limits(panels: Sequence[Axes]) -> None:
    """Give all panels the limits that hold what each of them shows.

    matplotlib's own shared axes do the same, but each of them takes time for every other one.
    """
    shown = [panel for panel in panels if panel.has_data()]
    for which in ("xlim", "ylim"):
        ends = [end for panel in shown for end in (panel.get_xlim() if which == "xlim" else panel.get_ylim())]
        if ends:
            for panel in panels:
                panel.set(**{which: (min(ends), max(ends))})


def lost_runs(row: ModelRow) -> str:
    """Return which runs of a model have no scores, e.g. "1 diverged, 2 failed"; empty if all ended well."""
    counts = {"diverged": row.n_diverged, "failed": row.n_failed, "stopped": row.n_stopped}
    return ", ".join(f"{count} {how}" for how, count in counts.items() if count)


def label(row: ModelRow) -> str:
    """Return the name of a model for a legend, and which of its runs are missing from the line."""
    lost = lost_runs(row)
    return f"{row.model} ({lost})" if lost else row.model


def needs_log(values: Sequence[float]) -> bool:
    """Return whether positive `values` span more than `LOG_FACTOR`."""
    return bool(values) and min(values) > 0 and max(values) > LOG_FACTOR * min(values)


def log_axis(axes: Axes, factor: float, which: Literal["x", "y"] = "y") -> None:
    """Make an axis logarithmic, with plain numbers at its ticks: more of them if it spans a small `factor`."""
    subs = next((subs for most, subs in _LOG_TICKS if factor < most), (1.0,))
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, position: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def whole_numbers(axes: Axes, most: int = 6) -> None:
    """Put ticks of the x axis at whole numbers only, at most about so many."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=most, integer=True))

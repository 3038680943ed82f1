"""Bands of models that predict with a spread: between dotted edges, whatever else is shaded."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch

ALPHA = 0.25
_EDGE = 0.7


@dataclass(frozen=True)
class SampleBand:
    """The ends of a band, one line for each quantity; NaN is a gap. words: what it is, for a legend."""

    low: Sequence[Sequence[float]]
    high: Sequence[Sequence[float]]
    words: str


def draw_band(panel: Axes, times: Sequence[float], band: SampleBand, number: int, color: str) -> None:
    """Draw the band of one quantity above the truth, its edges over the range of seeds."""
    low, high = band.low[number], band.high[number]
    panel.fill_between(times, low, high, color=color, alpha=ALPHA, linewidth=0, zorder=2)
    for end in (low, high):
        panel.plot(times, end, color=color, linestyle=":", linewidth=_EDGE, zorder=3.5)  # over a band of seeds


def entry(label: str, color: str) -> Patch:
    """Return the entry of a legend for a band."""
    return Patch(facecolor=color, edgecolor=color, linestyle=":", linewidth=_EDGE, alpha=2 * ALPHA, label=label)

"""How well a score ranks cells of a class above the others: areas under the ROC and the precision-recall curve.

The order is found once; each weighting of the cells, such as a bootstrap sample, then takes a few passes.
Legend of shapes: M cells, P of them positive.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NONE = 1e-12
"""A share of the cells below this is rounding."""


class Areas(NamedTuple):
    """Areas under two curves of one ranking; NaN where they are not defined.

    auroc: the probability that a positive cell has a higher score than a negative one, ties counting half; not defined
    without positive or without negative cells. auprc: the average precision, that at the score of each positive cell
    with all cells of at least that score, not interpolated; not defined without positive cells.
    """

    auroc: float
    auprc: float


class Ranking:
    """Cells in rising order of their score; equal scores share a rank, scores may be infinite.

    order (M,): the numbers of the cells in that order.
    """

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self.order = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        self._positive = np.flatnonzero(positive[self.order])
        own = ranked[self._positive]
        # How many of all cells, and of the positive ones, have a lower score than each positive cell, or at most its.
        self._lower, self._at_most = (np.searchsorted(ranked, own, side) for side in ("left", "right"))
        self._own_lower, self._own_at_most = (np.searchsorted(own, own, side) for side in ("left", "right"))

    def areas(self, counts: Floats | None = None) -> Areas:
        """Return the areas; counts (M,): how often each cell counts, in the order of `order`; None = once."""
        ranked = np.ones(len(self.order)) if counts is None else counts
        positive = ranked[self._positive]
        every, own = _running(ranked), _running(positive)
        if not own[-1] > _NONE * every[-1]:
            return Areas(float("nan"), float("nan"))
        at_least = every[-1] - every[self._lower]
        precision = (own[-1] - own[self._own_lower]) / np.where(at_least > 0, at_least, 1.0)
        negative = every[-1] - own[-1]
        # Negative cells with a lower score count once, those with the same score half.
        beaten = (every[self._lower] - own[self._own_lower] + every[self._at_most] - own[self._own_at_most]) / 2
        auroc = float(positive @ beaten / (own[-1] * negative)) if negative > _NONE * every[-1] else float("nan")
        return Areas(auroc, float(positive @ precision / own[-1]))


def _running(values: Floats) -> Floats:
    """Return the sums of the first 0, 1, .. M values (M + 1,)."""
    out = np.zeros(len(values) + 1)
    np.cumsum(values, out=out[1:])
    return out

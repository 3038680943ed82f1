"""A balanced fraction of all combinations of levels: Latin hypercubes, the one whose pairs are spread most evenly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SEED = 20160905
"""Of the draws, so that the same choices give the same universes."""
_DRAWS = 100
_SWAPS = 10
"""Swaps that are tried for each entry of the table."""

Levels = NDArray[np.intp]


def balanced_fraction(sizes: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """Return `count` combinations of levels: each level of a choice equally often (by one more or less).

    sizes: number of levels of each choice. Of 100 Latin hypercubes (scipy.stats.qmc), whose columns are cut into
    levels, the one counts whose pairs of levels come nearest to equal frequency; then entries of a column are swapped
    as long as that improves it further. A combination may come twice.
    """
    from scipy.stats import qmc

    pairs = _Pairs(sizes, count)
    best: Levels | None = None
    for draw in range(_DRAWS):
        points = qmc.LatinHypercube(len(sizes), rng=np.random.default_rng([SEED, draw])).random(count)
        levels = np.floor(points * np.array(sizes)).astype(np.intp)
        if best is None or pairs.imbalance(levels) < pairs.imbalance(best):
            best = levels
    assert best is not None
    return [tuple(map(int, row)) for row in _improved(best, pairs)]


class _Pairs:
    """How unevenly the pairs of levels of `count` rows are spread."""

    def __init__(self, sizes: Sequence[int], count: int) -> None:
        self.offsets = np.cumsum([0, *sizes[:-1]])
        self.count, self.width = count, sum(sizes)
        own = np.repeat(np.arange(len(sizes)), sizes)
        levels = np.repeat(sizes, sizes)
        self.expected = count / np.outer(levels, levels)
        self.weight = np.where(own[:, None] < own[None, :], 1 / self.expected, 0.0)
        self.weight /= count * np.maximum(np.minimum.outer(levels, levels) - 1, 1)

    def imbalance(self, levels: Levels) -> float:
        """Return the sum over pairs of choices of Cramer's V squared: 0 if all pairs of levels are equally frequent."""
        marks = np.zeros((self.count, self.width))
        marks[np.arange(self.count)[:, None], levels + self.offsets] = 1.0
        return float((self.weight * (marks.T @ marks - self.expected) ** 2).sum())


def _improved(levels: Levels, pairs: _Pairs) -> Levels:
    """Swap entries within columns, each at random and kept if the pairs become more even: the columns stay balanced."""
    rng = np.random.default_rng(SEED)
    best, value = levels.copy(), pairs.imbalance(levels)
    for _ in range(_SWAPS * levels.size):
        column = int(rng.integers(levels.shape[1]))
        a, b = rng.integers(len(levels), size=2)
        if best[a, column] == best[b, column]:
            continue
        best[[a, b], column] = best[[b, a], column]
        changed = pairs.imbalance(best)
        if changed <= value:
            value = changed
        else:
            best[[a, b], column] = best[[b, a], column]
    return best

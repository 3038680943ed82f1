"""When a difference is called significant: the level, the fewest seeds, the correction for many tests."""

from collections.abc import Sequence

MIN_SEEDS = 6
"""Fewest runs of each side at which anything is called significant: with fewer, a spread over seeds is hardly known."""

SIGNIFICANCE = 0.05
"""Level that a Holm-corrected p must reach to be called significant."""


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's (1979) step-down adjusted p values, in the order given; None stays None and is not counted.

    The k-th smallest of m is multiplied by m - k + 1, made monotone, and cut at 1; rejecting adjusted p <= level
    keeps the chance of any false rejection under that level. Example: (0.01, 0.04, 0.03) becomes (0.03, 0.06, 0.06).
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * p))
        adjusted[index] = running
    return adjusted

"""Sign-flip permutation tests of paired differences: of a difference, of equivalence; correction for many tests."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lnncmp.stats.intervals import RANDOM_SEED

MIN_PAIRS = 6
"""Fewest paired seeds at which anything is called significant: five pairs cannot go under p = 2/32 = 0.0625."""

SIGNIFICANCE = 0.05
"""Level that a Holm-corrected p must reach to be called significant."""

Alternative = Literal["two-sided", "less", "greater"]

_EXACT_PAIRS = 16


def sign_flip_p(differences: Sequence[float], alternative: Alternative = "two-sided") -> float | None:
    """Return the p of the hypothesis that paired `differences` are symmetric about zero, two-sided by default.

    The statistic is the mean. All 2^n sign patterns are enumerated up to 16 pairs (exact); above, 2^16 random
    patterns with a fixed seed, counted with the observed one (Phipson and Smyth 2010), so p is never zero.
    alternative: "greater" is small where the mean is above zero, "less" where it is below.
    None for fewer than two pairs or if a value is not finite. Example: six positive differences give 2/64 = 0.03125.
    """
    from scipy import stats

    sample = np.asarray(differences, dtype=np.float64)
    if sample.size < 2 or not np.isfinite(sample).all():
        return None
    result = stats.permutation_test(
        (sample,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=2**_EXACT_PAIRS,
        alternative=alternative,
        random_state=np.random.default_rng(RANDOM_SEED),
    )
    return min(float(result.pvalue), 1.0)


def equivalence_p(differences: Sequence[float], margin: float) -> float | None:
    """Return the p of the hypothesis that the mean difference is at least `margin` (> 0) away from zero.

    Two one-sided tests (Schuirmann 1987), each a sign-flip permutation test of the differences shifted by the margin,
    at the level of the test without halving; the larger p counts. Small: the mean lies between -margin and +margin.
    None as in `sign_flip_p`. Example: six differences of 0 give 1/64 for any margin.
    """
    sample = np.asarray(differences, dtype=np.float64)
    above = sign_flip_p((sample + margin).tolist(), "greater")
    below = sign_flip_p((sample - margin).tolist(), "less")
    return None if above is None or below is None else max(above, below)


def smallest_p(pairs: int) -> float:
    """Return the smallest p that the exact sign-flip test can reach with this many pairs: 2 / 2^pairs, at most 1."""
    return min(1.0, 2.0 ** (1 - pairs))


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

"""A joint test of the whole specification curve (Simonsohn, Simmons and Nelson 2020): could chance alone draw it.

Under the hypothesis that the two models do not differ in any reading, the labels of their runs may be swapped at each
seed. Seeds are paired across universes, and many share runs, so one swap holds in all of them at once: that keeps the
dependence between the points of the curve. Swapping turns the sign of an effect, of a log ratio as of a difference.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lnncmp.claims.readings import JointTest
from lnncmp.stats import SIGNIFICANCE
from lnncmp.stats.intervals import RANDOM_SEED

_EXACT_SEEDS = 12
_BLOCK = 4096
_LARGEST_Z = 8.0

Floats = NDArray[np.float64]


def joint_test(effects: Sequence[Mapping[int, float]]) -> JointTest | None:
    """Return the test of the readings' effects by seed; None without a seed.

    All 2^n swaps of n seeds are enumerated up to 12 seeds, 4,096 drawn beyond, counted with the observed one.
    Two-sided. Example: of 6 seeds that all favour one side in all readings p is 2/64.
    """
    seeds = sorted({seed for one in effects for seed in one})
    if not seeds:
        return None
    table = np.array([[one.get(seed, np.nan) for seed in seeds] for one in effects])
    known = np.isfinite(table)
    signs = _sign_patterns(len(seeds))
    found = _statistics(np.where(known, table, 0.0), known.sum(axis=1), signs)
    p_values = [float(np.mean(np.abs(values) >= abs(values[0]) - 1e-12)) for values in found]
    return JointTest(permutations=len(signs), median=p_values[0], shown=p_values[1], z=p_values[2])


def _sign_patterns(seeds: int) -> Floats:
    """Return patterns of signs (P, S), that of the observed labels first."""
    if seeds <= _EXACT_SEEDS:
        bits = (np.arange(2**seeds)[:, None] >> np.arange(seeds)) & 1
        return np.asarray(1.0 - 2.0 * bits, np.float64)
    drawn = np.random.default_rng(RANDOM_SEED).choice([-1.0, 1.0], size=(_BLOCK, seeds))
    drawn[0] = 1.0
    return np.asarray(drawn, np.float64)


def _statistics(effects: Floats, counts: NDArray[np.intp], signs: Floats) -> tuple[Floats, Floats, Floats]:
    """Return three statistics (each P) of effects (U, S) under the patterns (P, S).

    Median effect; readings that a t test shows to be positive less those negative, as a share; mean z value.
    """
    from scipy import stats

    used = counts > 0
    effects, counts = effects[used], counts[used]
    means = signs @ effects.T / counts
    freedom = np.maximum(counts - 1, 1)
    variance = np.maximum((effects**2).sum(axis=1) - counts * means**2, 0.0) / freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(means / np.sqrt(variance / counts), nan=0.0, posinf=1e6, neginf=-1e6)
    z = np.sign(t) * stats.norm.isf(stats.t.sf(np.abs(t), freedom))
    shown = np.abs(z) >= stats.norm.isf(SIGNIFICANCE / 2)
    return np.median(means, axis=1), (np.sign(z) * shown).mean(axis=1), np.clip(z, -_LARGEST_Z, _LARGEST_Z).mean(axis=1)

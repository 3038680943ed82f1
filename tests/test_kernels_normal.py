"""The normal distribution as compiled for the kernels, against scipy."""

import numpy as np
import pytest
from scipy import stats

from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.lanes import load, load_narrow, narrow_lanes, store, wide_lanes
from lnncmp.kernels.common.normal import normal

kinds = pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])


@kernel
def _normal_at(x, wide, narrow):
    """Write Phi, then the density, of x by vectors of both widths."""
    for k in range(0, x.size, wide_lanes(x)):
        area, density = normal(load(x, k))
        store(wide, k, area)
        store(wide, x.size + k, density)
    for k in range(0, x.size, narrow_lanes(x)):
        area, density = normal(load_narrow(x, k))
        store(narrow, k, area)
        store(narrow, x.size + k, density)


def found(x):
    """Return Phi and density (2, N) by wide and by narrow vectors."""
    filled = np.concatenate([x, np.zeros(-len(x) % 64, x.dtype)])
    both = [np.empty(2 * filled.size, x.dtype) for _ in range(2)]
    _normal_at(filled, *both)
    return [own.reshape(2, -1)[:, : x.size] for own in both]


@kinds
@pytest.mark.parametrize("reach", [1e-3, 1.0, 8.0, 40.0, 1e18])
def test_it_is_absolutely_exact_everywhere(kind, reach):
    drawn = np.random.default_rng(0).uniform(-reach, reach, 200_000)
    x = np.concatenate([np.linspace(-reach, reach, 200_001), drawn, [0.0, -0.0, 1e-40, -1e-40]]).astype(kind)
    limit = 2.5e-7 if kind == np.float32 else 1e-15
    for area, density in found(x):
        assert np.abs(area - stats.norm.cdf(x.astype(float))).max() < limit
        assert np.abs(density - stats.norm.pdf(x.astype(float))).max() < limit


@kinds
def test_its_lower_tail_is_relatively_exact(kind):
    x = np.linspace(-9, 0, 100_001).astype(kind)
    for area, _ in found(x):
        # The square of x is rounded before the exponential is taken.
        limit = 100 * np.finfo(kind).eps
        assert np.abs(area / stats.norm.cdf(x.astype(float)) - 1).max() < limit


@kinds
def test_no_number_is_passed_on_and_infinity_is_the_end(kind):
    x = np.array([np.nan, np.inf, -np.inf, 0.0], kind)
    for area, density in found(x):
        assert np.isnan(area[0]) and np.isnan(density[0])
        assert area[1:].tolist() == pytest.approx([1.0, 0.0, 0.5], abs=1e-7)
        assert density[1:3] == pytest.approx(0.0, abs=1e-24)

"""Sums over the lanes of a vector, whole and in parts, for vectors of every width."""

import numpy as np
import pytest

from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.lane_sums import PARTS, add_four_parts, add_parts, summed, total
from lnncmp.kernels.common.lanes import fill, fill_double, fill_narrow, load_like

WIDTHS = {"narrow": fill_narrow, "wide": fill, "double": fill_double}


def compiled(name):
    """Return a kernel that writes to `out` the sums of five vectors of that width: four in parts, one in parts, one."""
    like_of = WIDTHS[name]

    def run(values, lanes, parts, out):
        like = like_of(values, 0.0)
        a, b = load_like(values, 0, like), load_like(values, lanes, like)
        c, d = load_like(values, 2 * lanes, like), load_like(values, 3 * lanes, like)
        for _ in range(3):
            add_four_parts(parts, 1, a, b, c, d)
            add_parts(parts, 1 + 4 * PARTS, c)
        for k in range(5):
            out[k] = summed(parts, 1 + k * PARTS)
        out[5] = total(d)

    run.__qualname__ = f"run_sums_{name}"
    return kernel(run)


@pytest.mark.parametrize(("kind", "narrow"), [(np.float32, 8), (np.float64, 4)], ids=["float32", "float64"])
@pytest.mark.parametrize(("name", "times"), [("narrow", 1), ("wide", 2), ("double", 4)])
def test_sums_equal_numpy_and_touch_nothing_else(kind, narrow, name, times):
    lanes = narrow * times
    values = np.random.default_rng(0).normal(size=4 * lanes).astype(kind)
    parts, out = np.zeros(2 + 5 * PARTS, kind), np.empty(6, kind)
    compiled_for = COMPILED[name]
    compiled_for(values, lanes, parts, out)
    a, b, c, d = values.astype(np.float64).reshape(4, lanes).sum(1)
    np.testing.assert_allclose(out, [3 * a, 3 * b, 3 * c, 3 * d, 3 * c, d], rtol=0, atol=200 * np.finfo(kind).eps)
    assert parts[0] == parts[-1] == 0 and (parts[1:-1] != 0).all()


COMPILED = {name: compiled(name) for name in WIDTHS}

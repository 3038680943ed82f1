"""Exponential functions as compiled for the kernels: accuracy over their whole range, and what is not a number."""

import numpy as np
import pytest

from lnncmp.kernels.common import fast_math
from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.lanes import load, load_narrow, narrow_lanes, store, wide_lanes


def compiled(name):
    """Return a function of arrays that runs fast_math.NAME on wide lanes and on narrow ones and gives both results."""
    function = getattr(fast_math, name)

    def run(x, wide, narrow):
        for k in range(0, x.size, wide_lanes(x)):
            store(wide, k, function(load(x, k)))
        for k in range(0, x.size, narrow_lanes(x)):
            store(narrow, k, function(load_narrow(x, k)))

    run.__qualname__ = f"run_{name}"
    run = kernel(run)

    def both(x):
        filled = np.concatenate([x, np.zeros(-len(x) % 64, x.dtype)])
        wide, narrow = np.empty_like(filled), np.empty_like(filled)
        run(filled, wide, narrow)
        return wide[: len(x)], narrow[: len(x)]

    return both


NAMES = ("exp2", "exp", "sigmoid2", "sigmoid", "tanh", "magnitude")
FUNCTIONS = {name: compiled(name) for name in NAMES}
BOUND = {np.float32: 80.0, np.float64: 1000.0}
kinds = pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])


def true_sigmoid(x):
    """Return the logistic function in double precision without cancellation or overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x > 0, 1.0, small) / (1.0 + small)


def points(kind, low, high):
    """Return a dense grid, many random points, both zeros, and denormal and tiny numbers of both signs."""
    source = np.random.default_rng(0)
    tiny = 10.0 ** -np.arange(0, 46, 0.5)
    drawn = [np.linspace(low, high, 400_001), source.uniform(low, high, 200_000), source.normal(size=200_000)]
    x = np.concatenate([*drawn, tiny, -tiny, [0.0, -0.0, low, high]]).astype(kind)
    return x[(x >= low) & (x <= high)]


def errors(name, kind, low, high, truth):
    """Yield the errors in double precision, wide and narrow, with the true values."""
    x = points(kind, low, high)
    exact = truth(x.astype(np.float64) if kind == np.float32 else x.astype(np.longdouble))
    for got in FUNCTIONS[name](x):
        assert got.dtype == kind and np.isfinite(got).all()
        yield (got.astype(exact.dtype) - exact).astype(np.float64), exact.astype(np.float64)


@kinds
@pytest.mark.parametrize(("name", "scale"), [("exp2", 1.0), ("exp", np.log2(np.e))])
def test_powers_are_relatively_exact_within_their_bounds(name, scale, kind):
    truth = np.exp2 if name == "exp2" else np.exp
    # x log2(e) is rounded before the power is taken, which costs |x| / 2 units in the last place at most.
    limit = {np.float32: 3e-7, np.float64: 4e-16}[kind] + (name == "exp") * BOUND[kind] * np.finfo(kind).eps
    bound = BOUND[kind] / scale * (1 - 1e-6)
    for error, exact in errors(name, kind, -bound, bound, truth):
        assert np.abs(error / exact).max() < limit
    near = min(bound, 20.0)
    for error, exact in errors(name, kind, -near, near, truth):
        assert np.abs(error / exact).max() < (3e-7 + 1e-6 * (name == "exp") if kind == np.float32 else 4e-15)


@kinds
@pytest.mark.parametrize(
    ("name", "truth", "limits"),
    [
        ("sigmoid", true_sigmoid, (1.5e-7, 4e-16)),
        ("sigmoid2", lambda t: true_sigmoid(-t * np.log(t.dtype.type(2))), (1.5e-7, 4e-16)),
        ("tanh", np.tanh, (3e-7, 8e-16)),
    ],
)
@pytest.mark.parametrize("reach", [1.0, 10.0, 100.0, 2000.0, 1e30])
def test_curves_are_absolutely_exact_everywhere(name, truth, limits, kind, reach):
    with np.errstate(over="ignore", under="ignore"):
        for error, _ in errors(name, kind, -reach, reach, truth):
            assert np.abs(error).max() < limits[kind == np.float64]


@kinds
def test_sigmoid_rises_never_falls_beyond_rounding_and_mirrors_itself(kind):
    x = np.sort(points(kind, -30.0, 30.0))
    unit = np.finfo(kind).eps
    for rising, falling in zip(FUNCTIONS["sigmoid"](x), FUNCTIONS["sigmoid"](-x), strict=True):
        assert np.diff(rising).min() > -3 * unit
        assert np.abs(rising + falling - 1).max() < 4 * unit
        assert ((rising >= 0) & (rising <= 1)).all()


@kinds
def test_tails_of_the_sigmoid_are_small_not_nothing(kind):
    x = np.array([-20.0, -40.0, -BOUND[kind] * 0.69, -1e6, -np.inf], kind)
    for got in FUNCTIONS["sigmoid"](x):
        exact = true_sigmoid(x[:3].astype(np.float64))
        assert np.abs(got[:3] / exact - 1).max() < (1e-5 if kind == np.float32 else 2e-13)
        assert (got[3:] > 0).all() and (got[3:] <= 2.0 ** -BOUND[kind] * 1.001).all()


@kinds
def test_arguments_beyond_the_bounds_count_as_the_bounds(kind):
    bound = BOUND[kind]
    x = np.array([bound, bound * 2, np.finfo(kind).max, np.inf, -bound, -bound * 2, -np.finfo(kind).max, -np.inf], kind)
    for got in FUNCTIONS["exp2"](x):
        np.testing.assert_allclose(got, 2.0 ** np.clip(x.astype(np.float64), -bound, bound), rtol=4e-7)
    for got in FUNCTIONS["exp"](x):
        assert np.isfinite(got).all() and (got > 0).all()
    limit = np.finfo(kind).eps
    for got in FUNCTIONS["sigmoid"](x):
        np.testing.assert_allclose(got, [1, 1, 1, 1, 0, 0, 0, 0], rtol=0, atol=limit)
    for got in FUNCTIONS["tanh"](x):
        np.testing.assert_allclose(got, [1, 1, 1, 1, -1, -1, -1, -1], rtol=0, atol=2 * limit)


@kinds
@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_and_in_its_own_lane(name, kind):
    x = np.linspace(-3, 3, 64).astype(kind)
    clean = FUNCTIONS[name](x)
    x[[3, 17, 40]] = np.nan
    for got, without in zip(FUNCTIONS[name](x), clean, strict=True):
        assert np.array_equal(np.isnan(got), np.isnan(x))
        assert np.array_equal(got[~np.isnan(x)], without[~np.isnan(x)])


@kinds
def test_magnitude(kind):
    x = np.array([-np.inf, -2.5, -0.0, 0.0, 1e-40, -1e-40, 3.0, np.inf], kind)
    for got in FUNCTIONS["magnitude"](x):
        np.testing.assert_array_equal(got, np.abs(x))


@kernel
def run_two_sigmoids(t, u, known, first, second):
    for k in range(0, t.size, wide_lanes(t)):
        a, b = fast_math.two_sigmoids2(load(t, k), load(u, k), known)
        store(first, k, a)
        store(second, k, b)


def two_sigmoids(t, u, known):
    """Return what two_sigmoids2 gives for arrays."""
    first, second = np.empty_like(t), np.empty_like(t)
    run_two_sigmoids(t, u, known, first, second)
    return first, second


@kinds
@pytest.mark.parametrize("reach", [1.0, 60.0, 1e30])
def test_two_sigmoids_by_one_division(kind, reach):
    # Both arguments at either end, too: their powers must not overflow together.
    ends = np.array([-reach, -reach, reach, reach] * 16, kind)
    t = np.concatenate([np.random.default_rng(0).uniform(-reach, reach, 64_000).astype(kind), ends])
    u = np.concatenate([np.random.default_rng(1).uniform(-reach, reach, 64_000).astype(kind), ends[1:], ends[:1]])
    for known in [False, True] if reach <= 60.0 else [False]:
        for got, x in zip(two_sigmoids(t, u, known), (t, u), strict=True):
            with np.errstate(over="ignore", under="ignore"):
                exact = true_sigmoid(-x.astype(np.longdouble) * np.log(np.longdouble(2)))
            assert np.abs(got - exact).max() < (2.5e-7 if kind == np.float32 else 6e-16)
            assert (got >= 0).all() and (got <= 1).all()


@kinds
@pytest.mark.parametrize("known", [False, True])
def test_nan_of_two_sigmoids_stays_in_its_lane(kind, known):
    t = np.linspace(-3, 3, 64).astype(kind)
    clean = two_sigmoids(t, t, known)
    spoiled = t.copy()
    spoiled[5] = np.nan
    for got, without in zip(two_sigmoids(spoiled, t, known), clean, strict=True):
        assert np.array_equal(np.delete(got, 5), np.delete(without, 5)) and np.isnan(got[5])

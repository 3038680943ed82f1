"""One step of a diagonal state-space model: its factors a and b, and where the rows of a tile are.

Legend of shapes: S copies, B batch, T steps, H features, N = H padded to whole narrow vectors, P pairs; all arrays are
flat. Parameters and states are (P, N): vectors run along the features.
"""

from lnncmp.kernels.common.compiling import Array, inlined, lean
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store
from lnncmp.kernels.diagonal.math import cosine, expm1, half_turns, sine

Size = tuple[int, int, int, int, int, int, int, int]
"""S, B, T, H, N, P, the rule (ZOH, BILINEAR) and the kind (LINEAR, LIQUID, BOUNDED; the last with ZOH alone)."""
ZOH, BILINEAR = range(2)
LINEAR, LIQUID, BOUNDED = range(3)
RULES = {"zoh": ZOH, "bilinear": BILINEAR}
KINDS = {"linear": LINEAR, "liquid": LIQUID, "bounded": BOUNDED}

Weights = tuple[Array, Array, Array, Array, Array, Array, Array]
"""Steps (S, N), then (S, P, N) each: decay, frequency, 1 / A (two parts) and C (two parts)."""


@inlined
def _hold(step: Array, weights: Weights, w: int, factors: Array, at: int, block: int) -> None:
    """Write a and b of the zero-order hold for one vector."""
    shrink = expm1(step * load_narrow(weights[1], w) * -1.0)
    f = half_turns(step * load_narrow(weights[2], w))
    s, scale = sine(f), shrink + 1.0
    turned = s * s * 2.0
    a_re, a_im = scale * (1.0 - turned), scale * s * cosine(f) * 2.0
    change = shrink * (1.0 - turned) - turned
    over_re, over_im = load_narrow(weights[3], w), load_narrow(weights[4], w)
    store(factors, at, a_re)
    store(factors, at + block, a_im)
    store(factors, at + 2 * block, change * over_re - a_im * over_im)
    store(factors, at + 3 * block, change * over_im + a_im * over_re)


@inlined
def _halve(step: Array, weights: Weights, w: int, factors: Array, at: int, block: int) -> None:
    """Write a and b of the bilinear rule for one vector, divided by 1 + s so that nothing grows with s."""
    r = 1.0 / (step + 1.0)
    q = step * r
    half_re, half_im = q * load_narrow(weights[1], w) * -0.5, q * load_narrow(weights[2], w) * 0.5
    below = r - half_re
    size = 1.0 / (below * below + half_im * half_im)
    over_re, over_im = below * size, half_im * size
    above = r + half_re
    store(factors, at, above * over_re - half_im * over_im)
    store(factors, at + block, above * over_im + half_im * over_re)
    store(factors, at + 2 * block, q * over_re)
    store(factors, at + 3 * block, q * over_im)


@lean
def write_factors(size: Size, copy: int, dt: float, longest: float, weights: Weights, factors: Array) -> None:
    """Write a and b, (4, P, N), for an elapsed time; the steps end in the last (N) of factors."""
    _, _, _, _, padded, pairs, rule, _ = size
    lanes, block, n = narrow_lanes(factors), pairs * padded, 0
    while n < padded:
        for k in range(n, n + lanes):
            factors[4 * block + k] = min(weights[0][copy * padded + k] * dt, longest)
        step = load_narrow(factors, 4 * block + n)
        for p in range(pairs):
            at = p * padded + n
            w = copy * block + at
            if rule == ZOH:
                _hold(step, weights, w, factors, at, block)
            else:
                _halve(step, weights, w, factors, at, block)
        n += lanes


@lean
def take_row(source: Array, at: int, count: int, scale: float, row: Array) -> None:
    """Write `count` numbers times `scale` to the start of a row."""
    for k in range(count):
        row[k] = scale * source[at + k]


@lean
def turn_in(source: Array, at: int, features: int, padded: int, pairs: int, out: Array, out_at: int) -> None:
    """Write a state (H, P) as (P, N)."""
    for p in range(pairs):
        for k in range(features):
            out[out_at + p * padded + k] = source[at + k * pairs + p]


@lean
def turn_out(source: Array, at: int, features: int, padded: int, pairs: int, out: Array, out_at: int) -> None:
    """Write a state (P, N) as (H, P)."""
    for p in range(pairs):
        for k in range(features):
            out[out_at + k * pairs + p] = source[at + p * padded + k]


@lean
def clear(out: Array, at: int, count: int) -> None:
    """Write zeros, whole narrow vectors."""
    lanes, k, nothing = narrow_lanes(out), 0, fill_narrow(out, 0.0)
    while k < count:
        store(out, at + k, nothing)
        k += lanes

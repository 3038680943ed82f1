"""Diagonal state-space models over a whole sequence, forward: y = 2 Re(C x), states and factors stay in the cache.

Nothing is kept for the backward pass. Factors are computed again only where the elapsed time changes.

Legend of shapes as in lnncmp.kernels.diagonal.steps.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, inlined, kernel, lean, part
from lnncmp.kernels.common.fast_math import tanh
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store
from lnncmp.kernels.common.tiles import tile_place
from lnncmp.kernels.diagonal.steps import (
    BOUNDED,
    LINEAR,
    Size,
    Weights,
    take_row,
    turn_in,
    turn_out,
    write_factors,
)


@inlined
def _move(
    kind: int,
    u: Array,
    decay: Array,
    w: int,
    factors: Array,
    at: int,
    block: int,
    x: Array,
    before: int,
    after: int,
) -> None:
    """Take one vector of one pair through a step: x = m x + b u with m = a, a + b u or a + b d tanh(u / d)."""
    m_re, m_im = load_narrow(factors, at), load_narrow(factors, at + block)
    b_re, b_im = load_narrow(factors, at + 2 * block), load_narrow(factors, at + 3 * block)
    x_re, x_im = load_narrow(x, before + at), load_narrow(x, before + at + block)
    if kind != LINEAR:
        entering = u
        if kind == BOUNDED:
            most = load_narrow(decay, w)
            entering = most * tanh(u / most)
        m_re, m_im = m_re + b_re * entering, m_im + b_im * entering
    store(x, after + at, b_re * u + m_re * x_re - m_im * x_im)
    store(x, after + at + block, b_im * u + m_re * x_im + m_im * x_re)


@lean
def advance(
    size: Size, copy: int, u: Array, weights: Weights, factors: Array, x: Array, before: int, after: int
) -> None:
    """Take a row's state (2, P, N) from `before` to `after` in x, for its inputs u (N)."""
    _, _, _, _, padded, pairs, _, kind = size
    lanes, block, n = narrow_lanes(x), pairs * padded, 0
    while n < padded:
        entering = load_narrow(u, n)
        for p in range(pairs):
            at = p * padded + n
            _move(kind, entering, weights[1], copy * block + at, factors, at, block, x, before, after)
        n += lanes


@lean
def _observe(size: Size, copy: int, weights: Weights, x: Array, y: Array, out: Array, out_at: int) -> None:
    """Write 2 Re(C x) of a row to out; y (N) is scratch."""
    _, _, _, features, padded, pairs, _, _ = size
    lanes, block, n = narrow_lanes(x), pairs * padded, 0
    while n < padded:
        summed = fill_narrow(x, 0.0)
        for p in range(pairs):
            at = p * padded + n
            w = copy * block + at
            summed = summed + load_narrow(weights[5], w) * load_narrow(x, at)
            summed = summed - load_narrow(weights[6], w) * load_narrow(x, block + at)
        store(y, n, summed * 2.0)
        n += lanes
    for k in range(features):
        out[out_at + k] = y[k]


@part
def _tile(
    tile: int,
    size: Size,
    longest: float,
    weights: Weights,
    u: Array,
    dt: Array,
    valid: Array,
    start: tuple[Array, Array],
    hidden: Array,
    final: tuple[Array, Array],
) -> None:
    _, batch, steps, features, padded, pairs, _, _ = size
    copy, first, rows = tile_place(tile, batch)
    block, masked = pairs * padded, valid.size > 0
    factors, x = np.empty(4 * block + padded, u.dtype), np.zeros(2 * block, u.dtype)
    entering, y = np.zeros(padded, u.dtype), np.empty(padded, u.dtype)
    for r in range(rows):
        row, written, made = copy * batch + first + r, 0.0, False
        for k in range(2):
            turn_in(start[k], row * features * pairs, features, padded, pairs, x, k * block)
        for t in range(steps):
            here = row * steps + t
            if masked and not valid[here]:
                for k in range(features):
                    hidden[here * features + k] = 0.0
            else:
                if not made or dt[here] != written:
                    write_factors(size, copy, dt[here], longest, weights, factors)
                    written, made = dt[here], True
                take_row(u, here * features, features, 1.0, entering)
                advance(size, copy, entering, weights, factors, x, 0, 0)
                _observe(size, copy, weights, x, y, hidden, here * features)
        for k in range(2):
            turn_out(x, k * block, features, padded, pairs, final[k], row * features * pairs)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    longest: float,
    weights: Weights,
    u: Array,
    dt: Array,
    valid: Array,
    start: tuple[Array, Array],
    hidden: Array,
    final: tuple[Array, Array],
) -> None:
    """Compute the tiles from `first` to `end`.

    u (S, B, T, H), dt (S, B, T), valid (S, B, T) or empty, start: two of (S, B, H P). Written are hidden (S, B, T, H),
    0 at padding, and final: two of (S, B, H P).
    """
    for tile in range(first, end):
        _tile(tile, size, longest, weights, u, dt, valid, start, hidden, final)

"""Diagonal state-space models over a whole sequence, backward.

A row's states are computed again first. With g = dL/dx_t, complex as dL/d re + i dL/d im, m = a or a + b e, and e = u
or d tanh(u / d):
    dL/dm = g conj(x_{t-1}),  dL/db = u g (and e dL/dm),  g_{t-1} = conj(m) g + what comes in at t - 1
Of a and b, functions of the step s and A, two sums over all steps and rows are kept, from which all gradients follow:
    zoh        S1 = sum s conj(a) (dL/da + conj(1/A) dL/db)
    bilinear   S1 = sum conj(w b) dL/da + conj(b b) dL/db / 2,  w = (a + 1) / 2
    both       S2 = sum conj(b) dL/db

Legend of shapes as in lnncmp.kernels.diagonal.steps.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, inlined, kernel, lean, part
from lnncmp.kernels.common.fast_math import tanh
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store
from lnncmp.kernels.common.tiles import tile_place
from lnncmp.kernels.diagonal.forward import advance
from lnncmp.kernels.diagonal.steps import (
    BOUNDED,
    LINEAR,
    ZOH,
    Size,
    Weights,
    clear,
    take_row,
    turn_in,
    turn_out,
    write_factors,
)

SUMS = 7
"""Numbers summed for each pair: two of S1, two of S2, two of C's gradient, and that of d in d tanh(u / d)."""


@inlined
def _gather(sums: Array, at: int, more: Array) -> None:
    """Add one vector."""
    store(sums, at, load_narrow(sums, at) + more)


@inlined
def _through_factors(
    rule: int,
    factors: Array,
    at: int,
    step: Array,
    weights: Weights,
    w: int,
    of_a: tuple[Array, Array],
    of_b: tuple[Array, Array],
    sums: Array,
    sum_at: int,
    block: int,
) -> None:
    """Add one vector of gradients of a and b to S1 and S2."""
    a_re, a_im = load_narrow(factors, at), load_narrow(factors, at + block)
    b_re, b_im = load_narrow(factors, at + 2 * block), load_narrow(factors, at + 3 * block)
    if rule == ZOH:
        v_re, v_im = load_narrow(weights[3], w), load_narrow(weights[4], w)
        d_re = of_a[0] + v_re * of_b[0] + v_im * of_b[1]
        d_im = of_a[1] + v_re * of_b[1] - v_im * of_b[0]
        s_re, s_im = step * a_re, step * a_im
        _gather(sums, sum_at, s_re * d_re + s_im * d_im)
        _gather(sums, sum_at + block, s_re * d_im - s_im * d_re)
    else:
        w_re, w_im = a_re * 0.5 + 0.5, a_im * 0.5
        p_re, p_im = w_re * b_re - w_im * b_im, w_re * b_im + w_im * b_re
        q_re, q_im = (b_re * b_re - b_im * b_im) * 0.5, b_re * b_im
        _gather(sums, sum_at, p_re * of_a[0] + p_im * of_a[1] + q_re * of_b[0] + q_im * of_b[1])
        _gather(sums, sum_at + block, p_re * of_a[1] - p_im * of_a[0] + q_re * of_b[1] - q_im * of_b[0])
    _gather(sums, sum_at + 2 * block, b_re * of_b[0] + b_im * of_b[1])
    _gather(sums, sum_at + 3 * block, b_re * of_b[1] - b_im * of_b[0])


@inlined
def _back(
    size: Size,
    weights: Weights,
    w: int,
    factors: Array,
    at: int,
    step: Array,
    u: Array,
    d_y: Array,
    path: Array,
    before: int,
    after: int,
    g: Array,
    sums: Array,
    sum_at: int,
) -> Array:
    """Take one vector of one pair back through a step; returns its part of the gradient of u."""
    _, _, _, _, padded, pairs, rule, kind = size
    block = pairs * padded
    d_re = load_narrow(g, at) + d_y * load_narrow(weights[5], w)
    d_im = load_narrow(g, block + at) - d_y * load_narrow(weights[6], w)
    _gather(sums, sum_at + 4 * block, d_y * load_narrow(path, after + at))
    _gather(sums, sum_at + 5 * block, d_y * load_narrow(path, after + block + at) * -1.0)
    x_re, x_im = load_narrow(path, before + at), load_narrow(path, before + block + at)
    b_re, b_im = load_narrow(factors, at + 2 * block), load_narrow(factors, at + 3 * block)
    m_re, m_im = load_narrow(factors, at), load_narrow(factors, at + block)
    of_m_re, of_m_im = d_re * x_re + d_im * x_im, d_im * x_re - d_re * x_im
    of_b_re, of_b_im, of_u = d_re * u, d_im * u, b_re * d_re + b_im * d_im
    if kind != LINEAR:
        entering, of_entering = u, b_re * of_m_re + b_im * of_m_im
        if kind == BOUNDED:
            most = load_narrow(weights[1], w)
            share = u / most
            bent = tanh(share)
            slope = 1.0 - bent * bent
            entering = most * bent
            _gather(sums, sum_at + 6 * block, of_entering * (bent - share * slope))
            of_entering = of_entering * slope
        m_re, m_im = m_re + b_re * entering, m_im + b_im * entering
        of_b_re, of_b_im, of_u = of_b_re + of_m_re * entering, of_b_im + of_m_im * entering, of_u + of_entering
    of_b = of_b_re, of_b_im
    _through_factors(rule, factors, at, step, weights, w, (of_m_re, of_m_im), of_b, sums, sum_at, block)
    store(g, at, m_re * d_re + m_im * d_im)
    store(g, block + at, m_re * d_im - m_im * d_re)
    found: Array = of_u
    return found


@lean
def _recede(
    size: Size,
    copy: int,
    weights: Weights,
    factors: Array,
    u: Array,
    d_y: Array,
    path: Array,
    before: int,
    after: int,
    g: Array,
    sums: Array,
    sums_at: int,
    d_u: Array,
) -> None:
    """Take a row back through one step; d_y (N) is twice the gradient of its outputs, d_u (N) is written."""
    _, _, _, _, padded, pairs, _, _ = size
    lanes, block, n = narrow_lanes(g), pairs * padded, 0
    while n < padded:
        entering, coming, summed = load_narrow(u, n), load_narrow(d_y, n), fill_narrow(u, 0.0)
        step = load_narrow(factors, 4 * block + n)
        for p in range(pairs):
            at = p * padded + n
            w, sum_at = copy * block + at, sums_at + at
            rest = path, before, after, g, sums, sum_at
            summed = summed + _back(size, weights, w, factors, at, step, entering, coming, *rest)
        store(d_u, n, summed)
        n += lanes


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
    d_hidden: Array,
    d_final: tuple[Array, Array],
    d_u: Array,
    d_start: tuple[Array, Array],
    sums: Array,
) -> None:
    _, batch, steps, features, padded, pairs, _, _ = size
    copy, first, rows = tile_place(tile, batch)
    block, masked, kind = pairs * padded, valid.size > 0, u.dtype
    factors, path, g = (
        np.empty(4 * block + padded, kind),
        np.zeros((steps + 1) * 2 * block, kind),
        np.zeros(2 * block, kind),
    )
    entering, d_y, d_row = np.zeros(padded, kind), np.zeros(padded, kind), np.empty(padded, kind)
    clear(sums, tile * SUMS * block, SUMS * block)
    for r in range(rows):
        row, written, made = copy * batch + first + r, 0.0, False
        state = row * features * pairs
        for k in range(2):
            turn_in(start[k], state, features, padded, pairs, path, k * block)
            turn_in(d_final[k], state, features, padded, pairs, g, k * block)
        last = 0
        for t in range(steps):
            here = row * steps + t
            if not masked or valid[here]:
                if not made or dt[here] != written:
                    write_factors(size, copy, dt[here], longest, weights, factors)
                    written, made = dt[here], True
                take_row(u, here * features, features, 1.0, entering)
                advance(size, copy, entering, weights, factors, path, last * 2 * block, (last + 1) * 2 * block)
                last += 1
        for t in range(steps - 1, -1, -1):
            here = row * steps + t
            if masked and not valid[here]:
                for k in range(features):
                    d_u[here * features + k] = 0.0
            else:
                if dt[here] != written:
                    write_factors(size, copy, dt[here], longest, weights, factors)
                    written = dt[here]
                take_row(u, here * features, features, 1.0, entering)
                take_row(d_hidden, here * features, features, 2.0, d_y)
                before, after, out = (last - 1) * 2 * block, last * 2 * block, tile * SUMS * block
                _recede(size, copy, weights, factors, entering, d_y, path, before, after, g, sums, out, d_row)
                for k in range(features):
                    d_u[here * features + k] = d_row[k]
                last -= 1
        for k in range(2):
            turn_out(g, k * block, features, padded, pairs, d_start[k], state)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    longest: float,
    weights: Weights,
    u: Array,
    dt: Array,
    valid: Array,
    start: tuple[Array, Array],
    d_hidden: Array,
    d_final: tuple[Array, Array],
    d_u: Array,
    d_start: tuple[Array, Array],
    sums: Array,
) -> None:
    """Compute the tiles from `first` to `end`.

    u, dt, valid, start as for the forward kernel; d_hidden (S, B, T, H), d_final: two of (S, B, H P). Written are d_u
    (S, B, T, H), d_start: two of (S, B, H P), and for each tile its sums (7, P, N).
    """
    for tile in range(first, end):
        _tile(tile, size, longest, weights, u, dt, valid, start, d_hidden, d_final, d_u, d_start, sums)

"""LRC neurons over a whole sequence, forward and backward; see lnncmp.layers.lrc_ssm for the equations.

No neuron sees another one's state, so vectors run along the neurons and rows are independent. With m = s E, of one step
    semi_implicit  x' = (x + m p) / (1 + m F),  F = sigmoid(f + w o),  p = e_leak tanh(g + h o)
where o = sigmoid(sigma (x - mu)), and g = dL/dx', d = g / (1 + m F):
    dL/dp = d m,  dL/dF = -d m x',  dL/dm = d (p - F x')

Legend of shapes: S copies, B batch, T steps, H neurons, N = H padded to whole narrow vectors; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, inlined, kernel, lean, part
from lnncmp.kernels.common.fast_math import sigmoid, tanh
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store
from lnncmp.kernels.common.tiles import copy_rows, tile_place

Size = tuple[int, int, int, int, int, bool, bool]
"""S, B, T, H, N, whether the step is explicit, whether the elastance is symmetric."""
WEIGHTS = 7
"""Of a neuron: mu, sigma, w, h, e_leak, k and the shift, rows of (S, 7, N)."""
DRIVES = 3
"""What inputs add to f, g and the elastance's argument."""


@inlined
def _elastance(symmetric: bool, bent: Array, shift: Array) -> Array:
    """Return E."""
    found: Array = sigmoid(bent)
    if symmetric:
        found = sigmoid(bent + shift) - sigmoid(bent - shift)
    return found


@lean
def _advance(size: Size, w: int, weights: Array, drives: Array, s: float, x: Array, before: int, after: int) -> None:
    """Take x (N) of a row from `before` to `after` through a step of length s; drives (3, N)."""
    _, _, _, _, padded, explicit, symmetric = size
    lanes, n = narrow_lanes(x), 0
    while n < padded:
        old, at = load_narrow(x, before + n), w + n
        opened = sigmoid(load_narrow(weights, at + padded) * (old - load_narrow(weights, at)))
        closing = sigmoid(load_narrow(drives, n) + load_narrow(weights, at + 2 * padded) * opened)
        pull = tanh(load_narrow(drives, padded + n) + load_narrow(weights, at + 3 * padded) * opened)
        pull = pull * load_narrow(weights, at + 4 * padded)
        bent = load_narrow(drives, 2 * padded + n) + load_narrow(weights, at + 5 * padded) * old
        moved = _elastance(symmetric, bent, load_narrow(weights, at + 6 * padded)) * s
        if explicit:
            store(x, after + n, old + moved * (pull - closing * old))
        else:
            store(x, after + n, (old + moved * pull) / (moved * closing + 1.0))
        n += lanes


@lean
def _take(size: Size, here: int, f: Array, g: Array, e: Array, drives: Array) -> None:
    """Write the drives of a row and step to (3, N)."""
    width, padded = size[3], size[4]
    copy_rows(f, here * width, 0, drives, 0, 0, 1, width)
    copy_rows(g, here * width, 0, drives, padded, 0, 1, width)
    copy_rows(e, here * width, 0, drives, 2 * padded, 0, 1, width)


@part
def _forward_tile(
    tile: int,
    size: Size,
    longest: float,
    weights: Array,
    data: tuple[Array, Array, Array, Array, Array, Array],
    hidden: Array,
    final: Array,
) -> None:
    f, g, e, dt, valid, start = data
    _, batch, steps, width, padded, _, _ = size
    copy, first, rows = tile_place(tile, batch)
    x, drives, masked = np.zeros(padded, f.dtype), np.zeros(DRIVES * padded, f.dtype), valid.size > 0
    for r in range(rows):
        row = copy * batch + first + r
        copy_rows(start, row * width, 0, x, 0, 0, 1, width)
        for t in range(steps):
            here = row * steps + t
            if not masked or valid[here]:
                _take(size, here, f, g, e, drives)
                _advance(size, copy * WEIGHTS * padded, weights, drives, min(dt[here], longest), x, 0, 0)
            copy_rows(x, 0, 0, hidden, here * width, 0, 1, width)
        copy_rows(x, 0, 0, final, row * width, 0, 1, width)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    longest: float,
    weights: Array,
    data: tuple[Array, Array, Array, Array, Array, Array],
    hidden: Array,
    final: Array,
) -> None:
    """Compute the tiles from `first` to `end`.

    weights (S, 7, N); data: the drives f, g, e (S, B, T, H), dt (S, B, T), valid (S, B, T) or empty, start (S, B, H).
    Written are hidden (S, B, T, H) and final (S, B, H).
    """
    for tile in range(first, end):
        _forward_tile(tile, size, longest, weights, data, hidden, final)


@inlined
def _gather(sums: Array, at: int, more: Array) -> None:
    """Add one vector."""
    store(sums, at, load_narrow(sums, at) + more)


@lean
def _recede(
    size: Size, w: int, weights: Array, drives: Array, s: float, x: Array, d_x: Array, sums: Array, sums_at: int
) -> None:
    """Take d_x (N) of a row back through a step that began at x; the drives become their gradients."""
    _, _, _, _, padded, explicit, symmetric = size
    lanes, n = narrow_lanes(x), 0
    while n < padded:
        at, out = w + n, sums_at + n
        old, mu, sigma = load_narrow(x, n), load_narrow(weights, at), load_narrow(weights, at + padded)
        w_f, w_g = load_narrow(weights, at + 2 * padded), load_narrow(weights, at + 3 * padded)
        leak, k = load_narrow(weights, at + 4 * padded), load_narrow(weights, at + 5 * padded)
        shift = load_narrow(weights, at + 6 * padded)
        opened = sigmoid(sigma * (old - mu))
        closing = sigmoid(load_narrow(drives, n) + w_f * opened)
        bend = tanh(load_narrow(drives, padded + n) + w_g * opened)
        bent = load_narrow(drives, 2 * padded + n) + k * old
        moved, pull, through = _elastance(symmetric, bent, shift) * s, leak * bend, load_narrow(d_x, n)
        if explicit:
            of_old, new = through * (1.0 - moved * closing), old
        else:
            below = 1.0 / (moved * closing + 1.0)
            new = (old + moved * pull) * below
            through = through * below
            of_old = through
        of_moved, of_pull = through * (pull - closing * new), through * moved
        of_g = of_pull * leak * (1.0 - bend * bend)
        of_f = of_pull * new * closing * (closing - 1.0)
        of_z = (of_g * w_g + of_f * w_f) * opened * (1.0 - opened)
        of_e = of_moved * s
        if symmetric:
            high, low = sigmoid(bent + shift), sigmoid(bent - shift)
            high, low = high * (1.0 - high), low * (1.0 - low)
            _gather(sums, out + 6 * padded, of_e * (high + low))
            of_e = of_e * (high - low)
        else:
            high = sigmoid(bent)
            of_e = of_e * high * (1.0 - high)
        _gather(sums, out, of_z * sigma * -1.0)
        _gather(sums, out + padded, of_z * (old - mu))
        _gather(sums, out + 2 * padded, of_f * opened)
        _gather(sums, out + 3 * padded, of_g * opened)
        _gather(sums, out + 4 * padded, of_pull * bend)
        _gather(sums, out + 5 * padded, of_e * old)
        store(d_x, n, of_old + of_z * sigma + of_e * k)
        store(drives, n, of_f)
        store(drives, padded + n, of_g)
        store(drives, 2 * padded + n, of_e)
        n += lanes


@part
def _backward_tile(
    tile: int,
    size: Size,
    longest: float,
    weights: Array,
    data: tuple[Array, Array, Array, Array, Array, Array],
    path: Array,
    d_hidden: Array,
    d_data: tuple[Array, Array, Array, Array],
    sums: Array,
) -> None:
    f, g, e, dt, valid, start = data
    d_f, d_g, d_e, d_start = d_data
    _, batch, steps, width, padded, _, _ = size
    copy, first, rows = tile_place(tile, batch)
    x, d_x, drives = np.zeros(padded, f.dtype), np.zeros(padded, f.dtype), np.zeros(DRIVES * padded, f.dtype)
    masked = valid.size > 0
    for r in range(rows):
        row = copy * batch + first + r
        copy_rows(d_start, row * width, 0, d_x, 0, 0, 1, width)
        for t in range(steps - 1, -1, -1):
            here = row * steps + t
            for n in range(width):
                d_x[n] += d_hidden[here * width + n]
            if masked and not valid[here]:
                drives[:] = 0.0
            else:
                if t > 0:
                    copy_rows(path, (here - 1) * width, 0, x, 0, 0, 1, width)
                else:
                    copy_rows(start, row * width, 0, x, 0, 0, 1, width)
                _take(size, here, f, g, e, drives)
                w, out = copy * WEIGHTS * padded, tile * WEIGHTS * padded
                _recede(size, w, weights, drives, min(dt[here], longest), x, d_x, sums, out)
            copy_rows(drives, 0, 0, d_f, here * width, 0, 1, width)
            copy_rows(drives, padded, 0, d_g, here * width, 0, 1, width)
            copy_rows(drives, 2 * padded, 0, d_e, here * width, 0, 1, width)
        copy_rows(d_x, 0, 0, d_start, row * width, 0, 1, width)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    longest: float,
    weights: Array,
    data: tuple[Array, Array, Array, Array, Array, Array],
    path: Array,
    d_hidden: Array,
    d_data: tuple[Array, Array, Array, Array],
    sums: Array,
) -> None:
    """Compute the tiles from `first` to `end`.

    weights and data as for the forward kernel, path: its hidden states; d_hidden (S, B, T, H). d_data: written are the
    gradients of the drives (S, B, T, H); the last, that of the start, begins as that of the final state (S, B, H). To
    sums, for each tile of its own, the gradients of the weights (7, N) are added.
    """
    for tile in range(first, end):
        _backward_tile(tile, size, longest, weights, data, path, d_hidden, d_data, sums)

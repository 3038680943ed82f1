"""The GRU over a whole sequence, forward: three matrix products and one pass over the gates for each step of a tile.

    r, z = sigmoid(...);  n = tanh(a + r b);  h' = n + z (h - n)
where a is what x and its bias, b what h and its bias give to the candidate n. With factors (GRU-D) h is multiplied by
them before each real step.

Legend of shapes as in lnncmp.kernels.gated.gates, R rows of a tile. Kept for the backward pass are the rows that the
gates read and one more step of them for the last h, and r, z, n, b of each step, tile after tile; with factors, also
the h that they multiply.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.fast_math import sigmoid, tanh
from lnncmp.kernels.common.lanes import (
    fill,
    fill_narrow,
    load_like,
    load_narrow,
    narrow_lanes,
    store,
    wide_lanes,
)
from lnncmp.kernels.common.matmul import multiply
from lnncmp.kernels.common.tiles import copy_rows, tile_place
from lnncmp.kernels.gated.gates import Size, begin, enter

GATES = 3
COLUMNS = 4
"""r, z, n and b."""


@part
def _activate(like: Array, gates: Array, at: int, padded: int, entered: Array, h_at: int, next_h: int) -> None:
    """Activate one vector of r, z, n in place (b stays) and write the new h."""
    r, z = sigmoid(load_like(gates, at, like)), sigmoid(load_like(gates, at + padded, like))
    n = tanh(load_like(gates, at + 2 * padded, like) + r * load_like(gates, at + 3 * padded, like))
    store(gates, at, r)
    store(gates, at + padded, z)
    store(gates, at + 2 * padded, n)
    store(entered, next_h, n + z * (load_like(entered, h_at, like) - n))


@part
def _advance(
    size: Size,
    row: int,
    rows: int,
    t: int,
    valid: Array,
    gates: Array,
    gates_at: int,
    entered: Array,
    h_at: int,
    next_h: int,
) -> None:
    """Take a tile through step t: activate its gates and write h (`h_at` to `next_h`)."""
    _, _, steps, inputs, _, padded = size
    stride, masked, lanes = inputs + 2 + padded, valid.size > 0, wide_lanes(entered)
    for r in range(rows):
        if masked and not valid[(row + r) * steps + t]:
            copy_rows(entered, h_at, 0, entered, next_h, 0, 1, padded)
        else:
            n = 0
            while n + lanes <= padded:
                _activate(fill(entered, 0.0), gates, gates_at + n, padded, entered, h_at + n, next_h + n)
                n += lanes
            if n < padded:
                _activate(fill_narrow(entered, 0.0), gates, gates_at + n, padded, entered, h_at + n, next_h + n)
        gates_at, h_at, next_h = gates_at + COLUMNS * padded, h_at + stride, next_h + stride


@part
def _fade(
    size: Size,
    row: int,
    rows: int,
    t: int,
    valid: Array,
    factors: Array,
    entered: Array,
    h_at: int,
    faded: Array,
    faded_at: int,
    keep: bool,
) -> None:
    """Multiply h of a tile's real rows by the factors (S, B, T, H) of step t; `keep` it as it was, in `faded`."""
    _, _, steps, inputs, width, padded = size
    stride, masked, lanes = inputs + 2 + padded, valid.size > 0, narrow_lanes(entered)
    for r in range(rows):
        step = (row + r) * steps + t
        if not masked or valid[step]:
            if keep:
                copy_rows(entered, h_at, 0, faded, faded_at, 0, 1, padded)
            k = 0
            while k + lanes <= width:
                h = load_narrow(entered, h_at + k) * load_narrow(factors, step * width + k)
                store(entered, h_at + k, h)
                k += lanes
            while k < width:
                entered[h_at + k] *= factors[step * width + k]
                k += 1
        h_at, faded_at = h_at + stride, faded_at + padded


@part
def _arguments(
    size: Size, copy: int, rows: int, packed: Array, entered: Array, entered_at: int, gates: Array, gates_at: int
) -> None:
    """Write the arguments of r and z, then a, then b."""
    _, _, _, inputs, width, padded = size
    row, columns, stride = GATES * padded, COLUMNS * padded, inputs + 2 + padded
    depth, driven = inputs + 2 + width, inputs + 1
    w = copy * depth * row
    multiply(entered, entered_at, stride, packed, w, row, gates, gates_at, columns, rows, depth, 2 * padded, False)
    w += 2 * padded
    out = gates_at + 2 * padded
    multiply(entered, entered_at, stride, packed, w, row, gates, out, columns, rows, driven, padded, False)
    w += driven * row
    entered_at, out = entered_at + driven, out + padded
    multiply(entered, entered_at, stride, packed, w, row, gates, out, columns, rows, depth - driven, padded, False)


@part
def _tile(
    tile: int,
    size: Size,
    packed: Array,
    x: Array,
    valid: Array,
    start: tuple[Array, Array],
    hidden: Array,
    last: tuple[Array],
    keep: bool,
    kept: tuple[Array, Array, Array],
) -> None:
    _, batch, steps, inputs, width, padded = size
    copy, first, rows = tile_place(tile, batch)
    row, h = copy * batch + first, inputs + 2
    columns, stride = COLUMNS * padded, inputs + 2 + padded
    entered, gates, faded = kept
    at, gates_at = row * (steps + 1) * stride, row * steps * columns
    if not keep:
        entered, gates = np.empty(rows * stride, x.dtype), np.empty(rows * columns, x.dtype)
        at, gates_at = 0, 0
    begin(size, row, rows, start[0], entered, at)
    for t in range(steps):
        enter(size, row, rows, t, x, valid, entered, at)
        if start[1].size > 0:
            there = (row * steps + t * rows) * padded
            _fade(size, row, rows, t, valid, start[1], entered, at + h, faded, there, keep)
        _arguments(size, copy, rows, packed, entered, at, gates, gates_at)
        after = at + rows * stride if keep else at
        _advance(size, row, rows, t, valid, gates, gates_at, entered, at + h, after + h)
        copy_rows(entered, after + h, stride, hidden, (row * steps + t) * width, steps * width, rows, width)
        at = after
        if keep:
            gates_at += rows * columns
    copy_rows(entered, at + h, stride, last[0], row * width, width, rows, width)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    packed: Array,
    x: Array,
    valid: Array,
    start: tuple[Array, Array],
    hidden: Array,
    last: tuple[Array],
    keep: bool,
    kept: tuple[Array, Array, Array],
) -> None:
    """Compute the tiles from `first` to `end`.

    packed: the matrices of gates.pack. x (S, B, T, I), valid (S, B, T) or empty; start: h (S, B, H), and
    factors (S, B, T, H) or empty. Written are hidden (S, B, T, H), last: h (S, B, H) and, if `keep`, kept: entered
    rows (S B (T + 1), D + N - H), r, z, n, b (S B T, 4 N), with factors also h before them (S B T, N).
    """
    for tile in range(first, end):
        _tile(tile, size, packed, x, valid, start, hidden, last, keep, kept)

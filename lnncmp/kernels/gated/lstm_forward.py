"""The LSTM over a whole sequence, forward: one matrix product and one pass over the gates for each step of a tile.

    i, f, o = sigmoid(...), g = tanh(...);  c' = f c + i g;  h' = o tanh(c')

Legend of shapes as in lnncmp.kernels.gated.gates, R rows of a tile. Kept for the backward pass are the rows that the
gates read and one more step of them for the last h, the activated gates and all cell states, tile after tile.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.fast_math import sigmoid, tanh
from lnncmp.kernels.common.lanes import fill, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.matmul import multiply
from lnncmp.kernels.common.tiles import copy_rows, tile_place
from lnncmp.kernels.gated.gates import Size, begin, enter

GATES = 4


@part
def _activate(
    like: Array, gates: Array, at: int, padded: int, cells: Array, here: int, there: int, h: Array, h_at: int
) -> None:
    """Activate one vector of the four gates in place and write the new c and h."""
    i, f = sigmoid(load_like(gates, at, like)), sigmoid(load_like(gates, at + padded, like))
    g, o = tanh(load_like(gates, at + 2 * padded, like)), sigmoid(load_like(gates, at + 3 * padded, like))
    c = f * load_like(cells, here, like) + i * g
    store(gates, at, i)
    store(gates, at + padded, f)
    store(gates, at + 2 * padded, g)
    store(gates, at + 3 * padded, o)
    store(cells, there, c)
    store(h, h_at, o * tanh(c))


@part
def _advance(
    size: Size,
    row: int,
    rows: int,
    t: int,
    valid: Array,
    gates: Array,
    gates_at: int,
    cells: Array,
    here: int,
    there: int,
    entered: Array,
    h_at: int,
    next_h: int,
) -> None:
    """Take a tile through step t: activate its gates, write c (`here` to `there`) and h (`h_at` to `next_h`)."""
    _, _, steps, inputs, _, padded = size
    stride, masked, lanes = inputs + 2 + padded, valid.size > 0, wide_lanes(entered)
    for r in range(rows):
        if masked and not valid[(row + r) * steps + t]:
            copy_rows(cells, here, 0, cells, there, 0, 1, padded)
            copy_rows(entered, h_at, 0, entered, next_h, 0, 1, padded)
        else:
            n = 0
            while n + lanes <= padded:
                like = fill(entered, 0.0)
                _activate(like, gates, gates_at + n, padded, cells, here + n, there + n, entered, next_h + n)
                n += lanes
            if n < padded:
                like = fill_narrow(entered, 0.0)
                _activate(like, gates, gates_at + n, padded, cells, here + n, there + n, entered, next_h + n)
        gates_at, here, there = gates_at + GATES * padded, here + padded, there + padded
        h_at, next_h = h_at + stride, next_h + stride


@part
def _tile(
    tile: int,
    size: Size,
    packed: Array,
    x: Array,
    valid: Array,
    start: tuple[Array, Array],
    hidden: Array,
    last: tuple[Array, Array],
    keep: bool,
    kept: tuple[Array, Array, Array],
) -> None:
    _, batch, steps, inputs, width, padded = size
    copy, first, rows = tile_place(tile, batch)
    row, h = copy * batch + first, inputs + 2
    depth, columns, stride = inputs + 2 + width, GATES * padded, inputs + 2 + padded
    weights = copy * depth * columns
    entered, gates, cells = kept
    at, gates_at, here = row * (steps + 1) * stride, row * steps * columns, row * (steps + 1) * padded
    if not keep:
        entered, gates = np.empty(rows * stride, x.dtype), np.empty(rows * columns, x.dtype)
        cells = np.empty(rows * padded, x.dtype)
        at, gates_at, here = 0, 0, 0
    begin(size, row, rows, start[0], entered, at)
    cells[here : here + rows * padded] = 0.0
    copy_rows(start[1], row * width, width, cells, here, padded, rows, width)
    for t in range(steps):
        enter(size, row, rows, t, x, valid, entered, at)
        multiply(entered, at, stride, packed, weights, columns, gates, gates_at, columns, rows, depth, columns, False)
        after, there = (at + rows * stride, here + rows * padded) if keep else (at, here)
        _advance(size, row, rows, t, valid, gates, gates_at, cells, here, there, entered, at + h, after + h)
        copy_rows(entered, after + h, stride, hidden, (row * steps + t) * width, steps * width, rows, width)
        at, here = after, there
        if keep:
            gates_at += rows * columns
    copy_rows(entered, at + h, stride, last[0], row * width, width, rows, width)
    copy_rows(cells, here, padded, last[1], row * width, width, rows, width)


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
    last: tuple[Array, Array],
    keep: bool,
    kept: tuple[Array, Array, Array],
) -> None:
    """Compute the tiles from `first` to `end`.

    packed: the matrices of gates.pack. x (S, B, T, I), valid (S, B, T) or empty; start: h, c (S, B, H). Written are
    hidden (S, B, T, H), last: h, c (S, B, H) and, if `keep`, kept: entered rows (S B (T + 1), D + N - H),
    gates (S B T, 4 N), c before and after each step (S B (T + 1), N).
    """
    for tile in range(first, end):
        _tile(tile, size, packed, x, valid, start, hidden, last, keep, kept)

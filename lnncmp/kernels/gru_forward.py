"""The GRU over a whole sequence, forward: three matrix products and one pass over the gates for each step of a tile.

    r, z = sigmoid(...);  n = tanh(a + r b);  h' = n + z (h - n)
where a is what x and its bias, b what h and its bias give to the candidate n.

Legend of shapes as in lnncmp.kernels.gates, R rows of a tile. Kept for the backward pass are the rows that the
gates read and r, z, n, b of each step, tile after tile.
"""

import numpy as np

from lnncmp.kernels.compiling import Array, kernel, part
from lnncmp.kernels.fast_math import sigmoid, tanh
from lnncmp.kernels.gates import Size, copy_rows, enter, tile_place
from lnncmp.kernels.lanes import fill, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.matmul import multiply

GATES = 3
COLUMNS = 4
"""r, z, n and b."""


@part
def _activate(like: Array, gates: Array, at: int, padded: int, h: Array, h_at: int) -> None:
    """Activate one vector of r, z, n in place (b stays) and write the new h."""
    r, z = sigmoid(load_like(gates, at, like)), sigmoid(load_like(gates, at + padded, like))
    n = tanh(load_like(gates, at + 2 * padded, like) + r * load_like(gates, at + 3 * padded, like))
    store(gates, at, r)
    store(gates, at + padded, z)
    store(gates, at + 2 * padded, n)
    store(h, h_at, n + z * (load_like(h, h_at, like) - n))


@part
def _advance(padded: int, gates: Array, at: int, h: Array, h_at: int) -> None:
    """Take one row through the step."""
    n = 0
    while n + wide_lanes(h) <= padded:
        _activate(fill(h, 0.0), gates, at + n, padded, h, h_at + n)
        n += wide_lanes(h)
    if n < padded:
        _activate(fill_narrow(h, 0.0), gates, at + n, padded, h, h_at + n)


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
    step: Array,
    start: tuple[Array],
    hidden: Array,
    last: tuple[Array],
    keep: bool,
    kept: tuple[Array, Array],
) -> None:
    _, batch, steps, inputs, width, padded = size
    copy, first, rows = tile_place(tile, batch)
    row, masked = copy * batch + first, step.size > 0
    columns, stride = COLUMNS * padded, inputs + 2 + padded
    entered, gates = kept
    entered_at, gates_at = row * steps * stride, row * steps * columns
    if not keep:
        entered, gates = np.empty(rows * stride, x.dtype), np.empty(rows * columns, x.dtype)
        entered_at, gates_at = 0, 0
    h = np.zeros(rows * padded, x.dtype)
    copy_rows(start[0], row * width, width, h, 0, padded, rows, width)
    for t in range(steps):
        enter(size, row, rows, t, x, step, h, entered, entered_at)
        _arguments(size, copy, rows, packed, entered, entered_at, gates, gates_at)
        for r in range(rows):
            if not masked or step[(row + r) * steps + t]:
                _advance(padded, gates, gates_at + r * columns, h, r * padded)
        copy_rows(h, 0, padded, hidden, (row * steps + t) * width, steps * width, rows, width)
        if keep:
            entered_at += rows * stride
            gates_at += rows * columns
    copy_rows(h, 0, padded, last[0], row * width, width, rows, width)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    packed: Array,
    x: Array,
    step: Array,
    start: tuple[Array],
    hidden: Array,
    last: tuple[Array],
    keep: bool,
    kept: tuple[Array, Array],
) -> None:
    """Compute the tiles from `first` to `end`.

    packed: the matrices of gates.pack. x (S, B, T, I), step (S, B, T) or empty; start: h (S, B, H). Written are
    hidden (S, B, T, H), last: h (S, B, H) and, if `keep`, kept: entered rows (S B T, D + N - H) and r, z, n, b
    (S B T, 4 N).
    """
    for tile in range(first, end):
        _tile(tile, size, packed, x, step, start, hidden, last, keep, kept)

"""The LSTM over a whole sequence, backward: gradients of gates step by step, those of the weights in chunks of steps.

Legend of shapes as in lnncmp.kernels.gated.gates, R rows of a tile.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.fast_math import tanh
from lnncmp.kernels.common.lanes import fill, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.matmul import multiply, multiply_transposed
from lnncmp.kernels.common.tile_sizes import CHUNK
from lnncmp.kernels.common.tiles import add_rows, copy_rows, tile_place
from lnncmp.kernels.gated.gates import Size
from lnncmp.kernels.gated.lstm_forward import GATES


@part
def _differentiate(
    like: Array,
    gates: Array,
    at: int,
    padded: int,
    cells: Array,
    here: int,
    there: int,
    d_h: Array,
    d_c: Array,
    d_at: int,
    d_gates: Array,
    out: int,
) -> None:
    """Write one vector of the gradients of all four gates' arguments and turn d_c into that of the c before."""
    i, f = load_like(gates, at, like), load_like(gates, at + padded, like)
    g, o = load_like(gates, at + 2 * padded, like), load_like(gates, at + 3 * padded, like)
    squashed, d = tanh(load_like(cells, there, like)), load_like(d_h, d_at, like)
    d_cell = load_like(d_c, d_at, like) + d * o * (1.0 - squashed * squashed)
    store(d_gates, out, d_cell * g * i * (1.0 - i))
    store(d_gates, out + padded, d_cell * load_like(cells, here, like) * f * (1.0 - f))
    store(d_gates, out + 2 * padded, d_cell * i * (1.0 - g * g))
    store(d_gates, out + 3 * padded, d * squashed * o * (1.0 - o))
    store(d_c, d_at, d_cell * f)


@part
def _recede(
    size: Size,
    row: int,
    rows: int,
    t: int,
    valid: Array,
    gates: Array,
    cells: Array,
    d_h: Array,
    d_c: Array,
    d_gates: Array,
    out: int,
) -> None:
    """Turn the gradients of h and c after step t into those of the gates' arguments and of c before.

    d_h keeps the rows at padding, for the h before; others are left as they are, or 0 if there is a mask.
    """
    _, _, steps, _, _, padded = size
    columns, masked, lanes = GATES * padded, valid.size > 0, wide_lanes(d_h)
    at, here, one = (row * steps + t * rows) * columns, (row * (steps + 1) + t * rows) * padded, 0
    after = rows * padded
    for r in range(rows):
        if masked and not valid[(row + r) * steps + t]:
            d_gates[out : out + columns] = 0.0
        else:
            n = 0
            while n + lanes <= padded:
                there, like = here + n + after, fill(d_h, 0.0)
                _differentiate(like, gates, at + n, padded, cells, here + n, there, d_h, d_c, one + n, d_gates, out + n)
                n += lanes
            if n < padded:
                there, like = here + n + after, fill_narrow(d_h, 0.0)
                _differentiate(like, gates, at + n, padded, cells, here + n, there, d_h, d_c, one + n, d_gates, out + n)
            if masked:
                d_h[one : one + padded] = 0.0
        at, out, here, one = at + columns, out + columns, here + padded, one + padded


@part
def _step(
    size: Size,
    place: tuple[int, int, int],
    t: int,
    valid: Array,
    weights: tuple[Array, Array],
    kept: tuple[Array, Array, Array],
    d_hidden: Array,
    d_h: Array,
    d_c: Array,
    d_gates: Array,
    out: int,
    d_x: Array,
    d_row: Array,
) -> None:
    """Take a tile back through step t; the gradients of its gates are written to d_gates from `out` on."""
    _, _, steps, inputs, width, padded = size
    copy, row, rows = place
    depth = GATES * padded
    add_rows(d_hidden, (row * steps + t) * width, steps * width, d_h, 0, padded, rows, width)
    _recede(size, row, rows, t, valid, kept[1], kept[2], d_h, d_c, d_gates, out)
    w, masked = copy * depth * padded, valid.size > 0
    multiply(d_gates, out, depth, weights[0], w, padded, d_h, 0, padded, rows, depth, padded, masked)
    if d_x.size > 0:
        wide = d_row.size // rows
        multiply(d_gates, out, depth, weights[1], copy * depth * wide, wide, d_row, 0, wide, rows, depth, wide, False)
        copy_rows(d_row, 0, wide, d_x, (row * steps + t) * inputs, steps * inputs, rows, inputs)


@part
def _tile(
    tile: int,
    size: Size,
    input_width: int,
    valid: Array,
    weights: tuple[Array, Array],
    kept: tuple[Array, Array, Array],
    d_hidden: Array,
    d_last: tuple[Array, Array],
    d_x: Array,
    d_start: tuple[Array, Array],
    summed: Array,
) -> None:
    _, batch, steps, inputs, width, padded = size
    copy, first, rows = tile_place(tile, batch)
    row = copy * batch + first
    depth, columns, stride = inputs + 2 + width, GATES * padded, inputs + 2 + padded
    d_h, d_c = np.zeros(rows * padded, d_hidden.dtype), np.zeros(rows * padded, d_hidden.dtype)
    copy_rows(d_last[0], row * width, width, d_h, 0, padded, rows, width)
    copy_rows(d_last[1], row * width, width, d_c, 0, padded, rows, width)
    chunk = max(1, CHUNK // rows)
    d_gates = np.empty(chunk * rows * columns, d_hidden.dtype)
    d_row = np.empty(rows * input_width, d_hidden.dtype)
    out = tile * depth * columns
    end = steps
    while end > 0:
        begin = max(0, end - chunk)
        for t in range(end - 1, begin - 1, -1):
            place, there = (copy, row, rows), (t - begin) * rows * columns
            _step(size, place, t, valid, weights, kept, d_hidden, d_h, d_c, d_gates, there, d_x, d_row)
        at, length = (row * (steps + 1) + begin * rows) * stride, (end - begin) * rows
        multiply_transposed(
            kept[0], at, stride, d_gates, 0, columns, summed, out, columns, depth, length, columns, True
        )
        end = begin
    copy_rows(d_h, 0, padded, d_start[0], row * width, width, rows, width)
    copy_rows(d_c, 0, padded, d_start[1], row * width, width, rows, width)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    input_width: int,
    valid: Array,
    weights: tuple[Array, Array],
    kept: tuple[Array, Array, Array],
    d_hidden: Array,
    d_last: tuple[Array, Array],
    d_x: Array,
    d_start: tuple[Array, Array],
    summed: Array,
) -> None:
    """Compute the tiles from `first` to `end`.

    weights: recurrent (S, 4 N, N) and of inputs (S, 4 N, J = input_width), as gates.pack_transposed returns them;
    kept: as written by the forward kernel. d_hidden (S, B, T, H), d_last: of h, c (S, B, H). Written are d_x
    (S, B, T, I) unless it is empty, and d_start: of h, c (S, B, H). To summed (S, blocks, D, 4 N) those of the
    matrices are added.
    """
    for tile in range(first, end):
        _tile(tile, size, input_width, valid, weights, kept, d_hidden, d_last, d_x, d_start, summed)

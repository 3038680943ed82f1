"""The LSTM over a whole sequence, backward: gradients of gates step by step, those of the weights in chunks of steps.

Legend of shapes as in lnncmp.kernels.gates, R rows of a tile.
"""

import numpy as np

from lnncmp.kernels.compiling import Array, kernel, part
from lnncmp.kernels.fast_math import tanh
from lnncmp.kernels.gates import CHUNK, Size, add_gradient, copy_rows, tile_place
from lnncmp.kernels.lanes import fill, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.lstm_forward import GATES
from lnncmp.kernels.matmul import multiply, multiply_transposed


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
    padded: int,
    gates: Array,
    at: int,
    cells: Array,
    here: int,
    there: int,
    d_h: Array,
    d_c: Array,
    d_at: int,
    d_gates: Array,
    out: int,
) -> None:
    """Take one row back through the step."""
    n = 0
    while n + wide_lanes(d_h) <= padded:
        like = fill(d_h, 0.0)
        _differentiate(like, gates, at + n, padded, cells, here + n, there + n, d_h, d_c, d_at + n, d_gates, out + n)
        n += wide_lanes(d_h)
    if n < padded:
        like = fill_narrow(d_h, 0.0)
        _differentiate(like, gates, at + n, padded, cells, here + n, there + n, d_h, d_c, d_at + n, d_gates, out + n)


@part
def _step(
    size: Size,
    place: tuple[int, int, int],
    t: int,
    step: Array,
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
    _, _, steps, inputs, _, padded = size
    copy, row, rows = place
    _, gates, cells = kept
    columns, masked = GATES * padded, step.size > 0
    gates_at = (row * steps + t * rows) * columns
    here = (row * (steps + 1) + t * rows) * padded
    there = here + rows * padded
    add_gradient(size, row, rows, t, d_hidden, d_h)
    for r in range(rows):
        one = r * padded
        if masked and not step[(row + r) * steps + t]:
            d_gates[out + r * columns : out + (r + 1) * columns] = 0.0
        else:
            _recede(
                padded,
                gates,
                gates_at + r * columns,
                cells,
                here + one,
                there + one,
                d_h,
                d_c,
                one,
                d_gates,
                out + r * columns,
            )
            if masked:
                d_h[one : one + padded] = 0.0
    at = copy * columns * padded
    multiply(d_gates, out, columns, weights[0], at, padded, d_h, 0, padded, rows, columns, padded, masked)
    if d_x.size > 0:
        wide = d_row.size // rows
        multiply(
            d_gates, out, columns, weights[1], copy * columns * wide, wide, d_row, 0, wide, rows, columns, wide, False
        )
        copy_rows(d_row, 0, wide, d_x, (row * steps + t) * inputs, steps * inputs, rows, inputs)


@part
def _tile(
    tile: int,
    size: Size,
    input_width: int,
    step: Array,
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
            _step(size, place, t, step, weights, kept, d_hidden, d_h, d_c, d_gates, there, d_x, d_row)
        at, length = (row * steps + begin * rows) * stride, (end - begin) * rows
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
    step: Array,
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
        _tile(tile, size, input_width, step, weights, kept, d_hidden, d_last, d_x, d_start, summed)

"""The GRU over a whole sequence, backward: gradients of gates step by step, those of the weights in chunks of steps.

Legend of shapes as in lnncmp.kernels.gated.gates, R rows of a tile.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.lanes import (
    fill,
    fill_narrow,
    load_like,
    load_narrow,
    narrow_lanes,
    store,
    wide_lanes,
)
from lnncmp.kernels.common.matmul import multiply, multiply_transposed
from lnncmp.kernels.common.tile_sizes import CHUNK
from lnncmp.kernels.common.tiles import add_rows, copy_rows, tile_place
from lnncmp.kernels.gated.gates import Size
from lnncmp.kernels.gated.gru_forward import COLUMNS, GATES

Kept = tuple[Array, Array, Array, Array]
"""What the forward kernel kept, then the factors of h or an empty array."""


@part
def _differentiate(
    like: Array,
    gates: Array,
    at: int,
    padded: int,
    h: Array,
    h_at: int,
    d_h: Array,
    d_at: int,
    d_gates: Array,
    out: int,
) -> None:
    """Write one vector of the gradients of the arguments of r, z and of a, b; leave in d_h what z lets through."""
    r, z = load_like(gates, at, like), load_like(gates, at + padded, like)
    n, b = load_like(gates, at + 2 * padded, like), load_like(gates, at + 3 * padded, like)
    d = load_like(d_h, d_at, like)
    d_a = d * (1.0 - z) * (1.0 - n * n)
    store(d_gates, out, d_a * b * r * (1.0 - r))
    store(d_gates, out + padded, d * (load_like(h, h_at, like) - n) * z * (1.0 - z))
    store(d_gates, out + 2 * padded, d_a)
    store(d_gates, out + 3 * padded, d_a * r)
    store(d_h, d_at, d * z)


@part
def _recede(
    size: Size,
    row: int,
    rows: int,
    t: int,
    valid: Array,
    gates: Array,
    entered: Array,
    d_h: Array,
    d_gates: Array,
    out: int,
) -> None:
    """Turn the gradient of h after step t into those of the gates' arguments; d_h keeps what goes past the gates."""
    _, _, steps, inputs, _, padded = size
    columns, stride, masked, lanes = COLUMNS * padded, inputs + 2 + padded, valid.size > 0, wide_lanes(d_h)
    at, h, one = (row * steps + t * rows) * columns, (row * (steps + 1) + t * rows) * stride + inputs + 2, 0
    for r in range(rows):
        if masked and not valid[(row + r) * steps + t]:
            d_gates[out : out + columns] = 0.0
        else:
            n = 0
            while n + lanes <= padded:
                _differentiate(fill(d_h, 0.0), gates, at + n, padded, entered, h + n, d_h, one + n, d_gates, out + n)
                n += lanes
            if n < padded:
                like = fill_narrow(d_h, 0.0)
                _differentiate(like, gates, at + n, padded, entered, h + n, d_h, one + n, d_gates, out + n)
        at, h, one, out = at + columns, h + stride, one + padded, out + columns


@part
def _unfade(
    size: Size,
    row: int,
    rows: int,
    t: int,
    valid: Array,
    factors: Array,
    faded: Array,
    d_h: Array,
    d_factors: Array,
) -> None:
    """Turn the gradient of h after the factors of step t into that before them, and write that of the factors."""
    _, _, steps, _, width, padded = size
    masked, lanes = valid.size > 0, narrow_lanes(d_h)
    for r in range(rows):
        step, one, h = (row + r) * steps + t, r * padded, (row * steps + t * rows + r) * padded
        at, k = step * width, 0
        if masked and not valid[step]:
            d_factors[at : at + width] = 0.0
            k = width
        while k + lanes <= width:
            d = load_narrow(d_h, one + k)
            store(d_factors, at + k, d * load_narrow(faded, h + k))
            store(d_h, one + k, d * load_narrow(factors, at + k))
            k += lanes
        while k < width:
            d_factors[at + k] = d_h[one + k] * faded[h + k]
            d_h[one + k] *= factors[at + k]
            k += 1


@part
def _step(
    size: Size,
    place: tuple[int, int, int],
    t: int,
    valid: Array,
    weights: tuple[Array, Array],
    kept: Kept,
    d_hidden: Array,
    d_h: Array,
    d_gates: Array,
    out: int,
    d_x: Array,
    d_row: Array,
    d_factors: Array,
) -> None:
    """Take a tile back through step t; the gradients of its gates are written to d_gates from `out` on."""
    _, _, steps, inputs, width, padded = size
    copy, row, rows = place
    columns = COLUMNS * padded
    add_rows(d_hidden, (row * steps + t) * width, steps * width, d_h, 0, padded, rows, width)
    _recede(size, row, rows, t, valid, kept[1], kept[0], d_h, d_gates, out)
    w = copy * GATES * padded * padded
    multiply(d_gates, out, columns, weights[0], w, padded, d_h, 0, padded, rows, 2 * padded, padded, True)
    w += 2 * padded * padded
    multiply(d_gates, out + 3 * padded, columns, weights[0], w, padded, d_h, 0, padded, rows, padded, padded, True)
    if d_factors.size > 0:
        _unfade(size, row, rows, t, valid, kept[3], kept[2], d_h, d_factors)
    if d_x.size > 0:
        wide, depth = d_row.size // rows, GATES * padded
        multiply(d_gates, out, columns, weights[1], copy * depth * wide, wide, d_row, 0, wide, rows, depth, wide, False)
        copy_rows(d_row, 0, wide, d_x, (row * steps + t) * inputs, steps * inputs, rows, inputs)


@part
def _accumulate(size: Size, entered: Array, at: int, length: int, d_gates: Array, summed: Array, out: int) -> None:
    """Add the gradients of the weights from `length` rows."""
    _, _, _, inputs, width, padded = size
    row, columns, stride = GATES * padded, COLUMNS * padded, inputs + 2 + padded
    depth, driven = inputs + 2 + width, inputs + 1
    multiply_transposed(entered, at, stride, d_gates, 0, columns, summed, out, row, depth, length, 2 * padded, True)
    d, out = 2 * padded, out + 2 * padded
    multiply_transposed(entered, at, stride, d_gates, d, columns, summed, out, row, driven, length, padded, True)
    d, out, rows = d + padded, out + driven * row, depth - driven
    multiply_transposed(entered, at + driven, stride, d_gates, d, columns, summed, out, row, rows, length, padded, True)


@part
def _tile(
    tile: int,
    size: Size,
    input_width: int,
    valid: Array,
    weights: tuple[Array, Array],
    kept: Kept,
    d_hidden: Array,
    d_last: tuple[Array],
    d_x: Array,
    d_start: tuple[Array, Array],
    summed: Array,
) -> None:
    _, batch, steps, inputs, width, padded = size
    copy, first, rows = tile_place(tile, batch)
    row, columns, stride = copy * batch + first, COLUMNS * padded, inputs + 2 + padded
    d_h = np.zeros(rows * padded, d_hidden.dtype)
    copy_rows(d_last[0], row * width, width, d_h, 0, padded, rows, width)
    chunk = max(1, CHUNK // rows)
    d_gates = np.empty(chunk * rows * columns, d_hidden.dtype)
    d_row = np.empty(rows * input_width, d_hidden.dtype)
    out = tile * (inputs + 2 + width) * GATES * padded
    end = steps
    while end > 0:
        begin = max(0, end - chunk)
        for t in range(end - 1, begin - 1, -1):
            place, there = (copy, row, rows), (t - begin) * rows * columns
            _step(size, place, t, valid, weights, kept, d_hidden, d_h, d_gates, there, d_x, d_row, d_start[1])
        at = (row * (steps + 1) + begin * rows) * stride
        _accumulate(size, kept[0], at, (end - begin) * rows, d_gates, summed, out)
        end = begin
    copy_rows(d_h, 0, padded, d_start[0], row * width, width, rows, width)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    input_width: int,
    valid: Array,
    weights: tuple[Array, Array],
    kept: Kept,
    d_hidden: Array,
    d_last: tuple[Array],
    d_x: Array,
    d_start: tuple[Array, Array],
    summed: Array,
) -> None:
    """Compute the tiles from `first` to `end`.

    weights: recurrent (S, 3 N, N) and of inputs (S, 3 N, J = input_width), as gates.pack_transposed returns them;
    kept: see Kept. d_hidden (S, B, T, H), d_last: of h (S, B, H). Written are d_x (S, B, T, I) unless it is empty, and
    d_start: of h (S, B, H), of the factors (S, B, T, H) unless that is empty. To summed (S, blocks, D, 3 N) those of
    the matrices are added.
    """
    for tile in range(first, end):
        _tile(tile, size, input_width, valid, weights, kept, d_hidden, d_last, d_x, d_start, summed)

"""What the kernels of LSTM and GRU have in common: gates as matrices, rows of inputs, tiles.

Legend of shapes: S copies, B batch, T steps, I inputs, H hidden units, G gates, N = H padded to whole narrow vectors,
J = I padded likewise, D = I + 2 + H; all arrays are flat.

What all gates read at one step is one row: x (I), 1, 1, h (H). The matrix for it, (D, G N), holds the weights of x,
the bias of the inputs, the recurrent bias and the weights of h; one product gives all gates. A tile
is one copy and up to TILE rows of the batch. Rows kept for the backward pass have D + N - H numbers each, so that
vectors of h can be loaded.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.tiles import copy_rows, total_of_blocks

Size = tuple[int, int, int, int, int, int]
"""S, B, T, I, H, N."""


@kernel
def pack(size: Size, gates: int, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    """Return the matrices (S, D, G N) from weights (S, G H, I), (S, G H, H) and biases (S, G H)."""
    copies, _, _, inputs, hidden, padded = size
    columns, depth = gates * padded, inputs + 2 + hidden
    packed = np.zeros(copies * depth * columns, w_ih.dtype)
    for s in range(copies):
        at = s * depth * columns
        for g in range(gates):
            for n in range(hidden):
                row, column = (s * gates + g) * hidden + n, at + g * padded + n
                for k in range(inputs):
                    packed[column + k * columns] = w_ih[row * inputs + k]
                packed[column + inputs * columns] = b_ih[row]
                packed[column + (inputs + 1) * columns] = b_hh[row]
                for k in range(hidden):
                    packed[column + (inputs + 2 + k) * columns] = w_hh[row * hidden + k]
    return packed


@kernel
def pack_transposed(copies: int, gates: int, hidden: int, padded: int, sources: int, width: int, w: Array) -> Array:
    """Return matrices (S, G N, width) from weights (S, G H, sources), with zeros elsewhere."""
    packed = np.zeros(copies * gates * padded * width, w.dtype)
    for s in range(copies):
        for g in range(gates):
            for n in range(hidden):
                row, there = (s * gates + g) * hidden + n, ((s * gates + g) * padded + n) * width
                for k in range(sources):
                    packed[there + k] = w[row * sources + k]
    return packed


@kernel
def unpack(size: Size, gates: int, summed: Array) -> tuple[Array, Array, Array, Array]:
    """Return the gradients of w_ih, w_hh, b_ih, b_hh from those of the matrices, (S, blocks, D, G N)."""
    copies, batch, _, inputs, hidden, padded = size
    columns, depth, blocks = gates * padded, inputs + 2 + hidden, -(-batch // TILE)
    all_gates = copies * gates * hidden
    d_w_ih, d_w_hh = np.empty(all_gates * inputs, summed.dtype), np.empty(all_gates * hidden, summed.dtype)
    d_b_ih, d_b_hh = np.empty(all_gates, summed.dtype), np.empty(all_gates, summed.dtype)
    for s in range(copies):
        matrix = total_of_blocks(blocks, s, depth * columns, summed)
        for g in range(gates):
            for n in range(hidden):
                row, column = (s * gates + g) * hidden + n, g * padded + n
                for k in range(inputs):
                    d_w_ih[row * inputs + k] = matrix[column + k * columns]
                d_b_ih[row] = matrix[column + inputs * columns]
                d_b_hh[row] = matrix[column + (inputs + 1) * columns]
                for k in range(hidden):
                    d_w_hh[row * hidden + k] = matrix[column + (inputs + 2 + k) * columns]
    return d_w_ih, d_w_hh, d_b_ih, d_b_hh


@part
def begin(size: Size, row: int, rows: int, start: Array, entered: Array, entered_at: int) -> None:
    """Write the initial h of a tile, from (S, B, H), into its rows; `row` is its first among all copies' batches."""
    _, _, _, inputs, width, padded = size
    stride = inputs + 2 + padded
    for r in range(rows):
        at = entered_at + r * stride + inputs + 2
        entered[at : at + padded] = 0.0
    copy_rows(start, row * width, width, entered, entered_at + inputs + 2, stride, rows, width)


@part
def enter(size: Size, row: int, rows: int, t: int, x: Array, valid: Array, entered: Array, entered_at: int) -> None:
    """Write x_t, 1, 1 into the rows of a tile, x_t = 0 at padding; `row` is its first among all copies' batches."""
    _, _, steps, inputs, _, padded = size
    masked = valid.size > 0
    for r in range(rows):
        at = entered_at + r * (inputs + 2 + padded)
        here = (row + r) * steps + t
        if masked and not valid[here]:
            for k in range(inputs):
                entered[at + k] = 0.0
        else:
            for k in range(inputs):
                entered[at + k] = x[here * inputs + k]
        entered[at + inputs] = 1.0
        entered[at + inputs + 1] = 1.0

"""Tiles of batch rows, and matrices with a row for each sample, for kernels whose vectors run along the features."""

import numpy as np

from lnncmp.kernels.common.compiling import Array, inlined, part
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store
from lnncmp.kernels.common.tile_sizes import TILE


@part
def tile_place(tile: int, batch: int) -> tuple[int, int, int]:
    """Return the copy, the first row and the number of rows of a tile; the tiles of a copy are nearly equal."""
    blocks = -(-batch // TILE)
    copy, block = tile // blocks, tile % blocks
    first = batch * block // blocks
    return copy, first, batch * (block + 1) // blocks - first


@part
def copy_rows(
    source: Array, source_at: int, source_row: int, out: Array, out_at: int, out_row: int, rows: int, columns: int
) -> None:
    """Copy a matrix (rows, columns) from one flat array to another, each with a row every `_row` numbers."""
    lanes = narrow_lanes(out)
    for r in range(rows):
        here, there, k = source_at + r * source_row, out_at + r * out_row, 0
        while k + lanes <= columns:
            store(out, there + k, load_narrow(source, here + k))
            k += lanes
        while k < columns:
            out[there + k] = source[here + k]
            k += 1


@part
def add_rows(
    source: Array, source_at: int, source_row: int, out: Array, out_at: int, out_row: int, rows: int, columns: int
) -> None:
    """Add a matrix to another one; both are given as to `copy_rows`."""
    lanes = narrow_lanes(out)
    for r in range(rows):
        here, there, k = source_at + r * source_row, out_at + r * out_row, 0
        while k + lanes <= columns:
            store(out, there + k, load_narrow(out, there + k) + load_narrow(source, here + k))
            k += lanes
        while k < columns:
            out[there + k] += source[here + k]
            k += 1


@part
def observe(
    place: tuple[int, int],
    t: int,
    sizes: tuple[int, int, int],
    x: Array,
    dt: Array,
    valid: Array,
    entered: Array,
    entered_at: int,
    lengths: Array,
    lengths_at: int,
) -> None:
    """Write the rows [x_t, 1] of a tile and the lengths of its solver steps; x_t = 0 and length 0 at padding.

    place: the first row among all copies' batches, and how many; sizes: T, I and the solver steps of an observation;
    x (S, B, T, I), dt (S, B, T), valid (S, B, T) or empty.
    """
    (row, rows), (steps, inputs, unfolds) = place, sizes
    masked = valid.size > 0
    for r in range(rows):
        here, at = (row + r) * steps + t, entered_at + r * (inputs + 1)
        real = not masked or valid[here]
        for i in range(inputs):
            entered[at + i] = x[here * inputs + i] if real else 0.0
        entered[at + inputs] = 1.0
        lengths[lengths_at + r] = dt[here] / unfolds if real else 0.0


@part
def total_of_blocks(blocks: int, copy: int, length: int, sums: Array) -> Array:
    """Return the sum of the blocks of one copy, in their order."""
    summed = np.zeros(length, sums.dtype)
    for block in range(blocks):
        at = (copy * blocks + block) * length
        for k in range(length):
            summed[k] += sums[at + k]
    return summed


@inlined
def of_all_blocks(sums: Array, at: int, blocks: int, length: int) -> float:
    """Return the sum of one number of each block, in their order; `at`: its place in the first one."""
    summed = 0.0
    for block in range(blocks):
        summed += sums[at + block * length]
    return summed

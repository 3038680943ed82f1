"""Tiles of batch rows, and matrices with a row for each sample, for kernels whose vectors run along the features."""

from lnncmp.kernels.common.compiling import Array, part
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store

TILE = 16
"""Rows of a full tile: enough for the weights to be read from cache once for many rows, few enough for two threads."""


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

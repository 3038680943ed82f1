"""Matrices with a row for each step of each sample, in tiles of rows.

Legend of shapes: S copies, R = B T rows of a copy, H features, N = H padded to whole narrow vectors; all arrays are
flat. Padded features are finite, and 0 in what blocks give each other.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.common.compiling import Array, inlined, lean_kernel
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import zeros
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.tile_sizes import ROWS

Numbers = NDArray[Any]
Size = tuple[int, int, int]
"""R, H, N."""


class Sizes(NamedTuple):
    """What all blocks of a call have in common: S, B, T and the type of the numbers."""

    copies: int
    batch: int
    steps: int
    kind: Any

    @classmethod
    def of_inputs(cls, x: Numbers) -> "Sizes":
        """Return those of x (S, B, T, I)."""
        copies, batch, steps, _ = x.shape
        return cls(copies, batch, steps, x.dtype)

    @property
    def rows(self) -> int:
        """Return R."""
        return self.batch * self.steps

    @property
    def tiles(self) -> int:
        """Return the number of tiles of all copies."""
        return self.copies * -(-self.rows // ROWS)

    def wide(self, width: int) -> int:
        """Return N for H."""
        return padded(width, np.dtype(self.kind).itemsize == 4)

    def of(self, width: int) -> Size:
        """Return the sizes that kernels need."""
        return self.rows, width, self.wide(width)

    def empty(self, width: int, parts: int = 1) -> Numbers:
        """Return an array (S R, parts N) to be written."""
        return empty((self.copies * self.rows * parts * self.wide(width),), self.kind)

    def start(self, columns: int) -> Numbers:
        """Return a state (S, B, columns) of 0."""
        return zeros(self.copies * self.batch * columns, self.kind).reshape(self.copies, self.batch, columns)

    def samples(self, numbers: Numbers) -> Numbers:
        """Return an array (S R, N) as (S, B, T, N)."""
        return numbers.reshape(self.copies, self.batch, self.steps, -1)


@inlined
def place(tile: int, rows: int) -> tuple[int, int, int]:
    """Return the copy of a tile, its first row among those of all copies, and how many it has."""
    blocks = -(-rows // ROWS)
    copy, block = tile // blocks, tile % blocks
    first = rows * block // blocks
    return copy, copy * rows + first, rows * (block + 1) // blocks - first


@lean_kernel
def _relay(rows: int, width: int, source: Array, source_row: int, out: Array, out_row: int) -> None:
    """Copy a matrix (rows, width) to one with another distance of rows; beyond `width` it gets zeros."""
    for r in range(rows):
        for k in range(width):
            out[r * out_row + k] = source[r * source_row + k]
        for k in range(width, out_row):
            out[r * out_row + k] = 0.0


def widened(sizes: Sizes, numbers: Numbers, width: int) -> Numbers:
    """Return (S, B, T, H) as (S R, N)."""
    if width == sizes.wide(width):
        return numbers.reshape(-1)
    out = sizes.empty(width)
    call(_relay, sizes.copies * sizes.rows, width, numbers.reshape(-1), width, out, sizes.wide(width))
    return out


def narrowed(sizes: Sizes, numbers: Numbers, width: int) -> Numbers:
    """Return (S R, N) as (S, B, T, H)."""
    if width != sizes.wide(width):
        out = empty((sizes.copies * sizes.rows * width,), sizes.kind)
        call(_relay, sizes.copies * sizes.rows, width, numbers, sizes.wide(width), out, width)
        numbers = out
    return sizes.samples(numbers)

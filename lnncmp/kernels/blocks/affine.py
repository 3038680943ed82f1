"""Affine maps W u + b of all rows, forward and backward.

Legend of shapes as in lnncmp.kernels.blocks.rows; I features in, M = I padded, G parts of H features out, C = G N.
"""

from dataclasses import dataclass

import numpy as np

from lnncmp.kernels.blocks.rows import Numbers, Sizes, place
from lnncmp.kernels.common.compiling import Array, kernel, lean_kernel
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store
from lnncmp.kernels.common.moves import zeros
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.products import multiply_from
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import of_all_blocks

Shape = tuple[int, int, int, int, int]
"""I, M, G, H, N."""


@lean_kernel
def _lay_out(copies: int, shape: Shape, weight: Array, bias: Array, matrix: Array, start: Array) -> None:
    """Write W as (S, I, C) and b as (S, C), both 0 elsewhere already; b may be empty: it is 0."""
    inputs, _, parts, width, wide = shape
    for s in range(copies):
        for g in range(parts):
            for n in range(width):
                row, column = (s * parts + g) * width + n, g * wide + n
                if bias.size > 0:
                    start[s * parts * wide + column] = bias[row]
                for k in range(inputs):
                    matrix[(s * inputs + k) * parts * wide + column] = weight[row * inputs + k]


@lean_kernel
def _turn(copies: int, shape: Shape, weight: Array, turned: Array) -> None:
    """Write W as (S, C, M), 0 elsewhere already."""
    inputs, deep, parts, width, wide = shape
    for s in range(copies):
        for g in range(parts):
            for n in range(width):
                row, at = (s * parts + g) * width + n, ((s * parts + g) * wide + n) * deep
                for k in range(inputs):
                    turned[at + k] = weight[row * inputs + k]


@kernel
def _forward(first: int, end: int, rows: int, shape: Shape, matrix: Array, start: Array, u: Array, out: Array) -> None:
    """Compute the tiles from `first` to `end`: out (S R, C) for u (S R, M)."""
    inputs, deep, parts, _, wide = shape
    columns, begin, one = parts * wide, np.int64(0), np.int64(1)
    for tile in range(first, end):
        s, at, count = place(tile, rows)
        bias = start[s * columns : (s + 1) * columns]
        multiply_from(
            bias, u, at * deep, deep, one, matrix, begin + s * inputs * columns, columns, out, at * columns, columns,
            count, inputs, columns,
        )  # fmt: skip


@kernel
def _backward(
    first: int,
    end: int,
    rows: int,
    shape: Shape,
    turned: Array,
    u: Array,
    d_out: Array,
    d_u: Array,
    sums: Array,
) -> None:
    """Compute the tiles from `first` to `end`: d_u (S R, M) unless it is empty, and each tile's sums (I + 1, C).

    Those are the gradients of W', and in the last row that of b.
    """
    inputs, deep, parts, _, wide = shape
    columns, one, lanes = parts * wide, np.int64(1), narrow_lanes(u)
    nothing = np.zeros(max(columns, deep), u.dtype)
    for tile in range(first, end):
        s, at, count = place(tile, rows)
        own = tile * (inputs + 1) * columns
        multiply_from(
            nothing, u, at * deep, one, deep, d_out, at * columns, columns, sums, own, columns, inputs, count, columns
        )
        own += inputs * columns
        for k in range(columns):
            sums[own + k] = 0.0
        for r in range(at, at + count):
            for k in range(0, columns, lanes):
                store(sums, own + k, load_narrow(sums, own + k) + load_narrow(d_out, r * columns + k))
        if d_u.size > 0:
            multiply_from(
                nothing, d_out, at * columns, columns, one, turned, s * columns * deep, deep, d_u, at * deep, deep,
                count, columns, deep,
            )  # fmt: skip


@lean_kernel
def _finish(copies: int, blocks: int, shape: Shape, sums: Array, d_weight: Array, d_bias: Array) -> None:
    """Write the gradients of W (S, G H, I) and b (S, G H) from the sums of the blocks of each copy."""
    inputs, _, parts, width, wide = shape
    length = (inputs + 1) * parts * wide
    for s in range(copies):
        for g in range(parts):
            for n in range(width):
                row, column = (s * parts + g) * width + n, s * blocks * length + g * wide + n
                for k in range(inputs):
                    d_weight[row * inputs + k] = of_all_blocks(sums, column + k * parts * wide, blocks, length)
                d_bias[row] = of_all_blocks(sums, column + inputs * parts * wide, blocks, length)


@dataclass(frozen=True)
class Affine:
    """A map of I features to `parts` times `width`, for weights (S, parts width, I) and biases (S, parts width)."""

    inputs: int
    width: int
    parts: int = 1

    def _shape(self, sizes: Sizes) -> tuple[Shape, int]:
        """Return the sizes of the kernels, and C."""
        wide = sizes.wide(self.width)
        return (self.inputs, sizes.wide(self.inputs), self.parts, self.width, wide), self.parts * wide

    def run(self, sizes: Sizes, u: Numbers, weight: Numbers, bias: Numbers | None = None) -> Numbers:
        """Return W u + b (S R, C) for u (S R, M); without a bias W u."""
        shape, columns = self._shape(sizes)
        matrix = zeros(sizes.copies * self.inputs * columns, sizes.kind)
        start = zeros(sizes.copies * columns, sizes.kind)
        call(_lay_out, sizes.copies, shape, weight, weight[:0] if bias is None else bias, matrix, start)
        out = sizes.empty(self.width, self.parts)
        run_tiles(_forward, sizes.tiles, sizes.rows, shape, matrix, start, u, out)
        return out

    def run_back(
        self, sizes: Sizes, u: Numbers, weight: Numbers, d_out: Numbers, wants_u: bool = True
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Return the gradients of u (empty unless `wants_u`), W and b, for u and that of the outputs."""
        shape, columns = self._shape(sizes)
        turned = zeros(sizes.copies * columns * shape[1] if wants_u else 0, sizes.kind)
        call(_turn, sizes.copies if wants_u else 0, shape, weight, turned)
        d_u = empty((u.size if wants_u else 0,), sizes.kind)
        sums = empty((sizes.tiles * (self.inputs + 1) * columns,), sizes.kind)
        run_tiles(_backward, sizes.tiles, sizes.rows, shape, turned, u, d_out, d_u, sums)
        d_weight = empty((weight.size,), sizes.kind)
        d_bias = empty((sizes.copies * self.parts * self.width,), sizes.kind)
        call(_finish, sizes.copies, sizes.tiles // sizes.copies, shape, sums, d_weight, d_bias)
        return d_u, d_weight, d_bias

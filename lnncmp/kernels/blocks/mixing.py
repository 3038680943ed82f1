"""The end of a block as in S4D, on arrays: GLU(W GELU(y + D u) + b), W of shape (2 H, H).

With s = y + D u and Phi the distribution function of the normal distribution, GELU(s) = s Phi(s); with [a, c] the
outputs of the map, GLU = a sigmoid(c).

Legend of shapes as in lnncmp.kernels.blocks.rows.
"""

from collections.abc import Sequence

from lnncmp.kernels.blocks.affine import Affine
from lnncmp.kernels.blocks.rows import Numbers, Size, Sizes, place
from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.fast_math import sigmoid
from lnncmp.kernels.common.features import gradients_of, table_of
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store
from lnncmp.kernels.common.normal import normal
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles


@lean_kernel
def _bend(first: int, end: int, size: Size, y: Array, u: Array, skip: Array, s: Array, bent: Array) -> None:
    """Compute the tiles from `first` to `end`: s and GELU(s) (S R, N) for skip (S, N)."""
    rows, _, wide = size
    lanes = narrow_lanes(u)
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                at = r * wide + n
                own = load_narrow(y, at) + load_narrow(skip, copy * wide + n) * load_narrow(u, at)
                share, _ = normal(own)
                store(s, at, own)
                store(bent, at, own * share)


@lean_kernel
def _gate(first: int, end: int, size: Size, a: Array, out: Array) -> None:
    """Compute the tiles from `first` to `end`: GLU (S R, N) of a (S R, 2 N)."""
    rows, _, wide = size
    lanes = narrow_lanes(a)
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                at = 2 * r * wide + n
                store(out, r * wide + n, load_narrow(a, at) * sigmoid(load_narrow(a, at + wide)))


@lean_kernel
def _gate_back(first: int, end: int, size: Size, a: Array, d_out: Array, d_a: Array) -> None:
    """Compute the tiles from `first` to `end`: the gradient of a (S R, 2 N)."""
    rows, _, wide = size
    lanes = narrow_lanes(a)
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                at, coming = 2 * r * wide + n, load_narrow(d_out, r * wide + n)
                opened = sigmoid(load_narrow(a, at + wide))
                store(d_a, at, coming * opened)
                store(d_a, at + wide, coming * load_narrow(a, at) * opened * (1.0 - opened))


@lean_kernel
def _bend_back(
    first: int, end: int, size: Size, s: Array, u: Array, skip: Array, d_s: Array, d_u: Array, sums: Array
) -> None:
    """Compute the tiles from `first` to `end`: the gradients of u (S R, N), and the sums of that of D (tiles, N).

    d_s: that of GELU(s) becomes that of s, which is that of y too.
    """
    rows, _, wide = size
    lanes = narrow_lanes(u)
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        for n in range(0, wide, lanes):
            store(sums, tile * wide + n, fill_narrow(u, 0.0))
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                at, into = r * wide + n, tile * wide + n
                own = load_narrow(s, at)
                share, density = normal(own)
                coming = load_narrow(d_s, at) * (share + own * density)
                store(d_s, at, coming)
                store(d_u, at, coming * load_narrow(skip, copy * wide + n))
                store(sums, into, load_narrow(sums, into) + coming * load_narrow(u, at))


class Mixing:
    """The mixing of H features; weights: D (S, H), W (S, 2 H, H), b (S, 2 H)."""

    weights, keeps = 3, 3

    def __init__(self, width: int) -> None:
        self.width, self.map = width, Affine(width, width, 2)

    def run(self, sizes: Sizes, y: Numbers, u: Numbers, weights: Sequence[Numbers]) -> tuple[Numbers, list[Numbers]]:
        """Return the outputs (S R, N), and what the backward pass needs."""
        skip, size = table_of(weights[:1], sizes.copies, sizes.wide(self.width)), sizes.of(self.width)
        s, bent, out = (sizes.empty(self.width) for _ in range(3))
        run_tiles(_bend, sizes.tiles, size, y, u, skip, s, bent)
        a = self.map.run(sizes, bent, *weights[1:])
        run_tiles(_gate, sizes.tiles, size, a, out)
        return out, [s, bent, a]

    def run_back(
        self, sizes: Sizes, u: Numbers, weights: Sequence[Numbers], kept: Sequence[Numbers], d_out: Numbers
    ) -> tuple[Numbers, Numbers, list[Numbers]]:
        """Return the gradients of y, of u through D, and of the weights."""
        (s, bent, a), size, wide = kept, sizes.of(self.width), sizes.wide(self.width)
        d_a, d_u = sizes.empty(self.width, 2), sizes.empty(self.width)
        run_tiles(_gate_back, sizes.tiles, size, a, d_out, d_a)
        d_s, *found = self.map.run_back(sizes, bent, weights[1], d_a)
        skip, sums = table_of(weights[:1], sizes.copies, wide), empty((sizes.tiles * wide,), sizes.kind)
        run_tiles(_bend_back, sizes.tiles, size, s, u, skip, d_s, d_u, sums)
        return d_s, d_u, [*gradients_of(weights[:1], sizes.copies, wide, sums), *found]

"""minGRU and minLSTM on arrays; see lnncmp.layers.min_gated for the equations.

With s the share of h that is kept, w = 1 - s, and g the candidate, of one step
    minGRU   dL/dz = (dL/dw - dL/ds) s w
    minLSTM  dL/df = (dL/ds - dL/dw) s w sigmoid(-f),  dL/di = -(dL/ds - dL/dw) s w sigmoid(-i)

Legend of shapes as in lnncmp.kernels.blocks.rows; G gates and candidates.
"""

from collections.abc import Sequence

from lnncmp.kernels.blocks.affine import Affine
from lnncmp.kernels.blocks.piece import Entering, Piece, back_through
from lnncmp.kernels.blocks.rows import Numbers, Size, place
from lnncmp.kernels.common.array_operation import find_passes
from lnncmp.kernels.common.compiling import Array, inlined, lean_kernel
from lnncmp.kernels.common.fast_math import below_zero, exp, magnitude, sigmoid
from lnncmp.kernels.common.lanes import fill_like, load_narrow, narrow_lanes, store
from lnncmp.kernels.common.threads import run_tiles


@inlined
def _two_shares(f: Array, i: Array) -> tuple[Array, Array]:
    """Return f / (f + i) and i / (f + i) of the gates with these arguments, also where both are closed."""
    nothing = fill_like(0.0, f)
    # (1 + e^-f) / (1 + e^-i), with the larger part of each sum taken out
    apart = exp(below_zero(f, f * -1.0, nothing) - below_zero(i, i * -1.0, nothing))
    ratio = apart * (exp(magnitude(f) * -1.0) + 1.0) / (exp(magnitude(i) * -1.0) + 1.0)
    kept: Array = 1.0 / (ratio + 1.0)
    return kept, ratio * kept


@inlined
def _shares(gates: int, a: Array, at: int, wide: int) -> tuple[Array, Array]:
    """Return what is kept of h and taken of the candidate, for one vector."""
    f = load_narrow(a, at)
    kept, taken = sigmoid(f * -1.0), sigmoid(f)
    if gates == 3:
        kept, taken = _two_shares(f, load_narrow(a, at + wide))
    return kept, taken


@lean_kernel
def _forward(first: int, end: int, size: Size, gates: int, positive: bool, a: Array, keep: Array, added: Array) -> None:
    """Compute the tiles from `first` to `end`: what multiplies h and what is added, (S R, N), for a (S R, G N)."""
    rows, _, wide = size
    lanes = narrow_lanes(a)
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                at = r * gates * wide + n
                kept, taken = _shares(gates, a, at, wide)
                c = load_narrow(a, at + (gates - 1) * wide)
                if positive:
                    c = below_zero(c, sigmoid(c), c + 0.5)
                store(keep, r * wide + n, kept)
                store(added, r * wide + n, taken * c)


@lean_kernel
def _backward(
    first: int, end: int, size: Size, gates: int, positive: bool, a: Array, d_keep: Array, d_added: Array, d_a: Array
) -> None:
    """Compute the tiles from `first` to `end`: the gradient of a (S R, G N)."""
    rows, _, wide = size
    lanes = narrow_lanes(a)
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                at = r * gates * wide + n
                kept, taken = _shares(gates, a, at, wide)
                c = load_narrow(a, at + (gates - 1) * wide)
                coming = load_narrow(d_added, r * wide + n)
                of_c, g = coming * taken, c
                if positive:
                    bent = sigmoid(c)
                    of_c, g = of_c * below_zero(c, bent * (1.0 - bent), fill_like(1.0, c)), below_zero(c, bent, c + 0.5)
                of_shares = (coming * g - load_narrow(d_keep, r * wide + n)) * kept * taken
                if gates == 3:
                    f, i = load_narrow(a, at), load_narrow(a, at + wide)
                    store(d_a, at, of_shares * sigmoid(f * -1.0) * -1.0)
                    store(d_a, at + wide, of_shares * sigmoid(i * -1.0))
                else:
                    store(d_a, at, of_shares)
                store(d_a, at + (gates - 1) * wide, of_c)


class MinGated(Piece):
    """A minGRU (2 gates and candidates) or minLSTM (3). Weights: one matrix and one bias of all."""

    weights, keeps = 2, 3

    def __init__(self, gates: str, candidate: str, inputs: str, width: str) -> None:
        self.gates, self.positive, self.width = int(gates), candidate == "positive", int(width)
        self.map, self.scan = Affine(int(inputs), self.width, self.gates), find_passes("scan real")

    def _given(self, given: Entering, keep: Numbers, added: Numbers) -> list[Numbers]:
        """Return what the recurrence is given."""
        sizes = given.sizes
        return given.sequence(added, sizes.start(sizes.wide(self.width)), sizes.samples(keep))

    def run(self, given: Entering) -> tuple[Numbers, list[Numbers]]:
        """Return h, and the arguments of the gates and what multiplies h and is added."""
        sizes = given.sizes
        a, keep, added = self.map.run(sizes, given.u, *given.weights), sizes.empty(self.width), sizes.empty(self.width)
        run_tiles(_forward, sizes.tiles, sizes.of(self.width), self.gates, self.positive, a, keep, added)
        (hidden, _), _ = self.scan.run(self._given(given, keep, added), True)
        return hidden.reshape(-1), [a, keep, added]

    def run_back(self, given: Entering, kept: Sequence[Numbers], d_y: Numbers) -> tuple[Numbers, list[Numbers]]:
        """Return the gradients."""
        sizes, (a, keep, added) = given.sizes, kept
        own = self._given(given, keep, added)
        d_added, _, d_keep = back_through(self.scan, [sizes.samples(d_y), None], own)
        d_a = sizes.empty(self.width, self.gates)
        run_tiles(_backward, sizes.tiles, sizes.of(self.width), self.gates, self.positive, a, d_keep, d_added, d_a)
        d_u, d_weight, d_bias = self.map.run_back(sizes, given.u, given.weights[0], d_a)
        return d_u, [d_weight, d_bias]

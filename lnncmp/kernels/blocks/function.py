"""A network of blocks on arrays: an affine map of the inputs, the blocks, sums and normalisation between them.

Legend of shapes as in lnncmp.kernels.blocks.rows; I inputs.
"""

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from lnncmp.kernels.blocks.affine import Affine
from lnncmp.kernels.blocks.normalising import normalise, normalise_back
from lnncmp.kernels.blocks.piece import Entering, Piece
from lnncmp.kernels.blocks.rows import Sizes, narrowed, widened
from lnncmp.kernels.common.array_operation import GivenArrays, Numbers, Passes
from lnncmp.kernels.common.moves import add, flat_or_zeros
from lnncmp.kernels.common.operation import DT, VALID, X

PIECES = {
    "min_gated": ("min_gated", "MinGated"),
    "diagonal": ("state_space", "Diagonal"),
    "oscillators": ("oscillators", "Oscillators"),
    "neurons": ("neurons", "Neurons"),
}
"""Where the blocks are, by the first word of their text."""


def _piece(text: str) -> Piece:
    name, *settings = text.split()
    module, kind = PIECES[name]
    made: Piece = getattr(import_module(f"lnncmp.kernels.blocks.{module}"), kind)(*settings)
    return made


class Blocks(Passes):
    """Hidden states (S, B, T, H) of blocks one after the other, for x (S, B, T, I) and dt (S, B, T), from states of 0.

    Settings: `residual` or `plain`, `normed` or `raw`, `elapsed` or `fixed` (every elapsed time counts as 1), then each
    block's text after a semicolon. Residual: an affine map of the inputs comes first, then u <- u + block(u); normed:
    what a block gives, or the sum, is normalised. Weights: those of the map, then of each block.
    """

    outputs, data = 1, 3

    def __init__(self, settings: str) -> None:
        form, *texts = settings.split(";")
        joining, norm, times = form.split()
        self.residual, self.normed, self.fixed = joining == "residual", norm == "normed", times == "fixed"
        self.blocks = [_piece(text) for text in texts]
        self.width = self.blocks[-1].width

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Compute the blocks; see the class."""
        sizes, encoder, weights = self._parts(given)
        u = widened(sizes, given[X], given[X].shape[-1])
        kept = [u]
        if self.residual:
            u = encoder.run(sizes, u, *given[self.data : self.data + 2])
        for block, own in zip(self.blocks, weights, strict=True):
            y, more = block.run(self._entering(sizes, given, u, own))
            kept += [u, *more] if keep else []
            if self.residual:
                add(u, y)
            if self.normed:
                kept += [normalise(sizes, self.width, y)]
            u = y
        return [narrowed(sizes, u, self.width)], [*kept, u]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of the weights, none of x: training does not need it."""
        sizes, encoder, weights = self._parts(given)
        d_hidden = flat_or_zeros(grads[0], sizes.copies * sizes.rows * self.width, sizes.kind)
        d_u, rest, found = widened(sizes, d_hidden, self.width), list(kept), list[Numbers]()
        out = rest.pop()
        for block, own in zip(reversed(self.blocks), reversed(weights), strict=True):
            if self.normed:
                d_u = normalise_back(sizes, self.width, out, rest.pop(), d_u)
            more, rest = rest[len(rest) - block.keeps :], rest[: len(rest) - block.keeps]
            out = rest.pop()
            d_y = d_u
            d_u, d_own = block.run_back(self._entering(sizes, given, out, own), more, d_y)
            if self.residual:
                add(d_y, d_u)
            found = [*d_own, *found]
        if self.residual:
            _, *d_own = encoder.run_back(sizes, rest[0], given[self.data], d_u, wants_u=False)
            found = [*d_own, *found]
        return [None, None, None, *found]

    def _parts(self, given: GivenArrays) -> tuple[Sizes, Affine, list[Sequence[Numbers]]]:
        """Return the sizes, the map of the inputs and the weights of each block."""
        sizes, at, weights = Sizes.of_inputs(given[X]), self.data + 2 * self.residual, []
        for block in self.blocks:
            weights.append(given[at : at + block.weights])
            at += block.weights
        return sizes, Affine(given[X].shape[-1], self.width), weights

    def _entering(self, sizes: Sizes, given: GivenArrays, u: Numbers, weights: Sequence[Numbers]) -> Entering:
        dt = np.ones_like(given[DT]) if self.fixed else given[DT]
        return Entering(sizes, u, dt, given[VALID], weights)


PASSES = Blocks

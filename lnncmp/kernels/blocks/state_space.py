"""S4D and Liquid-S4 on arrays: the diagonal state-space model, then the mixing; see lnncmp.layers.diagonal."""

from collections.abc import Sequence
from typing import Any

from lnncmp.kernels.blocks.mixing import Mixing
from lnncmp.kernels.blocks.piece import Entering, Piece, back_through
from lnncmp.kernels.blocks.rows import Numbers
from lnncmp.kernels.common.array_operation import find_passes
from lnncmp.kernels.common.moves import add

_RAW = 5
"""Weights of the recurrence; those of the mixing follow."""


class Diagonal(Piece):
    """The operation of lnncmp.kernels.diagonal, the first words being its settings, and the mixing."""

    weights, keeps = _RAW + Mixing.weights, Mixing.keeps

    def __init__(self, *settings: str) -> None:
        *own, width, pairs = settings
        self.operation = find_passes(" ".join(("diagonal", *own)))
        self.width, self.pairs, self.mixing = int(width), int(pairs), Mixing(int(width))

    def _given(self, given: Entering) -> list[Any]:
        """Return what the operation is given."""
        sizes = given.sizes
        starts = [sizes.start(sizes.wide(self.width) * self.pairs) for _ in range(2)]
        return given.sequence(given.u, *starts, *given.weights[:_RAW])

    def run(self, given: Entering) -> tuple[Numbers, list[Numbers]]:
        """Return the outputs, and what the mixing keeps."""
        (y, *_), _ = self.operation.run(self._given(given), True)
        return self.mixing.run(given.sizes, y.reshape(-1), given.u, given.weights[_RAW:])

    def run_back(self, given: Entering, kept: Sequence[Numbers], d_y: Numbers) -> tuple[Numbers, list[Numbers]]:
        """Return the gradients."""
        sizes = given.sizes
        d_read, d_u, mixed = self.mixing.run_back(sizes, given.u, given.weights[_RAW:], kept, d_y)
        d_own, _, _, *raw = back_through(self.operation, [sizes.samples(d_read), None, None], self._given(given))
        add(d_own, d_u)
        return d_u, [*raw, *mixed]

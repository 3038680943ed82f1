"""GRU-D on arrays: the decays of all steps, then the GRU whose state they multiply.

Legend of shapes: S copies, B batch, T steps, I inputs, V measured variables, H hidden units.
"""

from collections.abc import Sequence
from typing import Any

from lnncmp.kernels.blocks.affine import Affine
from lnncmp.kernels.blocks.rows import Sizes, widened
from lnncmp.kernels.common.array_operation import GivenArrays, Numbers, Passes, find_passes
from lnncmp.kernels.common.features import gradients_of
from lnncmp.kernels.common.operation import DT, VALID, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.gru_d.decays import decay, decay_back, enter, enter_back


class GRUD(Passes):
    """Hidden states (S, B, T, H) of a GRU-D for x (S, B, T, I) and dt (S, B, T), from a state of 0.

    Settings: V and H. Weights: those of the inputs' decays (V,), two, unless V is 0; the matrix (H, V + 1) and the bias
    (H,) of the state's; those of the GRU.
    """

    outputs, data = 1, 3

    def __init__(self, settings: str) -> None:
        measured, width = settings.split()
        self.measured, self.width = int(measured), int(width)
        self.gru, self.map = find_passes("gated gru_d"), Affine(self.measured + 1, self.width)

    def _weights(self, given: GivenArrays) -> tuple[list[Numbers], list[Numbers], list[Numbers]]:
        """Return those of the inputs' decays, of the state's, and of the GRU."""
        own, at = list(given[self.data :]), 2 if self.measured else 0
        return own[:at] or [own[0][:0]] * 2, own[at : at + 2], own[at + 2 :]

    def _given(self, sizes: Sizes, given: GivenArrays, driven: Numbers, factors: Numbers) -> list[Any]:
        """Return what the GRU is given."""
        parts = sizes.samples(driven), given[DT], given[VALID], sizes.start(self.width), sizes.samples(factors)
        return [*parts, *self._weights(given)[2]]

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Compute the hidden states; see the class."""
        sizes, inputs = Sizes.of_inputs(given[X]), given[X].shape[-1]
        rows, (of_inputs, of_state, _) = sizes.copies * sizes.rows, self._weights(given)
        driven = empty((rows * (inputs - self.measured),), sizes.kind)
        elapsed = empty((rows * (self.measured + 1),), sizes.kind)
        size, x, dt = (sizes.rows, inputs, self.measured), given[X].reshape(-1), given[DT].reshape(-1)
        run_tiles(enter, sizes.tiles, size, x, dt, *of_inputs, driven, elapsed)
        elapsed = widened(sizes, elapsed, self.measured + 1)
        arguments, factors = self.map.run(sizes, elapsed, *of_state), empty((rows * self.width,), sizes.kind)
        run_tiles(decay, sizes.tiles, sizes.rows, self.width, sizes.wide(self.width), arguments, factors)
        (hidden, _), kept = self.gru.run(self._given(sizes, given, driven, factors), keep)
        return [hidden], [elapsed, driven, arguments, factors, *kept]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of the weights, none of x: training does not need it."""
        sizes, inputs = Sizes.of_inputs(given[X]), given[X].shape[-1]
        elapsed, driven, arguments, factors, *more = kept
        of_inputs, of_state, _ = self._weights(given)
        own = self._given(sizes, given, driven, factors)
        d_driven, _, _, _, d_factors, *of_gru = self.gru.run_back([*grads, None], own, more, self.measured > 0)
        d_arguments, wide = sizes.empty(self.width), sizes.wide(self.width)
        run_tiles(decay_back, sizes.tiles, sizes.rows, self.width, wide, arguments, factors, d_factors, d_arguments)
        _, *d_state = self.map.run_back(sizes, elapsed, of_state[0], d_arguments, wants_u=False)
        found = list[Any]([None, None, None])
        if self.measured:
            sums = empty((sizes.tiles * 2 * self.measured,), sizes.kind)
            size = sizes.rows, inputs, self.measured
            run_tiles(enter_back, sizes.tiles, size, given[X].reshape(-1), *of_inputs, d_driven, sums)
            found += gradients_of(of_inputs, sizes.copies, self.measured, sums)
        return [*found, *d_state, *of_gru]


PASSES = GRUD

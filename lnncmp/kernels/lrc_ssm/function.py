"""Fused LRC neurons as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, H neurons, N = H padded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lnncmp.errors import UsageError
from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.features import gradients_of, table_of
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import copied_or_zeros, copy, flat_or_zeros, zeros
from lnncmp.kernels.common.operation import VALID, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.lrc_ssm.neurons import WEIGHTS, Size, backward, forward

_ALL_REAL = np.empty(0, np.bool_)
_DT, _START, _G, _E = 1, 3, 4, 5
"""Places of the elapsed times, the start, the drives of g and the elastance; x is that of f."""


class LRCSequence(ArrayOperation):
    """States (B, T, H) and the final one (B, H) of LRC neurons for their drives (B, T, H) of f, dt, and a start.

    After the start come the drives of g and of the elastance, then the weights (H,): mu, sigma, w, h, e_leak, k and,
    for the symmetric elastance, the shift. Settings: the solver, `symmetric` or `asymmetric`, the longest step.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        solver, elastance, longest = settings.split()
        self.explicit, self.symmetric = solver == "explicit_euler", elastance == "symmetric"
        self.longest = float(longest)

    @property
    def data(self) -> int:
        """The drives have a row for each sample too."""
        return 6

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return those of the weights of the neurons."""
        return [(x[-1],)] * (WEIGHTS if self.symmetric else WEIGHTS - 1)

    def arrays(self, tensors: Given, stacked: bool) -> list[Any]:
        """Return the tensors as `run` takes them. Raises UsageError for drives of different shapes."""
        f, g, e = (present(tensors)[place] for place in (X, _G, _E))
        if not f.shape == g.shape == e.shape:
            raise UsageError(f"the drives of LRC neurons have shapes {[tuple(own.shape) for own in (f, g, e)]}")
        return super().arrays(tensors, stacked)

    def _prepare(self, given: GivenArrays) -> tuple[Size, int, Numbers, tuple[Numbers, ...]]:
        """Return the sizes, the number of tiles, the weights and the data of the kernels."""
        copies, batch, steps, width = given[X].shape
        wide = padded(width, given[X].dtype.itemsize == 4)
        weights = table_of(given[self.data :], copies, wide, WEIGHTS)
        real = _ALL_REAL if given[VALID] is None else flat(given[VALID])
        data = *(flat(given[place]) for place in (X, _G, _E, _DT)), real, flat(given[_START])
        size = copies, batch, steps, width, wide, self.explicit, self.symmetric
        return size, copies * -(-batch // TILE), weights, data

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class. The states are kept."""
        size, tiles, weights, data = self._prepare(given)
        hidden, final = (empty(given[place].shape, weights.dtype) for place in (X, _START))
        run_tiles(forward, tiles, size, self.longest, weights, data, flat(hidden), flat(final))
        path = empty((hidden.size if keep else 0,), weights.dtype)
        copy(flat(hidden), path)  # what is done to the outputs in place must not reach it
        return [hidden, final], [path]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of the drives, the start and the weights."""
        size, tiles, weights, data = self._prepare(given)
        copies, kind, length, wide = size[0], weights.dtype, given[X].size, size[4]
        d_hidden = flat_or_zeros(grads[0], length, kind)
        d_start = copied_or_zeros(grads[1], given[_START].size, kind)  # the kernel goes on with it
        d_f, d_g, d_e = (empty((length,), kind) for _ in range(3))
        sums = zeros(tiles * WEIGHTS * wide, kind)
        run_tiles(backward, tiles, size, self.longest, weights, data, kept[0], d_hidden, (d_f, d_g, d_e, d_start), sums)
        own = gradients_of(given[self.data :], copies, wide, sums, WEIGHTS)
        return [d_f, None, None, d_start, d_g, d_e, *own]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the states, and of those kept."""
        f, start = present((tensors[X], tensors[_START]))
        return [tuple(f.shape), tuple(start.shape)], [(f.numel() * keep,)]


OPERATION = LRCSequence

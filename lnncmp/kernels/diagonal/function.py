"""Fused diagonal state-space models as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, H features, N = H padded, P pairs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import flat_or_zeros
from lnncmp.kernels.common.operation import VALID, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.diagonal.backward import SUMS, backward
from lnncmp.kernels.diagonal.forward import forward
from lnncmp.kernels.diagonal.steps import KINDS, RULES, Size
from lnncmp.kernels.diagonal.weights import gradients, lay_out

_ALL_REAL = np.empty(0, np.bool_)
_DT, _START = 1, 3


class DiagonalSequence(ArrayOperation):
    """y = 2 Re(C x) (B, T, H) and the final x, two of (B, H P), for u (B, T, H), dt (B, T) and a start.

    Weights: log_step (H,), log_decay, frequency and the two parts of C (H, P); see lnncmp.layers.diagonal. Settings:
    the rule, the kind (`linear`: S4D; `liquid`, `bounded`: Liquid-S4), the least decay and the longest step.
    """

    states, outputs = 2, 3

    def __init__(self, settings: str) -> None:
        rule, kind, slowest, longest = settings.split()
        self.rule, self.kind, self.slowest, self.longest = RULES[rule], KINDS[kind], float(slowest), float(longest)

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return those of the raw parameters."""
        return [(x[-1],), *[(x[-1], states[0][-1] // x[-1])] * 4]

    def _prepare(self, given: GivenArrays) -> tuple[Size, int, tuple[Numbers, ...], tuple[Any, ...]]:
        """Return the sizes, the number of tiles, the weights and the data of the kernels."""
        u, start = given[X], given[_START : self.data]
        copies, batch, steps, features = u.shape
        wide, pairs = padded(features, u.dtype.itemsize == 4), start[0].shape[-1] // features
        weights = empty((copies * wide,), u.dtype), *(empty((copies * pairs * wide,), u.dtype) for _ in range(6))
        call(lay_out, copies, wide, pairs, self.slowest, tuple(given[self.data :]), weights)
        real = _ALL_REAL if given[VALID] is None else flat(given[VALID])
        data = flat(u), flat(given[_DT]), real, tuple(map(flat, start))
        size = copies, batch, steps, features, wide, pairs, self.rule, self.kind
        return size, copies * -(-batch // TILE), weights, data

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class. Nothing is kept."""
        size, tiles, weights, data = self._prepare(given)
        hidden, *final = (empty(given[place].shape, given[X].dtype) for place in (X, _START, _START + 1))
        run_tiles(forward, tiles, size, self.longest, weights, *data, flat(hidden), tuple(map(flat, final)))
        return [hidden, *final], []

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of u, the start and the weights."""
        size, tiles, weights, data = self._prepare(given)
        (copies, _, _, _, wide, pairs, rule, _), kind, length = size, given[X].dtype, given[_START].size
        d_hidden = flat_or_zeros(grads[0], given[X].size, kind)
        d_final = tuple(flat_or_zeros(grad, length, kind) for grad in grads[1:])
        d_u, d_start = empty((given[X].size,), kind), tuple(empty((length,), kind) for _ in range(2))
        sums = empty((tiles * SUMS * pairs * wide,), kind)
        run_tiles(backward, tiles, size, self.longest, weights, *data, d_hidden, d_final, d_u, d_start, sums)
        raw = tuple(given[self.data :])
        found = tuple(empty((own.size,), kind) for own in raw)
        call(gradients, copies, tiles // copies, wide, rule, self.slowest, raw, weights, sums, found)
        return [d_u, None, None, *d_start, *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of y and of the final states."""
        u, start = present((tensors[X], tensors[3]))
        return [tuple(u.shape), tuple(start.shape), tuple(start.shape)], []


OPERATION = DiagonalSequence

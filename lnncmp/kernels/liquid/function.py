"""The fused liquid layer as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H neurons.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import flat_or_zeros, joined, zeros
from lnncmp.kernels.common.operation import DT, VALID, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.liquid.backward import backward
from lnncmp.kernels.liquid.forward import forward
from lnncmp.kernels.liquid.weights import Size, finish, prepare, transpose

START = 3
"""Place of the state at the start among the tensors."""
_ALL_REAL = np.empty(0, np.bool_)


def _size(x: Tensor | Numbers, start: Tensor | Numbers, unfolds: int) -> Size:
    width = start.shape[-1]
    copies = x.shape[0] if x.ndim == 4 else 1
    return copies, *x.shape[-3:], width, padded(width, x.dtype.itemsize == 4), unfolds


def _parts(weights: GivenArrays) -> tuple[Any, ...]:
    """Return the arrays of rate, conductance, reversal; of the bias; of the recurrent and of the sensory synapses."""
    raw = tuple(weights)
    return raw[:3], raw[3], raw[4:6], raw[6:]


class LiquidSequence(ArrayOperation):
    """Potentials (B, T, H) and the final ones (B, H) of liquid neurons over x (B, T, I), from a start (B, H).

    Weights: raw rate, raw conductance, reversal, bias (H,), recurrent weights and their mask (H, H), sensory ones
    (I, H), input_w, input_b (I,). Settings: unfolds.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        self.unfolds = int(settings)

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the raw parameters and masks."""
        inputs, width = x[-1], states[0][-1]
        return [(width,)] * 4 + [(width, width)] * 2 + [(inputs, width)] * 2 + [(inputs,)] * 2

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class."""
        x, dt, valid, start = given[X], given[DT], given[VALID], given[START]
        size, kind = _size(x, start, self.unfolds), x.dtype
        copies, batch, steps, _, width, wide, unfolds = size
        acting = call(prepare, size, *_parts(given[self.data :]))
        real = _ALL_REAL if valid is None else flat(valid)
        hidden, final = empty((copies, batch, steps, width), kind), empty((copies, batch, width), kind)
        gates = empty((copies * batch * steps * unfolds * wide if keep else 0,), kind)
        data = flat(x), flat(dt), real, flat(start)
        run_tiles(forward, copies * -(-batch // TILE), size, *acting, *data, flat(hidden), flat(final), keep, gates)
        path = joined([flat(hidden)]) if keep else gates  # a copy: the outputs may be changed in place
        return [hidden, final], [gates, path]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, the start and the parameters."""
        x, dt, valid, start = given[X], given[DT], given[VALID], given[START]
        gates, hidden = kept
        size, kind = _size(x, start, self.unfolds), x.dtype
        copies, batch, inputs, width, wide = (size[k] for k in (0, 1, 3, 4, 5))
        raw, bias, recurrent, sensory = _parts(given[self.data :])
        neurons, acting, driving = call(prepare, size, raw, bias, recurrent, sensory)
        turned = call(transpose, copies, width, width, width, wide, wide, acting)
        across = padded(inputs, kind == np.float32) if wants_x else 0
        turned_driving = call(transpose, copies, inputs + 1, inputs if wants_x else 0, width, wide, across, driving)
        data = flat(x), flat(dt), _ALL_REAL if valid is None else flat(valid), flat(start), hidden, gates
        d = flat_or_zeros(grads[0], hidden.size, kind), flat_or_zeros(grads[1], start.size, kind)
        d_x, d_start = empty((x.size if wants_x else 0,), kind), empty((start.size,), kind)
        tiles = copies * -(-batch // TILE)
        of_recurrent, of_driving, of_neurons = (zeros(tiles * n * wide, kind) for n in (width, inputs + 1, 3))
        sums = of_recurrent, of_driving, of_neurons
        run_tiles(backward, tiles, size, neurons, (turned, turned_driving), data, *d, d_x, d_start, sums)
        found = iter(call(finish, size, raw[:2], neurons[1], recurrent[1], sensory, sums))
        weights = [None if own.dtype == np.bool_ else next(found) for own in given[self.data :]]
        return [d_x if wants_x else None, None, None, d_start, *weights]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the potentials, and of the gates and the potentials kept."""
        x, start = present((tensors[X], tensors[3]))
        size: Any = _size(x, start, self.unfolds)
        _, batch, steps, _, width, wide, unfolds = size
        y = batch, steps, width
        return [y, start.shape], [(batch * steps * unfolds * wide * keep,), (batch * steps * width * keep,)]


OPERATION = LiquidSequence

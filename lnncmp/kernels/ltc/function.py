"""The fused LTC as an operation of torch, for one network or for S copies at once.

It takes raw parameters, so that mapping them to positive values, picking the synapses that exist and the affine map
of the inputs are part of the kernel too: on small networks each call of torch costs more than the work.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, N neurons.
"""

from collections.abc import Sequence

import numpy as np
import torch

from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.moves import flat_or_zeros, zeros
from lnncmp.kernels.common.operation import DT, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.sample_lanes import Size, blocks_of, widest
from lnncmp.kernels.common.synapses import SUMS
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.ltc.backward import backward_double, backward_narrow, backward_wide
from lnncmp.kernels.ltc.forward import forward_double, forward_narrow, forward_wide, prepare
from lnncmp.kernels.ltc.gradients import finish, prepare_backward

V0 = 3
"""Place of the state at the start among the tensors."""
_FORWARD = forward_narrow, forward_wide, forward_double
_BACKWARD = backward_narrow, backward_wide, backward_double


class LTCSequence(ArrayOperation):
    """hidden (B, T, N) for x (B, T, I), dt (B, T), v0 (B, N) and the raw parameters of an LTC; dt is 0 at padding.

    Weights: cm, gleak, vleak (N,), input_w, input_b (I,), then mask, sigma, mu, w, erev of the sensory (I, N) and of
    the recurrent (N, N) synapses. Settings: unfolds, epsilon, and 1 for a softplus on cm, gleak and w, else 0.
    """

    states, outputs = 1, 1

    def __init__(self, settings: str) -> None:
        unfolds, epsilon, positive = settings.split()
        self.unfolds, self.epsilon, self.positive = int(unfolds), float(epsilon), positive == "1"

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the raw parameters and masks."""
        inputs, width = x[-1], states[0][-1]
        return [(width,)] * 3 + [(inputs,)] * 2 + [(inputs, width)] * 5 + [(width, width)] * 5

    def _size(self, x: Numbers, start: Numbers) -> Size:
        return x.shape[1], x.shape[2], x.shape[3], start.shape[-1], self.unfolds

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class. Kept are the path of the potentials and the ratios."""
        x, dt, start, raw = given[X], given[DT], given[V0], given[self.data :]
        size = batch, steps, inputs, width, unfolds = self._size(x, start)
        copies, kind = x.shape[0], x.dtype
        lanes, kernel = widest(batch, kind == np.float32, _FORWARD)
        tiles = copies * blocks_of(batch, lanes)
        neurons, mapping = tuple(raw[:3]), tuple(raw[3:5])
        capacitance, leak, sensed, listed = call(
            prepare, copies, inputs, width, self.positive, self.epsilon, neurons, tuple(raw[5:10]), tuple(raw[10:])
        )
        layer = tiles * width * lanes
        hidden = empty((copies, batch, steps, width), kind)
        path = empty((layer * (steps * unfolds + 1) if keep else 0,), kind)
        ratios = empty((layer * steps * unfolds if keep else 0,), kind)
        acting = capacitance, leak, neurons[2]
        data = flat(x), flat(dt), flat(start), acting, mapping, sensed, listed
        run_tiles(kernel, tiles, size, *data, flat(hidden), path, ratios)
        return [hidden], [path, ratios]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, v0 and the parameters."""
        x, dt, start, raw = given[X], given[DT], given[V0], given[self.data :]
        size = batch, steps, inputs, width, _ = self._size(x, start)
        copies, kind = x.shape[0], x.dtype
        lanes, kernel = widest(batch, kind == np.float32, _BACKWARD)
        blocks = blocks_of(batch, lanes)
        neurons, mapping = tuple(raw[:3]), tuple(raw[3:5])
        sensory, recurrent = tuple(raw[5:10]), tuple(raw[10:])
        capacitance, sensed, sensory_place, listed, place = call(
            prepare_backward, copies, inputs, width, self.positive, self.epsilon, neurons[0], recurrent, sensory
        )
        dx, dv0 = empty((x.size,), kind), empty((start.size,), kind)
        lengths = SUMS * sensory_place.size, SUMS * place.size, copies * (3 * width + 2 * inputs)
        sums = tuple(zeros(blocks * length, kind) for length in lengths)
        grad = flat_or_zeros(grads[0], copies * batch * steps * width, kind)
        data = flat(x), capacitance, flat(dt), mapping, sensed, listed, tuple(kept), grad, dx, dv0, sums
        run_tiles(kernel, copies * blocks, size, *data)
        parts = (4, inputs * width), (4, width * width), (3, width), (2, inputs)
        gradients = [zeros(many * copies * length, kind) for many, length in parts]
        call(
            finish, blocks, inputs, width, self.positive, neurons, sensory, sensed[0], sensory_place, recurrent,
            listed[0], place, sums, tuple(gradients),
        )  # fmt: skip
        of_sensory, of_recurrent, of_neurons, of_mapping = (
            own.reshape(many, -1) for own, (many, _) in zip(gradients, parts, strict=True)
        )
        return [dx, None, None, dv0, *of_neurons, *of_mapping, None, *of_sensory, None, *of_recurrent]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and of the path and ratios."""
        x, v0 = present((tensors[X], tensors[V0]))
        (batch, steps, _), width = x.shape, v0.shape[-1]
        lanes, _ = widest(batch, x.dtype == torch.float32, _FORWARD)
        layer = blocks_of(batch, lanes) * width * lanes * keep
        return [(batch, steps, width)], [(layer * (steps * self.unfolds + 1),), (layer * steps * self.unfolds,)]


OPERATION = LTCSequence

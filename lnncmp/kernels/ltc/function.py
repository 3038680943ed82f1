"""The fused LTC as an operation of torch, for one network or for S copies at once.

It takes raw parameters, so that mapping them to positive values, picking the synapses that exist and the affine map
of the inputs are part of the kernel too: on small networks each call of torch costs more than the work.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, N neurons.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.operation import DT, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.sample_lanes import Size, blocks_of, widest
from lnncmp.kernels.common.synapses import SUMS
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import (
    array,
    flat,
    numbers_of,
    numbers_or_zeros,
    present,
    tensor,
    weights_of,
)
from lnncmp.kernels.ltc.backward import backward_double, backward_narrow, backward_wide
from lnncmp.kernels.ltc.forward import forward_double, forward_narrow, forward_wide, prepare
from lnncmp.kernels.ltc.gradients import finish, prepare_backward

V0 = 3
"""Place of the state at the start among the tensors."""
_FORWARD = forward_narrow, forward_wide, forward_double
_BACKWARD = backward_narrow, backward_wide, backward_double


def _size(x: Array, v0: Array, unfolds: int) -> Size:
    return x.shape[1], x.shape[2], x.shape[3], v0.shape[-1], unfolds


class LTCSequence(Operation):
    """hidden (B, T, N) for x (B, T, I), dt (B, T), v0 (B, N) and the raw parameters of an LTC; dt is 0 at padding.

    Weights: cm, gleak, vleak (N,), input_w, input_b (I,), then mask, sigma, mu, w, erev of the sensory (I, N) and of
    the recurrent (N, N) synapses. Settings: unfolds, epsilon, and 1 for a softplus on cm, gleak and w, else 0.
    """

    states, outputs = 1, 1

    def __init__(self, settings: str) -> None:
        unfolds, epsilon, positive = settings.split()
        self.unfolds, self.epsilon, self.positive = int(unfolds), float(epsilon), positive == "1"

    def _arrays(self, tensors: Given, stacked: bool) -> tuple[Size, list[Array], list[Array]]:
        """Return the size, x, dt and v0 with an axis of copies, and the parameters' numbers."""
        x, dt, v0 = present((tensors[X], tensors[DT], tensors[V0]))
        inputs, width = x.shape[-1], v0.shape[-1]
        shapes = [(width,)] * 3 + [(inputs,)] * 2 + [(inputs, width)] * 5 + [(width, width)] * 5
        raw = weights_of(tensors[self.data :], shapes, x, stacked)
        xs, dts, start = (array(own, stacked) for own in (x, dt, v0))
        return _size(xs, start, self.unfolds), [xs, dts, start], raw

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class."""
        size, (xs, dts, start), raw = self._arrays(tensors, stacked)
        batch, steps, inputs, width, unfolds = size
        copies = xs.shape[0]
        lanes, run = widest(batch, xs.dtype == np.float32, _FORWARD)
        tiles = copies * blocks_of(batch, lanes)
        neurons, mapping = tuple(raw[:3]), tuple(raw[3:5])
        sensory, recurrent = tuple(raw[5:10]), tuple(raw[10:])
        capacitance, leak, sensed, listed = prepare(
            copies, inputs, width, self.positive, self.epsilon, neurons, sensory, recurrent
        )
        layer = tiles * width * lanes
        hidden = np.empty((copies, batch, steps, width), xs.dtype)
        path = empty((layer * (steps * unfolds + 1) if keep else 0,), xs.dtype)
        ratios = empty((layer * steps * unfolds if keep else 0,), xs.dtype)
        acting = capacitance, leak, neurons[2]
        data = flat(xs), flat(dts), flat(start), acting, mapping, sensed, listed
        run_tiles(run, tiles, size, *data, flat(hidden), path, ratios)
        return [tensor(hidden, stacked)], [torch.from_numpy(path), torch.from_numpy(ratios)]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of x, v0 and the parameters."""
        size, (xs, dts, start), raw = self._arrays(tensors, stacked)
        batch, steps, inputs, width, _ = size
        copies, kind = xs.shape[0], xs.dtype
        lanes, run = widest(batch, kind == np.float32, _BACKWARD)
        blocks = blocks_of(batch, lanes)
        neurons, mapping = tuple(raw[:3]), tuple(raw[3:5])
        sensory, recurrent = tuple(raw[5:10]), tuple(raw[10:])
        capacitance, sensed, sensory_place, listed, place = prepare_backward(
            copies, inputs, width, self.positive, self.epsilon, neurons[0], recurrent, sensory
        )
        dx, dv0 = np.empty_like(xs), np.empty_like(start)
        rest = copies * blocks * (3 * width + 2 * inputs)
        sums = (
            np.zeros(SUMS * blocks * sensory_place.size, kind),
            np.zeros(SUMS * blocks * place.size, kind),
            np.zeros(rest, kind),
        )
        path = tuple(numbers_of(own) for own in kept)
        grad = numbers_or_zeros(grads[0], copies * batch * steps * width, kind)
        given = flat(xs), capacitance, flat(dts), mapping, sensed, listed, path, grad, flat(dx), flat(dv0), sums
        run_tiles(run, copies * blocks, size, *given)
        shapes = ((4, copies, inputs, width), (4, copies, width, width), (3, copies, width), (2, copies, inputs))
        gradients = [np.zeros(shape, kind) for shape in shapes]
        views = tuple(flat(g) for g in gradients)
        finish(
            blocks, inputs, width, self.positive, neurons, sensory, sensed[0], sensory_place, recurrent, listed[0],
            place, sums, views,
        )  # fmt: skip
        of_sensory, of_recurrent, of_neurons, of_mapping = ([tensor(g, stacked) for g in group] for group in gradients)
        found = *of_neurons, *of_mapping, None, *of_sensory, None, *of_recurrent
        return [tensor(dx, stacked), None, None, tensor(dv0, stacked), *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and of the path and ratios."""
        x, v0 = present((tensors[X], tensors[V0]))
        (batch, steps, _), width = x.shape, v0.shape[-1]
        lanes, _ = widest(batch, x.dtype == torch.float32, _FORWARD)
        layer = blocks_of(batch, lanes) * width * lanes * keep
        return [(batch, steps, width)], [(layer * (steps * self.unfolds + 1),), (layer * steps * self.unfolds,)]


OPERATION = LTCSequence

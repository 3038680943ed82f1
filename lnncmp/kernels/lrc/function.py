"""The fused LRC as an operation of torch, for one network or for S copies at once; made like that of the LTC.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, N neurons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.compiling import Array, Arrays
from lnncmp.kernels.common.moves import flat_or_zeros, zeros
from lnncmp.kernels.common.operation import DT, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.sample_lanes import Size, blocks_of, widest
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.lrc.backward import NEURON_SUMS, backward_double, backward_narrow, backward_wide
from lnncmp.kernels.lrc.elastance import KINDS, NONE
from lnncmp.kernels.lrc.forward import forward_double, forward_narrow, forward_wide, prepare
from lnncmp.kernels.lrc.gradients import finish, prepare_backward
from lnncmp.kernels.lrc.synapses import SLOTS, SUMS

X0 = 3
"""Place of the state at the start among the tensors."""
_FORWARD = forward_narrow, forward_wide, forward_double
_BACKWARD = backward_narrow, backward_wide, backward_double
_KEPT = 3
"""Buffers beside the path."""


@dataclass(frozen=True)
class _Arrays:
    """The arrays of a call: x, dt, x0 with an axis of copies, raw parameters flat, empty where absent."""

    size: Size
    x: Array
    dt: Array
    x0: Array
    neurons: Arrays
    mapping: Arrays
    sensory: Arrays
    recurrent: Arrays

    @property
    def copies(self) -> int:
        return int(self.x.shape[0])


class LRCSequence(ArrayOperation):
    """hidden (B, T, N) for x (B, T, I), dt (B, T), x0 (B, N) and the raw parameters of an LRC; dt is 0 at padding.

    Weights: gleak, vleak (N,), b unless there is no elastance, c if it is symmetric, input_w, input_b (I,), then mask,
    sigma, mu, w, h, and a unless there is no elastance, of the sensory (I, N) and of the recurrent (N, N) synapses.
    Settings: kind of the elastance, solver, unfolds, and 1 for a softplus on gleak, w and c, else 0.
    """

    states, outputs = 1, 1

    def __init__(self, settings: str) -> None:
        kind, solver, unfolds, positive = settings.split()
        self.kind, self.solver = KINDS.index(kind), (KINDS.index(kind), solver == "hybrid")
        self.unfolds, self.positive = int(unfolds), positive == "1"

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the raw parameters and masks."""
        inputs, width = x[-1], states[0][-1]
        neurons, parts = self._counts()
        return [(width,)] * neurons + [(inputs,)] * 2 + [(inputs, width)] * parts + [(width, width)] * parts

    def _counts(self) -> tuple[int, int]:
        """Return how many parameters neurons have, b with an elastance, c with a symmetric one, and synapses."""
        return 2 + self.kind, 5 + (self.kind != NONE)

    def _arrays(self, given: GivenArrays) -> _Arrays:
        x, dt, start, raw = given[X], given[DT], given[X0], given[self.data :]
        of_neurons, parts = self._counts()
        nothing = np.empty(0, x.dtype)
        neurons, synapses = raw[:of_neurons], raw[of_neurons + 2 :]
        return _Arrays(
            (x.shape[1], x.shape[2], x.shape[3], start.shape[-1], self.unfolds),
            *(x, dt, start),
            tuple((*neurons, nothing, nothing)[:NEURON_SUMS]),
            tuple(raw[of_neurons : of_neurons + 2]),
            tuple((*synapses[:parts], nothing)[:6]),
            tuple((*synapses[parts:], nothing)[:6]),
        )

    def _prepared(self, given: _Arrays) -> tuple[Arrays, Arrays, Arrays]:
        _, _, inputs, width, _ = given.size
        parameters = given.neurons, given.sensory, given.recurrent
        found: tuple[Arrays, Arrays, Arrays] = call(prepare, given.copies, inputs, width, self.positive, *parameters)
        return found

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class."""
        own = self._arrays(given)
        batch, steps, _, width, unfolds = own.size
        kind, copies = own.x.dtype, own.copies
        lanes, kernel = widest(batch, kind == np.float32, _FORWARD)
        tiles = copies * blocks_of(batch, lanes)
        layer = tiles * width * lanes
        hidden = empty((copies, batch, steps, width), kind)
        path = empty((layer * (steps * unfolds + 1) if keep else 0,), kind)
        kept = tuple(empty((layer * steps * unfolds if keep else 0,), kind) for _ in range(_KEPT))
        data = flat(own.x), flat(own.dt), flat(own.x0)
        acting, sensed, wired = self._prepared(own)
        network = acting, own.mapping, sensed, wired
        run_tiles(kernel, tiles, own.size, self.solver, *data, *network, flat(hidden), path, kept)
        return [hidden], [path, *kept]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, x0 and the parameters."""
        own = self._arrays(given)
        batch, steps, inputs, width, _ = own.size
        copies, kind = own.copies, own.x.dtype
        lanes, kernel = widest(batch, kind == np.float32, _BACKWARD)
        blocks = blocks_of(batch, lanes)
        acting, _, _ = self._prepared(own)
        sensed, sensory_place, wired, place = call(
            prepare_backward, copies, inputs, width, self.positive, own.sensory, own.recurrent
        )
        dx, dx0 = empty((own.x.size,), kind), empty((own.x0.size,), kind)
        lengths = SUMS * sensory_place.size, SUMS * place.size, copies * (NEURON_SUMS * width + 2 * inputs)
        sums = tuple(zeros(blocks * length, kind) for length in lengths)
        path, *rest = kept
        grad = flat_or_zeros(grads[0], copies * batch * steps * width, kind)
        data = flat(own.x), flat(own.dt), acting, own.mapping, sensed, wired, path, tuple(rest), grad
        run_tiles(kernel, copies * blocks, own.size, self.solver, *data, dx, dx0, sums)
        shapes = (SLOTS, inputs * width), (SLOTS, width * width), (4, width), (2, inputs)
        gradients = [zeros(many * copies * length, kind) for many, length in shapes]
        call(
            finish, blocks, inputs, width, self.positive, own.neurons, own.sensory, sensed[0], sensory_place,
            own.recurrent, wired[0], place, sums, tuple(gradients),
        )  # fmt: skip
        of_sensory, of_recurrent, of_neurons, of_mapping = (
            own.reshape(many, -1) for own, (many, _) in zip(gradients, shapes, strict=True)
        )
        parts = SLOTS - (self.kind == NONE)
        found = *of_neurons[: 2 + self.kind], *of_mapping, None, *of_sensory[:parts], None, *of_recurrent[:parts]
        return [dx, None, None, dx0, *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and of the path and what else is kept."""
        x, x0 = present((tensors[X], tensors[X0]))
        (batch, steps, _), width = x.shape, x0.shape[-1]
        lanes, _ = widest(batch, x.dtype == torch.float32, _FORWARD)
        layer = blocks_of(batch, lanes) * width * lanes * keep
        path, rest = layer * (steps * self.unfolds + 1), layer * steps * self.unfolds
        return [(batch, steps, width)], [(path,), *[(rest,)] * _KEPT]


OPERATION = LRCSequence

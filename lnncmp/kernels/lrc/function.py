"""The fused LRC as an operation of torch, for one network or for S copies at once; made like that of the LTC.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, N neurons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.common.compiling import Array, Arrays
from lnncmp.kernels.common.operation import DT, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.sample_lanes import Size, blocks_of, widest
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import array, flat, numbers_of, numbers_or_zeros, present, tensor, weights_of
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
    """The tensors of a call as arrays: x, dt, x0 with an axis of copies, raw parameters flat, empty where absent."""

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


class LRCSequence(Operation):
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

    def _arrays(self, tensors: Given, stacked: bool) -> _Arrays:
        x, dt, x0 = present((tensors[X], tensors[DT], tensors[X0]))
        inputs, width = x.shape[-1], x0.shape[-1]
        of_neurons = 2 + self.kind  # b with an elastance, c with a symmetric one
        parts = 5 + (self.kind != NONE)
        shapes = [(width,)] * of_neurons + [(inputs,)] * 2 + [(inputs, width)] * parts + [(width, width)] * parts
        raw = weights_of(tensors[self.data :], shapes, x, stacked)
        nothing = np.empty(0, raw[0].dtype)
        neurons, synapses = raw[:of_neurons], raw[of_neurons + 2 :]
        xs, dts, start = (array(own, stacked) for own in (x, dt, x0))
        return _Arrays(
            (xs.shape[1], xs.shape[2], inputs, width, self.unfolds),
            *(xs, dts, start),
            tuple((*neurons, nothing, nothing)[:NEURON_SUMS]),
            tuple(raw[of_neurons : of_neurons + 2]),
            tuple((*synapses[:parts], nothing)[:6]),
            tuple((*synapses[parts:], nothing)[:6]),
        )

    def _prepared(self, given: _Arrays) -> tuple[Arrays, Arrays, Arrays]:
        _, _, inputs, width, _ = given.size
        parameters = given.neurons, given.sensory, given.recurrent
        found: tuple[Arrays, Arrays, Arrays] = prepare(given.copies, inputs, width, self.positive, *parameters)
        return found

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class."""
        given = self._arrays(tensors, stacked)
        batch, steps, _, width, unfolds = given.size
        kind, copies = given.x.dtype, given.copies
        lanes, run = widest(batch, kind == np.float32, _FORWARD)
        tiles = copies * blocks_of(batch, lanes)
        layer = tiles * width * lanes
        hidden = np.empty((copies, batch, steps, width), kind)
        path = empty((layer * (steps * unfolds + 1) if keep else 0,), kind)
        kept = tuple(empty((layer * steps * unfolds if keep else 0,), kind) for _ in range(_KEPT))
        data = flat(given.x), flat(given.dt), flat(given.x0)
        acting, sensed, wired = self._prepared(given)
        network = acting, given.mapping, sensed, wired
        run_tiles(run, tiles, given.size, self.solver, *data, *network, flat(hidden), path, kept)
        return [tensor(hidden, stacked)], [torch.from_numpy(own) for own in (path, *kept)]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of x, x0 and the parameters."""
        given = self._arrays(tensors, stacked)
        batch, steps, inputs, width, _ = given.size
        copies, kind = given.copies, given.x.dtype
        lanes, run = widest(batch, kind == np.float32, _BACKWARD)
        blocks = blocks_of(batch, lanes)
        acting, _, _ = self._prepared(given)
        sensed, sensory_place, wired, place = prepare_backward(
            copies, inputs, width, self.positive, given.sensory, given.recurrent
        )
        dx, dx0 = np.empty_like(given.x), np.empty_like(given.x0)
        lengths = SUMS * sensory_place.size, SUMS * place.size, copies * (NEURON_SUMS * width + 2 * inputs)
        sums = tuple(np.zeros(blocks * length, kind) for length in lengths)
        path, *rest = (numbers_of(own) for own in kept)
        grad = numbers_or_zeros(grads[0], copies * batch * steps * width, kind)
        data = flat(given.x), flat(given.dt), acting, given.mapping, sensed, wired, path, tuple(rest), grad
        run_tiles(run, copies * blocks, given.size, self.solver, *data, flat(dx), flat(dx0), sums)
        shapes = (SLOTS, copies, inputs, width), (SLOTS, copies, width, width), (4, copies, width), (2, copies, inputs)
        gradients = [np.zeros(shape, kind) for shape in shapes]
        finish(
            blocks, inputs, width, self.positive, given.neurons, given.sensory, sensed[0], sensory_place,
            given.recurrent, wired[0], place, sums, tuple(flat(g) for g in gradients),
        )  # fmt: skip
        of_sensory, of_recurrent, of_neurons, of_mapping = ([tensor(g, stacked) for g in group] for group in gradients)
        parts = SLOTS - (self.kind == NONE)
        found = *of_neurons[: 2 + self.kind], *of_mapping, None, *of_sensory[:parts], None, *of_recurrent[:parts]
        return [tensor(dx, stacked), None, None, tensor(dx0, stacked), *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and of the path and what else is kept."""
        x, x0 = present((tensors[X], tensors[X0]))
        (batch, steps, _), width = x.shape, x0.shape[-1]
        lanes, _ = widest(batch, x.dtype == torch.float32, _FORWARD)
        layer = blocks_of(batch, lanes) * width * lanes * keep
        path, rest = layer * (steps * self.unfolds + 1), layer * steps * self.unfolds
        return [(batch, steps, width)], [(path,), *[(rest,)] * _KEPT]


OPERATION = LRCSequence

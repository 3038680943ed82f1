"""The fused liquid layer as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H neurons.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.operation import VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import TILE
from lnncmp.kernels.common.torch_arrays import numbers_of, numbers_or_zeros, present, weights_of
from lnncmp.kernels.liquid.backward import backward
from lnncmp.kernels.liquid.forward import forward
from lnncmp.kernels.liquid.weights import Size, finish, prepare, transpose

_ALL_REAL = np.empty(0, np.bool_)


def _size(x: Tensor, start: Tensor, unfolds: int) -> Size:
    width = start.shape[-1]
    copies = x.shape[0] if x.ndim == 4 else 1
    return copies, *x.shape[-3:], width, padded(width, x.dtype == torch.float32), unfolds


def _weights(tensors: Given, stacked: bool) -> tuple[Any, ...]:
    """Return the arrays of rate, conductance, reversal; of the bias; of the recurrent and of the sensory synapses."""
    x, start, *weights = present((tensors[X], *tensors[3:]))
    inputs, width = x.shape[-1], start.shape[-1]
    shapes = [(width,)] * 4 + [(width, width)] * 2 + [(inputs, width)] * 2 + [(inputs,)] * 2
    raw = tuple(weights_of(weights, shapes, x, stacked))
    return raw[:3], raw[3], raw[4:6], raw[6:]


class LiquidSequence(Operation):
    """Potentials (B, T, H) and the final ones (B, H) of liquid neurons over x (B, T, I), from a start (B, H).

    Weights: raw rate, raw conductance, reversal, bias (H,), recurrent weights and their mask (H, H), sensory ones
    (I, H), input_w, input_b (I,). Settings: unfolds.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        self.unfolds = int(settings)

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class."""
        x, dt, start = present((*tensors[:2], tensors[3]))
        valid, size = tensors[VALID], _size(x, start, self.unfolds)
        copies, batch, steps, _, width, wide, unfolds = size
        acting = prepare(size, *_weights(tensors, stacked))
        real = _ALL_REAL if valid is None else numbers_of(valid)
        xs = numbers_of(x)
        hidden, final = np.empty(copies * batch * steps * width, xs.dtype), np.empty(copies * batch * width, xs.dtype)
        gates = np.empty(copies * batch * steps * unfolds * wide if keep else 0, xs.dtype)
        data = xs, numbers_of(dt), real, numbers_of(start)
        run_tiles(forward, copies * -(-batch // TILE), size, *acting, *data, hidden, final, keep, gates)
        y, end = torch.from_numpy(hidden).view(*x.shape[:-1], width), torch.from_numpy(final).view(start.shape)
        path = hidden.copy() if keep else hidden[:0]  # a copy: what is done to the outputs in place must not reach it
        return [y, end], [torch.from_numpy(gates), torch.from_numpy(path)]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of x, the start and the parameters."""
        x, dt, start, *parameters = present((*tensors[:2], *tensors[3:]))
        gates, hidden = kept
        size = _size(x, start, self.unfolds)
        copies, batch, inputs, width, wide = (size[k] for k in (0, 1, 3, 4, 5))
        raw, bias, recurrent, sensory = _weights(tensors, stacked)
        neurons, acting, driving = prepare(size, raw, bias, recurrent, sensory)
        kind, of_x = bias.dtype, needs[X]
        turned = transpose(copies, width, width, width, wide, wide, acting)
        across = padded(inputs, kind == np.float32) if of_x else 0
        turned_driving = transpose(copies, inputs + 1, inputs if of_x else 0, width, wide, across, driving)
        data = tuple(
            numbers_of(t) if t is not None else _ALL_REAL for t in (x, dt, tensors[VALID], start, hidden, gates)
        )
        d = numbers_or_zeros(grads[0], hidden.numel(), kind), numbers_or_zeros(grads[1], start.numel(), kind)
        d_x, d_start = np.empty(x.numel() if of_x else 0, kind), np.empty(start.numel(), kind)
        tiles = copies * -(-batch // TILE)
        of_recurrent, of_driving, of_neurons = (np.zeros(tiles * n * wide, kind) for n in (width, inputs + 1, 3))
        sums = of_recurrent, of_driving, of_neurons
        run_tiles(backward, tiles, size, neurons, (turned, turned_driving), data, *d, d_x, d_start, sums)
        found = _gradients(parameters, finish(size, raw[:2], neurons[1], recurrent[1], sensory, sums))
        of_inputs = torch.from_numpy(d_x).view(x.shape) if of_x else None
        return [of_inputs, None, None, torch.from_numpy(d_start).view(start.shape), *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the potentials, and of the gates and the potentials kept."""
        x, start = present((tensors[X], tensors[3]))
        size: Any = _size(x, start, self.unfolds)
        _, batch, steps, _, width, wide, unfolds = size
        y = batch, steps, width
        return [y, start.shape], [(batch * steps * unfolds * wide * keep,), (batch * steps * width * keep,)]


def _gradients(parameters: list[Tensor], found: tuple[Array, ...]) -> list[Tensor | None]:
    """Return the gradients in the shapes and order of the parameters, None for masks."""
    rest = iter(found)
    return [None if p.dtype == torch.bool else torch.from_numpy(next(rest)).view(p.shape) for p in parameters]


OPERATION = LiquidSequence

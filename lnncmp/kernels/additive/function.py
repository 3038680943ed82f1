"""Fused additive networks as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H hidden units.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.additive.backward import backward
from lnncmp.kernels.additive.forward import forward
from lnncmp.kernels.additive.stages import MIN_RATE, STAGES
from lnncmp.kernels.additive.weights import Size, finish, prepare
from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.operation import VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import TILE
from lnncmp.kernels.common.torch_arrays import numbers_of, numbers_or_zeros, present, weights_of
from lnncmp.kernels.gated.gates import pack_transposed

_ALL_REAL = np.empty(0, np.bool_)


class AdditiveSequence(Operation):
    """Hidden states (B, T, H) and the final ones (B, H) of an additive network over x (B, T, I), from a start (B, H).

    The second tensor has the lengths of solver steps. Weights: W (H, I), b (H,), U (H, H), c (H,), r (H,). Settings:
    solver steps of an observation, solver, longest step times r, bound of the state.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        unfolds, solver, limit, clip = settings.split()
        self.unfolds, self.limit, self.clip = int(unfolds), float(limit), float(clip)
        self.stages = STAGES[solver]

    def _size(self, x: Tensor, start: Tensor) -> Size:
        width, copies = start.shape[-1], x.shape[0] if x.ndim == 4 else 1
        wide = padded(width, x.dtype == torch.float32)
        return copies, *x.shape[-3:], width, wide, self.unfolds, len(self.stages[0])

    def _weights(self, tensors: Given, stacked: bool) -> list[Array]:
        x, start, *weights = present((tensors[X], *tensors[3:]))
        inputs, width = x.shape[-1], start.shape[-1]
        return weights_of(weights, [(width, inputs), (width,), (width, width), (width,), (width,)], x, stacked)

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class."""
        x, dt, start = present((*tensors[:2], tensors[3]))
        valid, size = tensors[VALID], self._size(x, start)
        units, *weights = prepare(size, self.limit, MIN_RATE, *self._weights(tensors, stacked))
        xs = numbers_of(x)
        hidden, final = np.empty(start.numel() * size[2], xs.dtype), np.empty(start.numel(), xs.dtype)
        f = np.empty(math.prod(size[k] for k in (0, 1, 2, 5, 6, 7)) * keep, xs.dtype)
        data = xs, numbers_of(dt), _ALL_REAL if valid is None else numbers_of(valid), numbers_of(start)
        table = np.array(self.stages, xs.dtype).ravel()
        tiles = size[0] * -(-size[1] // TILE)
        run_tiles(forward, tiles, size, self.clip, table, units, tuple(weights), data, hidden, final, keep, f)
        y, end = torch.from_numpy(hidden).view(*x.shape[:-1], size[4]), torch.from_numpy(final).view(start.shape)
        path = hidden.copy() if keep else hidden[:0]  # a copy: what is done to the outputs in place must not reach it
        return [y, end], [torch.from_numpy(f), torch.from_numpy(path)]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of x, the start and the weights."""
        x, dt, start, *parameters = present((*tensors[:2], *tensors[3:]))
        f, hidden = kept
        size, of_x = self._size(x, start), needs[X]
        copies, batch, _, inputs, width, wide, _, _ = size
        raw = self._weights(tensors, stacked)
        units, *_ = prepare(size, self.limit, MIN_RATE, *raw)
        kind = raw[0].dtype
        turned = pack_transposed(copies, 1, width, wide, width, wide, raw[2])
        across = padded(inputs, kind == np.float32) if of_x else 0
        turned_driving = pack_transposed(copies, 1, width, wide, inputs if of_x else 0, across, raw[0])
        given = x, dt, tensors[VALID], start, hidden, f
        data = tuple(_ALL_REAL if own is None else numbers_of(own) for own in given)
        d = numbers_or_zeros(grads[0], hidden.numel(), kind), numbers_or_zeros(grads[1], start.numel(), kind)
        d_x, d_start = np.empty(x.numel() if of_x else 0, kind), np.empty(start.numel(), kind)
        tiles = copies * -(-batch // TILE)
        u, e, own = (np.zeros(tiles * rows * wide, kind) for rows in (width, inputs + 1, 2))
        sums = u, e, own
        clip = self.clip, float(np.nextafter(kind.type(self.clip), kind.type(0))) if self.clip < math.inf else math.inf
        weights, table = (turned, turned_driving), np.array(self.stages, kind).ravel()
        run_tiles(backward, tiles, size, clip, table, units, weights, data, *d, d_x, d_start, sums)
        found = [torch.from_numpy(own) for own in (d_start, *finish(size, sums))]
        of_rest = [own.view(like.shape) for own, like in zip(found, (start, *parameters), strict=True)]
        return [torch.from_numpy(d_x).view(x.shape) if of_x else None, None, None, *of_rest]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the states, and of f and the hidden states kept."""
        x, start = present((tensors[X], tensors[3]))
        _, batch, steps, _, width, wide, unfolds, stages = self._size(x, start)
        kept = batch * steps * unfolds * stages * wide * keep, batch * steps * width * keep
        return [(batch, steps, width), start.shape], [(length,) for length in kept]


OPERATION = AdditiveSequence

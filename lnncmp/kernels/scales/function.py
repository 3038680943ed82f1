"""The fused CT-GRU as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H hidden units, M scales.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.operation import DT, VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import TILE
from lnncmp.kernels.common.torch_arrays import numbers_of, numbers_or_zeros, present, weights_of
from lnncmp.kernels.gated.gates import Size, pack, pack_transposed, unpack
from lnncmp.kernels.scales.backward import backward
from lnncmp.kernels.scales.forward import forward
from lnncmp.kernels.scales.table import decay_rates, log_scales

_ALL_REAL = np.empty(0, np.bool_)


class ScalesSequence(Operation):
    """Hidden states (B, T, H) and the final traces (B, M H) of a CT-GRU over x (B, T, I), from traces (B, M H).

    Weights of all gates, R and S scale by scale, then Q: ((2 M + 1) H, I), ((2 M + 1) H, H), ((2 M + 1) H,). Settings:
    M, and whether the decay is that of the published code.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        scales, coded = (int(number) for number in settings.split())
        self.scales, self.gates = scales, 2 * scales + 1
        self.table = log_scales(scales), decay_rates(scales, bool(coded))

    def _size(self, x: Tensor, start: Tensor) -> Size:
        width = start.shape[-1] // self.scales
        copies = x.shape[0] if x.ndim == 4 else 1
        return copies, *x.shape[-3:], width, padded(width, x.dtype == torch.float32)

    def _weights(self, tensors: Given, stacked: bool) -> list[Array]:
        x, start, *weights = present((tensors[X], *tensors[3:]))
        width = start.shape[-1] // self.scales
        rows = self.gates * width
        return weights_of(weights, [(rows, x.shape[-1]), (rows, width), (rows,)], x, stacked)

    def _table(self, like: Array) -> tuple[Array, Array]:
        logs, rates = (np.array(numbers, like.dtype) for numbers in self.table)
        return logs, rates

    def _kept(self, size: Size, keep: bool) -> list[int]:
        copies, batch, steps, inputs, _, wide = size
        rows, before, traces = copies * batch * steps, copies * batch, self.scales * wide
        kept = (rows + before) * (inputs + 2 + wide), rows * self.gates * wide, rows * wide, (rows + before) * traces
        return [length * keep for length in kept]

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class."""
        x, dt, start = present((*tensors[:2], tensors[3]))
        valid, size = tensors[VALID], self._size(x, start)
        copies, batch, steps, _, width, _ = size
        w_ih, w_hh, bias = self._weights(tensors, stacked)
        packed = pack(size, self.gates, w_ih, w_hh, bias, np.zeros_like(bias))
        data = numbers_of(x), numbers_of(dt), _ALL_REAL if valid is None else numbers_of(valid), numbers_of(start)
        hidden, last = np.empty(copies * batch * steps * width, bias.dtype), np.empty(start.numel(), bias.dtype)
        kept = tuple(np.empty(length, bias.dtype) for length in self._kept(size, keep))
        tiles = copies * -(-batch // TILE)
        run_tiles(forward, tiles, size, self._table(bias), packed, data, hidden, last, keep, kept)
        y, end = torch.from_numpy(hidden).view(*x.shape[:-1], width), torch.from_numpy(last).view(start.shape)
        return [y, end], [torch.from_numpy(own) for own in kept]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of x, the start and the weights."""
        x, start, *weights = present((tensors[X], *tensors[3:]))
        size, of_x = self._size(x, start), needs[X]
        copies, batch, steps, inputs, width, wide = size
        w_ih, w_hh, bias = self._weights(tensors, stacked)
        kind = bias.dtype
        across = padded(inputs, kind == np.float32)
        recurrent = pack_transposed(copies, self.gates, width, wide, width, wide, w_hh)
        driving = pack_transposed(copies if of_x else 0, self.gates, width, wide, inputs, across, w_ih)
        d = (
            numbers_or_zeros(grads[0], copies * batch * steps * width, kind),
            numbers_or_zeros(grads[1], start.numel(), kind),
        )
        d_x, d_start = np.empty(x.numel() if of_x else 0, kind), np.empty(start.numel(), kind)
        tiles = copies * -(-batch // TILE)
        summed = np.zeros(tiles * (inputs + 2 + width) * self.gates * wide, kind)
        dt, *real = (numbers_of(own) for own in (tensors[DT], tensors[VALID]) if own is not None)
        given = dt, real[0] if real else _ALL_REAL, (recurrent, driving), tuple(numbers_of(own) for own in kept)
        run_tiles(backward, tiles, size, self._table(bias), across, *given, *d, d_x, d_start, summed)
        found = (d_start, *unpack(size, self.gates, summed)[:3])
        rest = [torch.from_numpy(own).view(like.shape) for own, like in zip(found, (start, *weights), strict=True)]
        return [torch.from_numpy(d_x).view(x.shape) if of_x else None, None, None, *rest]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden states and final traces, and of the buffers."""
        x, start = present((tensors[X], tensors[3]))
        size = self._size(x, start)
        return [(*x.shape[:-1], size[4]), start.shape], [(length,) for length in self._kept(size, keep)]


OPERATION = ScalesSequence

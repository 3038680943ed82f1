"""The fused CT-GRU as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H hidden units, M scales.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import flat_or_zeros, zeros
from lnncmp.kernels.common.operation import Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.gated.gates import Size, pack, pack_transposed, unpack
from lnncmp.kernels.scales.backward import backward
from lnncmp.kernels.scales.forward import forward
from lnncmp.kernels.scales.table import decay_rates, log_scales

START = 3
"""Place of the traces at the start among the tensors."""
_ALL_REAL = np.empty(0, np.bool_)


class ScalesSequence(ArrayOperation):
    """Hidden states (B, T, H) and the final traces (B, M H) of a CT-GRU over x (B, T, I), from traces (B, M H).

    Weights of all gates, R and S scale by scale, then Q: ((2 M + 1) H, I), ((2 M + 1) H, H), ((2 M + 1) H,). Settings:
    M, whether the decay is that of the published code, and whether every elapsed time counts as 1.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        scales, coded, fixed = (int(number) for number in settings.split())
        self.fixed = bool(fixed)
        self.scales, self.gates = scales, 2 * scales + 1
        self.table = log_scales(scales), decay_rates(scales, bool(coded))

    def _size(self, x: Tensor | Numbers, start: Tensor | Numbers) -> Size:
        width = start.shape[-1] // self.scales
        copies = x.shape[0] if x.ndim == 4 else 1
        return copies, *x.shape[-3:], width, padded(width, x.dtype.itemsize == 4)

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the weights of all gates."""
        width = states[0][-1] // self.scales
        rows = self.gates * width
        return [(rows, x[-1]), (rows, width), (rows,)]

    def _table(self, like: Array) -> tuple[Array, Array]:
        logs, rates = (np.array(numbers, like.dtype) for numbers in self.table)
        return logs, rates

    def _elapsed(self, dt: Numbers) -> Numbers:
        return np.ones(dt.size, dt.dtype) if self.fixed else flat(dt)

    def _kept(self, size: Size, keep: bool) -> list[int]:
        copies, batch, steps, inputs, _, wide = size
        rows, before, traces = copies * batch * steps, copies * batch, self.scales * wide
        kept = (rows + before) * (inputs + 2 + wide), rows * self.gates * wide, rows * wide, (rows + before) * traces
        return [length * keep for length in kept]

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class."""
        x, dt, valid, start, w_ih, w_hh, bias = given
        size, kind = self._size(x, start), x.dtype
        copies, batch, steps, _, width, _ = size
        packed = call(pack, size, self.gates, w_ih, w_hh, bias, np.zeros_like(bias))
        data = flat(x), self._elapsed(dt), _ALL_REAL if valid is None else flat(valid), flat(start)
        hidden, last = empty((copies, batch, steps, width), kind), empty(start.shape, kind)
        kept = tuple(empty((length,), kind) for length in self._kept(size, keep))
        tiles = copies * -(-batch // TILE)
        run_tiles(forward, tiles, size, self._table(bias), packed, data, flat(hidden), flat(last), keep, kept)
        return [hidden, last], list(kept)

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, the start and the weights."""
        x, dt, valid, start, w_ih, w_hh, bias = given
        size, kind = self._size(x, start), x.dtype
        copies, batch, steps, inputs, width, wide = size
        across = padded(inputs, kind == np.float32)
        recurrent = call(pack_transposed, copies, self.gates, width, wide, width, wide, w_hh)
        driving = call(pack_transposed, copies if wants_x else 0, self.gates, width, wide, inputs, across, w_ih)
        d = flat_or_zeros(grads[0], copies * batch * steps * width, kind), flat_or_zeros(grads[1], start.size, kind)
        d_x, d_start = empty((x.size if wants_x else 0,), kind), empty((start.size,), kind)
        tiles = copies * -(-batch // TILE)
        summed = zeros(tiles * (inputs + 2 + width) * self.gates * wide, kind)
        data = self._elapsed(dt), _ALL_REAL if valid is None else flat(valid), (recurrent, driving), tuple(kept)
        run_tiles(backward, tiles, size, self._table(bias), across, *data, *d, d_x, d_start, summed)
        return [d_x if wants_x else None, None, None, d_start, *call(unpack, size, self.gates, summed)[:3]]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden states and final traces, and of the buffers."""
        x, start = present((tensors[X], tensors[3]))
        size = self._size(x, start)
        return [(*x.shape[:-1], size[4]), start.shape], [(length,) for length in self._kept(size, keep)]


OPERATION = ScalesSequence

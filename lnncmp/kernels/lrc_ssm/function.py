"""Fused LRC neurons as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, H neurons, N = H padded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lnncmp.errors import UsageError
from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.operation import VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import numbers_of, numbers_or_zeros, present, weights_of
from lnncmp.kernels.lrc_ssm.neurons import WEIGHTS, Size, backward, forward

_ALL_REAL = np.empty(0, np.bool_)
_G, _E = 4, 5
"""Places of the drives of g and the elastance; x is that of f, and the state is between."""


class LRCSequence(Operation):
    """States (B, T, H) and the final one (B, H) of LRC neurons for their drives (B, T, H) of f, dt, and a start.

    After the start come the drives of g and of the elastance, then the weights (H,): mu, sigma, w, h, e_leak, k and,
    for the symmetric elastance, the shift. Settings: the solver, `symmetric` or `asymmetric`, the longest step.
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        solver, elastance, longest = settings.split()
        self.explicit, self.symmetric = solver == "explicit_euler", elastance == "symmetric"
        self.longest = float(longest)

    @property
    def data(self) -> int:
        """The drives have a row for each sample too."""
        return 6

    def _prepare(self, tensors: Given, stacked: bool) -> tuple[Size, Array, tuple[Array, ...]]:
        """Return the sizes, the weights and the data of the kernels. Raises UsageError for other shapes."""
        f, dt, start, g, e = present([tensors[place] for place in (X, 1, 3, _G, _E)])
        if not f.shape == g.shape == e.shape:
            raise UsageError(f"the drives of LRC neurons have shapes {[tuple(own.shape) for own in (f, g, e)]}")
        width, copies = f.shape[-1], f.shape[0] if stacked else 1
        wide, count = padded(width, f.dtype == torch.float32), WEIGHTS if self.symmetric else WEIGHTS - 1
        own = weights_of(tensors[self.data :], [(width,)] * count, f, stacked)
        weights = np.zeros((copies, WEIGHTS, wide), own[0].dtype)
        for place, weight in enumerate(own):
            weights[:, place, :width] = weight.reshape(copies, width)
        size = copies, *f.shape[-3:], wide, self.explicit, self.symmetric
        valid = tensors[VALID]
        real = _ALL_REAL if valid is None else numbers_of(valid)
        data = numbers_of(f), numbers_of(g), numbers_of(e), numbers_of(dt), real, numbers_of(start)
        return size, weights.reshape(-1), data

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class. The states are kept."""
        size, weights, data = self._prepare(tensors, stacked)
        f, start = present((tensors[X], tensors[3]))
        hidden, final = np.empty(f.numel(), weights.dtype), np.empty(start.numel(), weights.dtype)
        run_tiles(forward, size[0] * -(-size[1] // TILE), size, self.longest, weights, data, hidden, final)
        path = hidden.copy() if keep else hidden[:0]  # a copy: what is done to the outputs in place must not reach it
        ends = torch.from_numpy(hidden).view(f.shape), torch.from_numpy(final).view(start.shape)
        return list(ends), [torch.from_numpy(path)]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of the drives, the start and the weights."""
        size, weights, data = self._prepare(tensors, stacked)
        f, start = present((tensors[X], tensors[3]))
        copies, batch, _, width, wide, *_ = size
        kind, blocks = weights.dtype, -(-batch // TILE)
        d_hidden = numbers_or_zeros(grads[0], f.numel(), kind)
        d_start = numbers_or_zeros(grads[1], start.numel(), kind).copy()  # the kernel goes on with it
        d_data = *(np.empty(f.numel(), kind) for _ in range(3)), d_start
        sums = np.zeros((copies, blocks, WEIGHTS, wide), kind)
        path = numbers_of(kept[0])
        given = weights, data, path, d_hidden, d_data, sums.reshape(-1)
        run_tiles(backward, copies * blocks, size, self.longest, *given)
        total = np.zeros((copies, WEIGHTS, width), kind)
        for block in range(blocks):
            total += sums[:, block, :, :width]
        d_f, d_g, d_e, _ = d_data
        found: list[Any] = [d_f, None, None, d_start, d_g, d_e, *np.ascontiguousarray(total.swapaxes(0, 1))]
        return [
            None if own is None else torch.from_numpy(own).view(present([tensor])[0].shape)
            for own, tensor in zip(found[: len(tensors)], tensors, strict=True)
        ]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the states, and of those kept."""
        f, start = present((tensors[X], tensors[3]))
        return [tuple(f.shape), tuple(start.shape)], [(f.numel() * keep,)]


OPERATION = LRCSequence

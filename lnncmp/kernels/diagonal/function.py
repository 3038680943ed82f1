"""Fused diagonal state-space models as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, H features, N = H padded, P pairs.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.operation import VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import numbers_of, numbers_or_zeros, present, weights_of
from lnncmp.kernels.diagonal.backward import SUMS, backward
from lnncmp.kernels.diagonal.forward import forward
from lnncmp.kernels.diagonal.steps import KINDS, RULES, ZOH, Size

_ALL_REAL = np.empty(0, np.bool_)


class DiagonalSequence(Operation):
    """y = 2 Re(C x) (B, T, H) and the final x, two of (B, H P), for u (B, T, H), dt (B, T) and a start.

    Weights: log_step (H,), log_decay, frequency and the two parts of C (H, P); see lnncmp.layers.diagonal. Settings:
    the rule, the kind (`linear`: S4D; `liquid`, `bounded`: Liquid-S4), the least decay and the longest step.
    """

    states, outputs = 2, 3

    def __init__(self, settings: str) -> None:
        rule, kind, slowest, longest = settings.split()
        self.rule, self.kind, self.slowest, self.longest = RULES[rule], KINDS[kind], float(slowest), float(longest)

    def _size(self, u: Tensor, start: Tensor) -> Size:
        features = u.shape[-1]
        copies = u.shape[0] if u.ndim == 4 else 1
        wide = padded(features, u.dtype == torch.float32)
        return copies, *u.shape[-3:], wide, start.shape[-1] // features, self.rule, self.kind

    def _weights(self, size: Size, tensors: Given, stacked: bool) -> tuple[list[Array], tuple[Array, ...]]:
        """Return the raw weights, shaped (S, ...), and those of the kernels; see steps.Weights.

        Raises UsageError for other shapes or types than they must have.
        """
        copies, _, _, features, wide, pairs, _, _ = size
        shapes = [(features,), *[(features, pairs)] * 4]
        flat = weights_of(tensors[self.data :], shapes, present(tensors)[X], stacked)
        raw = [own.reshape(copies, *shape) for own, shape in zip(flat, shapes, strict=True)]
        kind = raw[0].dtype
        step = np.zeros((copies, wide), kind)
        step[:, :features] = np.exp(raw[0])
        decay, frequency = np.maximum(np.exp(raw[1]), kind.type(self.slowest)), raw[2]
        with np.errstate(over="ignore"):
            over = decay * decay + frequency * frequency
        parts = [np.zeros((copies, pairs, wide), kind) for _ in range(6)]
        for part, own in zip(parts, (decay, frequency, -decay / over, -frequency / over, *raw[3:]), strict=True):
            part[..., :features] = own.transpose(0, 2, 1)
        return raw, (step.reshape(-1), *(part.reshape(-1) for part in parts))

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class. Nothing is kept."""
        u, dt, *start = present((*tensors[:2], *tensors[3 : self.data]))
        size, valid = self._size(u, start[0]), tensors[VALID]
        _, weights = self._weights(size, tensors, stacked)
        us, real = numbers_of(u), _ALL_REAL if valid is None else numbers_of(valid)
        hidden = np.empty(u.numel(), us.dtype)
        final = tuple(np.empty(own.numel(), us.dtype) for own in start)
        given = us, numbers_of(dt), real, tuple(numbers_of(own) for own in start), hidden, final
        run_tiles(forward, size[0] * -(-size[1] // TILE), size, self.longest, weights, *given)
        ends = [torch.from_numpy(end).view(start[0].shape) for end in final]
        return [torch.from_numpy(hidden).view(u.shape), *ends], []

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of u, the start and the weights."""
        u, dt, *start = present((*tensors[:2], *tensors[3 : self.data]))
        size, valid = self._size(u, start[0]), tensors[VALID]
        raw, weights = self._weights(size, tensors, stacked)
        us, real = numbers_of(u), _ALL_REAL if valid is None else numbers_of(valid)
        kind, blocks = us.dtype, -(-size[1] // TILE)
        d_hidden = numbers_or_zeros(grads[0], u.numel(), kind)
        d_final = tuple(numbers_or_zeros(grad, start[0].numel(), kind) for grad in grads[1:])
        d_u, d_start = np.empty(u.numel(), kind), tuple(np.empty(own.numel(), kind) for own in start)
        sums = np.empty((size[0], blocks, SUMS, size[5], size[4]), kind)
        data = us, numbers_of(dt), real, tuple(numbers_of(own) for own in start)
        given = *data, d_hidden, d_final, d_u, d_start, sums.reshape(-1)
        run_tiles(backward, size[0] * blocks, size, self.longest, weights, *given)
        found = [d_u, None, None, *d_start, *self._finish(size, raw, sums)]
        return [
            None if own is None else torch.from_numpy(np.ascontiguousarray(own)).view(present([tensor])[0].shape)
            for own, tensor in zip(found, tensors, strict=True)
        ]

    def _finish(self, size: Size, raw: list[Array], sums: Array) -> list[Array]:
        """Return the gradients of the weights from the sums (S, blocks, 7, P, N); see backward for S1 and S2."""
        copies, _, _, features, _, pairs, _, _ = size
        total = np.zeros((copies, SUMS, pairs, features), sums.dtype)
        for block in range(sums.shape[1]):
            total += sums[:, block, :, :, :features]
        s1_re, s1_im, s2_re, s2_im, c_re, c_im, of_bound = total.transpose(1, 0, 3, 2)
        own_decay = np.exp(raw[1])
        decay, frequency = np.maximum(own_decay, own_decay.dtype.type(self.slowest)), raw[2]
        of_step = frequency * s1_im - decay * s1_re
        of_re, of_im = s1_re, s1_im
        if self.rule == ZOH:
            with np.errstate(over="ignore"):
                over = decay * decay + frequency * frequency
            v_re, v_im = -decay / over, -frequency / over
            of_re = of_re - (v_re * s2_re + v_im * s2_im)
            of_im = of_im - (v_re * s2_im - v_im * s2_re)
        else:
            of_step = of_step + s2_re
        d_step = np.zeros((copies, features), sums.dtype)
        for p in range(pairs):
            d_step += of_step[:, :, p]
        moves = own_decay >= self.slowest
        return [d_step, own_decay * (of_bound - of_re) * moves, of_im, c_re, c_im]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of y and of the final states."""
        u, start = present((tensors[X], tensors[3]))
        return [tuple(u.shape), tuple(start.shape), tuple(start.shape)], []


OPERATION = DiagonalSequence

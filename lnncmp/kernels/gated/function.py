"""The fused LSTM and GRU as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H hidden units, G gates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import TILE
from lnncmp.kernels.common.torch_arrays import look_up_once, numbers_of, numbers_or_zeros, stack
from lnncmp.kernels.gated import gru_backward, gru_forward, lstm_backward, lstm_forward
from lnncmp.kernels.gated.gates import Size, pack, pack_transposed, unpack

_ALL_REAL = np.empty(0, np.bool_)


@dataclass(frozen=True)
class Cell:
    """What makes the kernel of one cell.

    gates: G of the weights. columns: numbers of activated gates kept for one step, in units of padded H.
    states: tensors of the state. forward, backward: see lnncmp.kernels.gated.lstm_forward and lstm_backward.
    """

    gates: int
    columns: int
    states: int
    forward: Callable[..., None]
    backward: Callable[..., None]


LSTM = Cell(lstm_forward.GATES, lstm_forward.GATES, 2, lstm_forward.forward, lstm_backward.backward)
GRU = Cell(gru_forward.GATES, gru_forward.COLUMNS, 1, gru_forward.forward, gru_backward.backward)


def _size(x: Tensor, w_hh: Tensor) -> Size:
    hidden = w_hh.shape[-1]
    copies = x.shape[0] if x.ndim == 4 else 1
    return copies, *x.shape[-3:], hidden, padded(hidden, x.dtype == torch.float32)


def _kept(cell: Cell, size: Size, kind: Any) -> tuple[Array, ...]:
    """Return uninitialised arrays for what the backward pass needs; see the forward kernels."""
    copies, batch, steps, inputs, _, width = size
    rows, before = copies * batch * steps, copies * batch
    kept = np.empty((rows + before) * (inputs + 2 + width), kind), np.empty(rows * cell.columns * width, kind)
    return kept if cell.states == 1 else (*kept, np.empty((rows + before) * width, kind))


@look_up_once
class GatedSequence(torch.autograd.Function):
    """Hidden states (B, T, H) and the final state, each (B, H), of an LSTM or GRU over x (B, T, I).

    Arguments: cell, x, valid (B, T) or None, w_ih (G H, I), w_hh (G H, H), b_ih, b_hh (G H,), the start's states
    (B, H), keep (whether a backward pass may follow), stacked. What the backward pass needs is returned last.
    """

    @staticmethod
    def forward(cell: Cell, x: Tensor, valid: Tensor | None, *args: Any) -> tuple[Tensor, ...]:
        """Run the kernel; see the class."""
        *tensors, keep, stacked = args
        size = _size(x, tensors[1])
        copies, batch, steps, _, hidden, _ = size
        w_ih, w_hh, b_ih, b_hh, *start = (numbers_of(tensor) for tensor in tensors)
        kind = w_ih.dtype
        kept = _kept(cell, size if keep else (0, *size[1:]), kind)
        y = np.empty(copies * batch * steps * hidden, kind)
        last = tuple(np.empty(copies * batch * hidden, kind) for _ in start)
        packed = pack(size, cell.gates, w_ih, w_hh, b_ih, b_hh)
        real = _ALL_REAL if valid is None else numbers_of(valid)
        tiles = copies * -(-batch // TILE)
        run_tiles(cell.forward, tiles, size, packed, numbers_of(x), real, tuple(start), y, last, keep, kept)
        ends = [torch.from_numpy(end).view(tensors[4].shape) for end in last]
        saved = [torch.from_numpy(numbers) for numbers in kept]
        if stacked:
            saved = [numbers.view(copies, -1) for numbers in saved] if keep else [x.new_empty(copies, 0)] * len(kept)
        return torch.from_numpy(y).view(*x.shape[:-1], hidden), *ends, *saved

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the weights, the mask and what the kernel kept."""
        ctx.cell, x, valid, w_ih, w_hh, *rest = inputs
        ctx.size = _size(x, w_hh)
        ctx.shapes = [t.shape for t in (x, w_ih, w_hh, *rest[:3])]
        kept = output[1 + ctx.cell.states :]
        ctx.save_for_backward(valid, w_ih, w_hh, *kept)
        ctx.mark_non_differentiable(*kept)
        ctx.set_materialize_grads(False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """Return the gradients of x, the weights and the start."""
        cell, size = ctx.cell, ctx.size
        copies, batch, steps, inputs, hidden, width = size
        valid, w_ih, w_hh, *kept = ctx.saved_tensors
        weights = numbers_of(w_ih), numbers_of(w_hh)
        kind = weights[0].dtype
        of_x = ctx.needs_input_grad[1]
        wide = padded(inputs, kind == np.float32)
        recurrent = pack_transposed(copies, cell.gates, hidden, width, hidden, width, weights[1])
        driving = pack_transposed(copies if of_x else 0, cell.gates, hidden, width, inputs, wide, weights[0])
        states = copies * batch * hidden
        d_hidden = numbers_or_zeros(gradients[0], states * steps, kind)
        d_last = tuple(numbers_or_zeros(end, states, kind) for end in gradients[1 : 1 + cell.states])
        d_x = np.empty(copies * batch * steps * inputs if of_x else 0, kind)
        d_start = tuple(np.empty(states, kind) for _ in d_last)
        tiles = copies * -(-batch // TILE)
        summed = np.zeros(tiles * (inputs + 2 + hidden) * cell.gates * width, kind)
        real = _ALL_REAL if valid is None else numbers_of(valid)
        saved = tuple(numbers_of(tensor) for tensor in kept)
        run_tiles(
            cell.backward, tiles, size, wide, real, (recurrent, driving), saved, d_hidden, d_last, d_x, d_start, summed
        )
        found = [*unpack(size, cell.gates, summed), *d_start]
        shapes = [*ctx.shapes[1:], *[ctx.shapes[-1]] * (cell.states - 1)]
        d = [torch.from_numpy(numbers).view(shape) for numbers, shape in zip(found, shapes, strict=True)]
        return None, torch.from_numpy(d_x).view(ctx.shapes[0]) if of_x else None, None, *d, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Turn S calls into one with S copies."""
        outputs = GatedSequence.apply(*stack(info, in_dims[:-1], args[:-1]), True)
        return outputs, (0,) * len(outputs)

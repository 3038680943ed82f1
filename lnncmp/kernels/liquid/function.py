"""The fused liquid layer as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H neurons.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import TILE
from lnncmp.kernels.common.torch_arrays import flat, look_up_once, numbers_of, numbers_or_zeros, stack
from lnncmp.kernels.liquid.backward import backward
from lnncmp.kernels.liquid.forward import forward
from lnncmp.kernels.liquid.weights import Size, finish, prepare, transpose

_ALL_REAL = np.empty(0, np.bool_)


def _size(x: Tensor, start: Tensor, unfolds: int) -> Size:
    width = start.shape[-1]
    copies = x.shape[0] if x.ndim == 4 else 1
    return copies, *x.shape[-3:], width, padded(width, x.dtype == torch.float32), unfolds


def _given(tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
    """Return the arrays of rate, conductance, reversal; of the bias; of the recurrent and of the sensory synapses."""
    raw = tuple(numbers_of(tensor) for tensor in tensors)
    return raw[:3], raw[3], raw[4:6], raw[6:]


@look_up_once
class LiquidSequence(torch.autograd.Function):
    """Potentials (B, T, H) and the final ones (B, H) of liquid neurons over x (B, T, I).

    Arguments: x, dt (B, T), valid (B, T) or None, the start (B, H), raw rate, raw conductance, reversal, bias (H,),
    recurrent weights and their mask (H, H), sensory ones (I, H), input_w, input_b (I,), unfolds, keep (whether a
    backward pass may follow), stacked. What the backward pass needs is returned last. dt has no gradient.
    """

    @staticmethod
    def forward(x: Tensor, dt: Tensor, valid: Tensor | None, start: Tensor, *args: Any) -> tuple[Tensor, ...]:
        """Run the kernel; see the class."""
        *parameters, unfolds, keep, stacked = args
        size = _size(x, start, unfolds)
        copies, batch, steps, _, width, wide, _ = size
        acting = prepare(size, *_given(tuple(parameters)))
        real = _ALL_REAL if valid is None else numbers_of(valid)
        xs = numbers_of(x)
        hidden, final = np.empty(copies * batch * steps * width, xs.dtype), np.empty(copies * batch * width, xs.dtype)
        gates = np.empty((copies, batch * steps * unfolds * wide if keep else 0), xs.dtype)
        data = xs, numbers_of(dt), real, numbers_of(start)
        run_tiles(forward, copies * -(-batch // TILE), size, *acting, *data, hidden, final, keep, flat(gates))
        y, end = torch.from_numpy(hidden).view(*x.shape[:-1], width), torch.from_numpy(final).view(start.shape)
        return y, end, torch.from_numpy(gates if stacked else gates[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the arguments, the potentials and the gates."""
        *tensors, ctx.unfolds, _, _ = inputs
        ctx.save_for_backward(*tensors, output[0], output[2])
        ctx.mark_non_differentiable(output[2])
        ctx.set_materialize_grads(False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_hidden: Tensor | None, d_final: Tensor | None, *_: None) -> tuple[Any, ...]:
        """Return the gradients of x, the start and the parameters."""
        x, dt, valid, start, *parameters, hidden, gates = ctx.saved_tensors
        size = _size(x, start, ctx.unfolds)
        copies, batch, inputs, width, wide = (size[k] for k in (0, 1, 3, 4, 5))
        raw, bias, recurrent, sensory = _given(tuple(parameters))
        neurons, acting, driving = prepare(size, raw, bias, recurrent, sensory)
        kind, of_x = bias.dtype, ctx.needs_input_grad[0]
        turned = transpose(copies, width, width, width, wide, wide, acting)
        across = padded(inputs, kind == np.float32) if of_x else 0
        turned_driving = transpose(copies, inputs + 1, inputs if of_x else 0, width, wide, across, driving)
        data = tuple(numbers_of(t) if t is not None else _ALL_REAL for t in (x, dt, valid, start, hidden, gates))
        d = numbers_or_zeros(d_hidden, hidden.numel(), kind), numbers_or_zeros(d_final, start.numel(), kind)
        d_x, d_start = np.empty(x.numel() if of_x else 0, kind), np.empty(start.numel(), kind)
        tiles = copies * -(-batch // TILE)
        of_recurrent, of_driving, of_neurons = (np.zeros(tiles * n * wide, kind) for n in (width, inputs + 1, 3))
        sums = of_recurrent, of_driving, of_neurons
        run_tiles(backward, tiles, size, neurons, (turned, turned_driving), data, *d, d_x, d_start, sums)
        found = _gradients(parameters, finish(size, raw[:2], neurons[1], recurrent[1], sensory, sums))
        of_inputs = torch.from_numpy(d_x).view(x.shape) if of_x else None
        return of_inputs, None, None, torch.from_numpy(d_start).view(start.shape), *found, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Turn S calls into one with S copies."""
        outputs = LiquidSequence.apply(*stack(info, in_dims[:-1], args[:-1]), True)
        return outputs, (0,) * len(outputs)


def _gradients(parameters: list[Tensor], found: tuple[Array, ...]) -> list[Tensor | None]:
    """Return the gradients in the shapes and order of the parameters, None for masks."""
    rest = iter(found)
    return [None if p.dtype == torch.bool else torch.from_numpy(next(rest)).view(p.shape) for p in parameters]

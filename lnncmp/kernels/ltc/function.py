"""The fused LTC as an operation of torch, for one network or for S copies at once.

It takes raw parameters, so that mapping them to positive values, picking the synapses that exist and the affine map
of the inputs are part of the kernel too: on small networks each call of torch costs more than the work.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, N neurons.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.lanes import DOUBLE, NARROW, WIDE
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import array, element_type, flat, look_up_once, numbers_or_zeros, stack, tensor
from lnncmp.kernels.ltc.backward import backward_double, backward_narrow, backward_wide
from lnncmp.kernels.ltc.forward import Size, forward_double, forward_narrow, forward_wide, prepare
from lnncmp.kernels.ltc.gradients import finish, prepare_backward

PARAMETERS = 15
"""cm, gleak, vleak, input_w, input_b, then mask, sigma, mu, w, erev of the sensory and of the recurrent synapses."""


def _width(batch: int, kind: Any) -> tuple[int, Callable[..., None], Callable[..., None]]:
    """Return how many samples a tile holds, and the kernels for it, forward and backward.

    More samples side by side share the parameters of a synapse; small batches would leave lanes empty.
    """
    element = element_type(kind == np.float32)
    if batch <= NARROW[element]:
        return NARROW[element], forward_narrow, backward_narrow
    if batch < 2 * DOUBLE[element]:
        return WIDE[element], forward_wide, backward_wide
    return DOUBLE[element], forward_double, backward_double


def _blocks(batch: int, lanes: int) -> int:
    """Return the tiles of one copy; an empty batch is a tile without samples."""
    return max(-(-batch // lanes), 1)


def _size(x: Array, v0: Array, unfolds: int) -> Size:
    return x.shape[1], x.shape[2], x.shape[3], v0.shape[-1], unfolds


@look_up_once
class LTCSequence(torch.autograd.Function):
    """hidden (B, T, N) for x (B, T, I), dt (B, T), v0 (B, N) and the raw parameters of an LTC.

    Arguments: x, dt, v0, the PARAMETERS in order, unfolds, epsilon, positive (softplus on cm, gleak and w), keep
    (whether a backward pass may follow), stacked. Returns hidden and what the backward pass needs. dt has no gradient.
    """

    @staticmethod
    def forward(x: Tensor, dt: Tensor, v0: Tensor, *args: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Run the kernel; see the class."""
        *parameters, unfolds, epsilon, positive, keep, stacked = args
        xs, dts, start = (array(t, stacked) for t in (x, dt, v0))
        arrays = [flat(array(p, stacked)) for p in parameters]
        size = _size(xs, start, unfolds)
        batch, steps, inputs, width, _ = size
        copies = xs.shape[0]
        lanes, run, _ = _width(batch, xs.dtype)
        tiles = copies * _blocks(batch, lanes)
        neurons, mapping = tuple(arrays[:3]), tuple(arrays[3:5])
        sensory, recurrent = tuple(arrays[5:10]), tuple(arrays[10:])
        capacitance, leak, sensed, listed = prepare(
            copies, inputs, width, positive, epsilon, neurons, sensory, recurrent
        )
        layer = tiles * width * lanes
        hidden = np.empty((copies, batch, steps, width), xs.dtype)
        path = empty((layer * (steps * unfolds + 1) if keep else 0,), xs.dtype)
        ratios = empty((layer * steps * unfolds if keep else 0,), xs.dtype)
        acting = capacitance, leak, neurons[2]
        given = (
            flat(xs),
            flat(dts),
            flat(start),
            acting,
            mapping,
            sensed,
            listed,
            flat(hidden),
            path,
            ratios,
        )
        run_tiles(run, tiles, size, *given)
        return tensor(hidden, stacked), torch.from_numpy(path), torch.from_numpy(ratios)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the arguments and the path of the potentials."""
        *tensors, ctx.unfolds, ctx.epsilon, ctx.positive, _, ctx.stacked = inputs
        _, *kept = output
        ctx.mark_non_differentiable(*kept)
        ctx.set_materialize_grads(False)  # else the path would get a gradient of zeros as large as itself
        ctx.save_for_backward(*tensors, *kept)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Tensor | None, *unused: None) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, v0 and the parameters."""
        stacked, positive = ctx.stacked, ctx.positive
        x, dt, v0, *parameters, path, ratios = ctx.saved_tensors
        xs, dts, start = (array(t, stacked) for t in (x, dt, v0))
        arrays = [flat(array(p, stacked)) for p in parameters]
        size = _size(xs, start, ctx.unfolds)
        batch, steps, inputs, width, _ = size
        copies, kind = xs.shape[0], xs.dtype
        lanes, _, run = _width(batch, kind)
        blocks = _blocks(batch, lanes)
        neurons, mapping = tuple(arrays[:3]), tuple(arrays[3:5])
        sensory, recurrent = tuple(arrays[5:10]), tuple(arrays[10:])
        capacitance, sensed, sensory_place, listed, place = prepare_backward(
            copies, inputs, width, positive, ctx.epsilon, neurons[0], recurrent, sensory
        )
        dx, dv0 = np.empty_like(xs), np.empty_like(start)
        rest = copies * blocks * (3 * width + 2 * inputs)
        sums = (
            np.zeros(4 * blocks * sensory_place.size, kind),
            np.zeros(4 * blocks * place.size, kind),
            np.zeros(rest, kind),
        )
        kept = path.numpy(), ratios.numpy()
        grad = numbers_or_zeros(grad_hidden, copies * batch * steps * width, kind)
        given = flat(xs), capacitance, flat(dts), mapping, sensed, listed, kept, grad, flat(dx), flat(dv0), sums
        run_tiles(run, copies * blocks, size, *given)
        shapes = ((4, copies, inputs, width), (4, copies, width, width), (3, copies, width), (2, copies, inputs))
        gradients = [np.zeros(shape, kind) for shape in shapes]
        views = tuple(flat(g) for g in gradients)
        finish(
            blocks, inputs, width, positive, neurons, sensory, sensed[0], sensory_place, recurrent, listed[0], place,
            sums, views,
        )  # fmt: skip
        of_sensory, of_recurrent, of_neurons, of_mapping = ([tensor(g, stacked) for g in group] for group in gradients)
        found = (*of_neurons, *of_mapping, None, *of_sensory, None, *of_recurrent)
        return (tensor(dx, stacked), None, tensor(dv0, stacked), *found, None, None, None, None, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[tuple[Tensor, ...], tuple[int | None, ...]]:
        """Run the copies of a vmapped call as one: see torch_arrays.stack."""
        outputs = LTCSequence.apply(*stack(info, in_dims, args)[:-1], True)
        return outputs, (0, None, None)


def ltc_sequence(
    x: Tensor, dt: Tensor, v0: Tensor, parameters: tuple[Tensor, ...], unfolds: int, epsilon: float, positive: bool
) -> Tensor:
    """Return hidden (B, T, N) for x (B, T, I), dt (B, T), v0 (B, N); see LTCSequence for the others."""
    keep = torch.is_grad_enabled()
    if not keep and not torch._C._are_functorch_transforms_active():
        # Streaming: what autograd does around the kernel would take longer than one step of it.
        return LTCSequence.forward(x, dt, v0, *parameters, unfolds, epsilon, positive, False, False)[0]
    outputs = LTCSequence.apply(x, dt, v0, *parameters, unfolds, epsilon, positive, keep, False)
    hidden: Tensor = outputs[0]
    return hidden

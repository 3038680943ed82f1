"""The fused CfC as a differentiable function: all stages of a plan over a whole sequence.

Legend: S copies, B batch, T steps, I inputs, H hidden units.
"""

from itertools import accumulate, pairwise
from operator import is_
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from lnncmp.kernels.cfc.backward import backward
from lnncmp.kernels.cfc.forward import forward
from lnncmp.kernels.cfc.layout import Call, Layout, lay_out
from lnncmp.kernels.cfc.moves import pack, unpack
from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.cfc.weights import WeightLayout
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import look_up_once, numbers_of, numbers_or_zeros, stack

Numbers = NDArray[Any]
_NO_BOOLS = np.empty(0, np.bool_)


class Memo:
    """The weights as arrays: what a forward pass leaves, apart from tensors, for its backward pass or the next call.

    `keep` says whether a backward pass will follow; else nothing of length T is kept.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.numbers: Numbers = np.empty(0)
        """Weights of all tensors, one tensor after the other."""
        self.masks = _NO_BOOLS
        self._packed: Numbers | None = None
        self._tensors: list[Tensor] = []
        self._places: list[int] = []
        self._views: tuple[list[Numbers], list[Numbers]] = [], []

    def read(self, plan: Plan, layout: WeightLayout, copies: int, tensors: list[Tensor]) -> Numbers:
        """Return the weights for the forward pass; without gradients, the last call's if they are still the same.

        Streaming calls the network for every step, and laying its weights out costs more than the step. The numbers
        themselves are compared: neither fused optimisers nor writing into `.data` change a tensor's version.
        """
        weights, masks = self._arrays(plan, tensors)
        numbers, mask = np.concatenate(weights), np.concatenate(masks) if masks else _NO_BOOLS
        if self._packed is None or not (_same(numbers, self.numbers) and _same(mask, self.masks)):
            self._packed = np.zeros(copies * layout.total, numbers.dtype)
            pack(layout.forward, copies, numbers, mask, layout.total, self._packed)
            self.numbers, self.masks = numbers, mask
        return self._packed

    def _arrays(self, plan: Plan, tensors: list[Tensor]) -> tuple[list[Numbers], list[Numbers]]:
        """Return weights and masks as flat arrays; for streaming, views of the last call's where the memory is its."""
        if self.keep:
            return _arrays(plan, tensors)
        places = [own.data_ptr() for own in tensors]
        if places != self._places or not all(map(is_, tensors, self._tensors)):
            self._views, self._places, self._tensors = _arrays(plan, tensors), places, tensors
            if not all(own.is_contiguous() for own in tensors):
                self._places = []
        return self._views


def _arrays(plan: Plan, tensors: list[Tensor]) -> tuple[list[Numbers], list[Numbers]]:
    """Return the numbers of weights and of masks, each tensor's flat; views of contiguous tensors."""
    arrays = [own.detach().numpy().ravel() for own in tensors]
    if len(plan.roles) == plan.roles.count("weight"):
        return arrays, []
    pairs = list(zip(arrays, plan.roles, strict=True))
    return [own for own, its in pairs if its == "weight"], [own for own, its in pairs if its == "mask"]


def _same(left: Numbers, right: Numbers) -> bool:
    return left is right or (left.shape == right.shape and bool((left == right).all()))


def _lay_out(
    plan: Plan, shape: tuple[int, ...], single: bool, keep: bool, wants_x: bool, padded: bool, stacked: bool
) -> Layout:
    """Return the layout for x of that shape, (S, B, T, I) if stacked, else (B, T, I)."""
    copies, batch, steps, inputs = shape if stacked else (1, *shape)
    return lay_out(plan, Call(copies, batch, steps, inputs, keep, wants_x, padded, single))


def _dropout(plan: Plan, tensors: list[Tensor], units: int) -> Numbers | None:
    """Return the factors of dropout, the units padded to `units`, or None."""
    if "drop" not in plan.roles:
        return None
    factors = tensors[plan.roles.index("drop")]
    return numbers_of(torch.nn.functional.pad(factors, (0, units - factors.shape[-1])))


@look_up_once
class CfCFunction(torch.autograd.Function):
    """apply(x, dt, valid, *states, *tensors, plan, memo, stacked) -> (hidden, *final states, kept if memo.keep).

    x (B, T, I), dt (B, T), valid (B, T) of bool or None; hidden (B, T, width). All tensors have a leading axis of
    copies if `stacked`.
    """

    @staticmethod
    def forward(x: Tensor, dt: Tensor, valid: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
        """Run all stages."""
        plan, memo, stacked = rest[-3:]
        states, tensors = rest[: plan.states], list(rest[plan.states : -3])
        layout = _lay_out(plan, x.shape, x.dtype == torch.float32, memo.keep, False, valid is not None, stacked)
        copies = x.shape[0] if stacked else 1
        elapsed, real = numbers_of(dt), _NO_BOOLS if valid is None else numbers_of(valid)
        kind = elapsed.dtype
        start = [numbers_of(state) for state in states]
        begin = start[0] if len(start) == 1 else np.concatenate(start)
        weights = memo.read(plan, layout.weights, copies, tensors)
        drop = _dropout(plan, tensors, layout.units_pad)
        kept, scratch = empty((layout.kept,), kind), empty((layout.scratch,), kind)
        hidden, final = empty((*dt.shape, plan.width), kind), np.empty(begin.size, kind)
        given = numbers_of(x), elapsed, real, begin[:0] if drop is None else drop, begin, weights
        run_tiles(forward, layout.tiles, layout.stages, *given, kept, hidden.reshape(-1), final, scratch)
        saved = [torch.from_numpy(kept.reshape(copies, -1) if stacked else kept)] if memo.keep else []
        return torch.from_numpy(hidden), *_cut(final, states), *saved

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep what the backward pass needs."""
        x, dt, valid, *rest = inputs
        ctx.plan, ctx.memo, ctx.stacked = rest[-3:]
        states, buffers = ctx.plan.states, output[1 + ctx.plan.states :]
        ctx.x_shape, ctx.shapes = x.shape, [tensor.shape for tensor in rest[:-3]]
        ctx.mark_non_differentiable(*buffers)
        ctx.set_materialize_grads(False)
        # Weights are kept so that changing them before the backward pass raises; their numbers are in the memo.
        ctx.save_for_backward(dt, valid, *buffers, *rest[states:-3])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, the states and the tensors."""
        plan, stacked, shape, wants_x = ctx.plan, ctx.stacked, ctx.x_shape, ctx.needs_input_grad[0]
        dt, valid, kept, *tensors = ctx.saved_tensors
        elapsed, real = numbers_of(dt), _NO_BOOLS if valid is None else numbers_of(valid)
        kind = elapsed.dtype
        layout = _lay_out(plan, shape, dt.dtype == torch.float32, True, wants_x, valid is not None, stacked)
        copies, numbers, masks = shape[0] if stacked else 1, ctx.memo.numbers, ctx.memo.masks
        d_hidden = numbers_or_zeros(grads[0], elapsed.size * plan.width, kind)
        if len(plan.stages) > 1 and grads[0] is not None:
            d_hidden = d_hidden.copy()  # each stage adds to it what it found for the stage before
        state_shapes = ctx.shapes[: plan.states]
        ends = [numbers_or_zeros(g, s.numel(), kind) for g, s in zip(grads[1:], state_shapes, strict=False)]
        d_final = ends[0] if len(ends) == 1 else np.concatenate(ends)
        d_start, d_x = np.empty(d_final.size, kind), np.zeros(shape.numel() if wants_x else 0, kind)
        places, parts = layout.weights, max(layout.parts, 1)
        backs = np.zeros(copies * places.back_total, kind)
        pack(places.backward, copies, numbers, masks, places.back_total, backs)
        summed, gradients = np.zeros(copies * parts * places.total, kind), np.empty(numbers.size, kind)
        scratch, into = empty((layout.scratch,), kind), (d_hidden, d_final, d_x, d_start, summed)
        run_tiles(backward, layout.tiles, layout.stages, elapsed, real, backs, numbers_of(kept), *into, scratch)
        unpack(places.forward, copies, parts, summed, places.total, numbers, masks, gradients)
        found = iter(_cut(gradients, [own for own, its in zip(tensors, plan.roles, strict=True) if its == "weight"]))
        weights = [next(found) if its == "weight" else None for its in plan.roles]
        inputs = torch.from_numpy(d_x).view(shape) if wants_x else None
        starts = _cut(d_start, state_shapes)
        return inputs, None, None, *starts, *weights, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Run all copies in one call."""
        found = CfCFunction.apply(*stack(info, in_dims[:-1], args[:-1]), True)
        return found, (0,) * len(found)


def _cut(numbers: Numbers, like: Any) -> list[Tensor]:
    """Return arrays that lie one after the other, as tensors of the shapes of `like` (tensors or shapes)."""
    shapes = [own.shape if isinstance(own, Tensor) else own for own in like]
    ends = accumulate((shape.numel() for shape in shapes), initial=0)
    return [torch.from_numpy(numbers[a:b].reshape(s)) for (a, b), s in zip(pairwise(ends), shapes, strict=True)]


def run_plan(
    plan: Plan,
    memo: Memo,
    x: Tensor,
    dt: Tensor,
    valid: Tensor | None,
    states: tuple[Tensor, ...],
    tensors: list[Tensor],
) -> tuple[Tensor, ...]:
    """Return hidden states and final states for x (B, T, I), dt (B, T), valid (B, T).

    `memo` is for calls without gradients. Those are made past autograd where no transform of torch.func is active:
    its bookkeeping takes longer than a step of a small network.
    """
    if torch.is_grad_enabled():
        memo = Memo(True)
    direct = not memo.keep and not torch._C._are_functorch_transforms_active()
    call = CfCFunction.forward if direct else CfCFunction.apply
    found: tuple[Tensor, ...] = call(x, dt, valid, *states, *tensors, plan, memo, False)
    return found[: 1 + plan.states]

"""The fused CfC as a differentiable function: all stages of a plan over a whole sequence.

Legend: S copies, B batch, T steps, I inputs, H hidden units.
"""

from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from lnncmp.kernels.cfc_packing import StageNumbers, stage_numbers
from lnncmp.kernels.cfc_plan import Plan, StageTensors
from lnncmp.kernels.cfc_stage import Sequence, backpropagate, run
from lnncmp.kernels.numbers import array, flat, stack, tensor
from lnncmp.kernels.pool import empty

Numbers = NDArray[Any]


class Memo:
    """The weights as arrays: what a forward pass leaves, besides tensors, for its backward pass or the next call.

    `keep` says whether a backward pass will follow; else nothing of length T is kept.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.numbers: list[StageNumbers] = []
        self._read: list[Numbers] = []

    def read(self, plan: Plan, owns: list[StageTensors], tensors: list[Tensor], stacked: bool) -> list[StageNumbers]:
        """Return the weights of all stages; without gradients, those of the last call if they are the same still.

        Streaming calls the network for every step, and laying its weights out costs more than the step. The numbers
        themselves are compared: neither fused optimisers nor writing into `.data` change a tensor's version.
        """
        if self.keep or stacked:
            return self._lay_out(plan, owns, stacked)
        numbers = [t.detach().numpy() for t in tensors]
        if len(numbers) != len(self._read) or not all(map(np.array_equal, numbers, self._read)):
            self._lay_out(plan, owns, stacked)
            self._read = [own.copy() for own in numbers]
        return self.numbers

    def _lay_out(self, plan: Plan, owns: list[StageTensors], stacked: bool) -> list[StageNumbers]:
        self.numbers = [stage_numbers(stage, own, stacked) for stage, own in zip(plan.stages, owns, strict=True)]
        return self.numbers


def _split(plan: Plan, tensors: list[Tensor]) -> list[StageTensors]:
    """Return each stage's tensors."""
    if len(plan.stages) == 1:
        return [plan.stages[0].split(tensors)]
    ends = list(accumulate((stage.count() for stage in plan.stages), initial=0))
    return [stage.split(tensors[a:b]) for stage, a, b in zip(plan.stages, ends[:-1], ends[1:], strict=True)]


def _states(plan: Plan, arrays: list[Numbers]) -> list[list[Numbers]]:
    """Return each stage's state: [h], or [h, c] with a memory."""
    rest = iter(arrays)
    return [[next(rest) for _ in range(2 if stage.memory else 1)] for stage in plan.stages]


def _optional(own: Tensor | None, stacked: bool) -> Numbers | None:
    return None if own is None else array(own, stacked)


def _forward(
    plan: Plan, memo: Memo, stacked: bool, given: list[Numbers | None], states: list[Numbers], tensors: list[Tensor]
) -> list[Numbers]:
    """Return hidden states, final states and buffers for given x, dt and real."""
    x, dt, real = given
    assert x is not None and dt is not None
    hidden = empty((*dt.shape, plan.width), dt.dtype)
    owns = _split(plan, tensors)
    weights = memo.read(plan, owns, tensors, stacked)
    finals: list[Numbers] = []
    buffers: list[Numbers] = []
    sequence = Sequence(x, 0, dt, real)
    starts = _states(plan, states)
    for own, numbers, start, stage, place in zip(owns, weights, starts, plan.stages, plan.places, strict=True):
        drop = _optional(own.drop, stacked)
        last, kept = run(stage, numbers, drop, sequence, start, hidden, place, memo.keep)
        finals += last
        if memo.keep:
            buffers.append(kept.reshape(dt.shape[0], -1))
        sequence = Sequence(hidden, place, dt, real)
    return [hidden, *finals, *buffers]


class CfCFunction(torch.autograd.Function):
    """apply(x, dt, step, *states, *tensors, plan, memo, stacked) -> (hidden, *final states, *buffers).

    x (B, T, I), dt (B, T), step (B, T) of bool or None; hidden (B, T, width). All tensors have a leading axis of
    copies if `stacked`.
    """

    @staticmethod
    def forward(x: Tensor, dt: Tensor, step: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
        """Run all stages."""
        plan, memo, stacked = rest[-3:]
        given = [array(x, stacked), array(dt, stacked), _optional(step, stacked)]
        states = [array(state, stacked) for state in rest[: plan.states]]
        found = _forward(plan, memo, stacked, given, states, list(rest[plan.states : -3]))
        return tuple(tensor(numbers, stacked) for numbers in found)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep what the backward pass needs."""
        x, dt, step, *rest = inputs
        plan, memo, stacked = rest[-3:]
        buffers = output[1 + plan.states :]
        ctx.mark_non_differentiable(*buffers)
        ctx.plan, ctx.memo, ctx.stacked, ctx.x_shape = plan, memo, stacked, x.shape
        ctx.count, ctx.padded = len(rest) - plan.states - 3, step is not None
        # Weights are kept so that changing them before the backward pass raises; their numbers are in the memo.
        ctx.save_for_backward(dt, *([step] if ctx.padded else []), *rest[plan.states : -3], *buffers)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, the states and the tensors."""
        plan, stacked = ctx.plan, ctx.stacked
        dt, *saved = ctx.saved_tensors
        elapsed, real = array(dt, stacked), array(saved.pop(0), stacked) if ctx.padded else None
        owns = _split(plan, saved[: ctx.count])
        buffers = [flat(array(kept, stacked)) for kept in saved[ctx.count :]]
        hidden = array(grads[0], stacked)
        if len(plan.stages) > 1:
            hidden = hidden.copy()  # each stage adds to it what it found for the stage before
        finals = _states(plan, [array(grad, stacked) for grad in grads[1 : 1 + plan.states]])
        wants_x = ctx.needs_input_grad[0]
        x_shape = ctx.x_shape if stacked else (1, *ctx.x_shape)
        dx = np.zeros(x_shape if wants_x else (*x_shape[:2], 0, x_shape[3]), elapsed.dtype)
        starts: list[Numbers] = []
        weights: list[Tensor | None] = []
        for index in reversed(range(len(plan.stages))):
            stage, own, place = plan.stages[index], owns[index], plan.places[index]
            first = index == 0
            sequence = Sequence(dx if first else hidden, 0 if first else plan.places[index - 1], elapsed, real)
            mask, numbers = _optional(own.mask, stacked), ctx.memo.numbers[index]
            into = None if first and not wants_x else sequence.x
            begun, found = backpropagate(
                stage, numbers, mask, sequence, buffers[index], place, hidden, finals[index], into
            )
            starts = begun + starts
            undifferentiated = [None] * (stage.masked + stage.dropped)
            weights = [*(tensor(gradient, stacked) for gradient in found), *undifferentiated, *weights]
        inputs = tensor(dx, stacked) if wants_x else None
        return inputs, None, None, *(tensor(start, stacked) for start in starts), *weights, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Run all copies in one call."""
        found = CfCFunction.apply(*stack(info, in_dims[:-1], args[:-1]), True)
        return found, (0,) * len(found)


def run_plan(
    plan: Plan,
    memo: Memo,
    x: Tensor,
    dt: Tensor,
    step: Tensor | None,
    states: tuple[Tensor, ...],
    tensors: list[Tensor],
) -> tuple[Tensor, ...]:
    """Return hidden states and final states for x (B, T, I), dt (B, T), step (B, T).

    `memo` is for calls without gradients. Those are made past autograd where no transform of torch.func is active:
    its bookkeeping takes longer than a step of a small network.
    """
    if torch.is_grad_enabled():
        memo = Memo(True)
    direct = not memo.keep and not torch._C._are_functorch_transforms_active()
    call = CfCFunction.forward if direct else CfCFunction.apply
    found: tuple[Tensor, ...] = call(x, dt, step, *states, *tensors, plan, memo, False)
    return found[: 1 + plan.states]

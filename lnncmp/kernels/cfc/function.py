"""The fused CfC as an operation of torch: all stages of a plan over a whole sequence.

Legend: S copies, B batch, T steps, I inputs, H hidden units.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import is_
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnncmp.kernels.cfc.backward import backward
from lnncmp.kernels.cfc.forward import forward
from lnncmp.kernels.cfc.layout import Call, Layout, kept_numbers, lay_out
from lnncmp.kernels.cfc.moves import pack, unpack
from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.common.operation import VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import numbers_of, numbers_or_zeros, present, weights_of

Numbers = NDArray[Any]
_NONE = np.empty(0, np.bool_)


class CfCSequence(Operation):
    """Hidden states (B, T, width) and the final states of a CfC over x (B, T, I), dt (B, T).

    Weights: those of all stages, see Plan. Settings: the plan as text.
    """

    def __init__(self, settings: str) -> None:
        self.plan = Plan.from_text(settings)
        self.states, self.outputs = self.plan.states, 1 + self.plan.states
        # Factors of dropout have their batch in another place.
        self.folds = "drop" not in self.plan.roles
        self._shapes = self.plan.shapes(0, 0)

    def _layout(self, tensors: Given, keep: bool, wants_x: bool) -> Layout:
        """Return the layout for x of shape (S, B, T, I) or (B, T, I)."""
        return lay_out(self.plan, self._call(tensors, keep, wants_x))

    def _call(self, tensors: Given, keep: bool, wants_x: bool) -> Call:
        x, valid = present(tensors)[X], tensors[VALID]
        copies, batch, steps, inputs = x.shape if x.ndim == 4 else (1, *x.shape)
        return Call(copies, batch, steps, inputs, keep, wants_x, valid is not None, x.dtype == torch.float32)

    def _arrays(self, tensors: Given, stacked: bool) -> tuple[Numbers, Numbers]:
        """Return the numbers of all weights and those of all masks, each tensor's after the other's."""
        x, plan, own = present(tensors)[X], self.plan, tensors[self.data :]
        shapes = self._shapes if self.folds else plan.shapes(*x.shape[-3:-1])
        found = weights_of(own, shapes, x, stacked)
        pairs = list(zip(found, plan.roles, strict=True))
        masks = [numbers for numbers, its in pairs if its == "mask"]
        weights = np.concatenate([numbers for numbers, its in pairs if its == "weight"])
        return weights, np.concatenate(masks) if masks else _NONE

    def _dropout(self, tensors: Given, units: int) -> Numbers:
        """Return the factors of dropout, the units padded to `units`; none without dropout."""
        if self.folds:
            return _NONE
        factors = present(tensors[self.data :])[self.plan.roles.index("drop")]
        return numbers_of(torch.nn.functional.pad(factors.detach(), (0, units - factors.shape[-1])))

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run all stages; kept are the kernel's buffer and the numbers of the weights."""
        plan, (x, dt, *states) = self.plan, present((*tensors[:2], *tensors[3 : self.data]))
        layout, valid = self._layout(tensors, keep, wants_x=False), tensors[VALID]
        copies = x.shape[0] if stacked else 1
        elapsed, real = numbers_of(dt), _NONE if valid is None else numbers_of(valid)
        kind = elapsed.dtype
        start = [numbers_of(state) for state in states]
        begin = start[0] if len(start) == 1 else np.concatenate(start)
        numbers, weights = self._packed(tensors, layout, copies, stacked, None if keep else memory)
        drop = self._dropout(tensors, layout.units_pad)
        kept, scratch = empty((layout.kept,), kind), empty((layout.scratch,), kind)
        hidden, final = empty((*dt.shape, plan.width), kind), np.empty(begin.size, kind)
        given = numbers_of(x), elapsed, real, drop if drop.size else begin[:0], begin, weights
        run_tiles(forward, layout.tiles, layout.stages, *given, kept, hidden.reshape(-1), final, scratch)
        saved = [kept, numbers] if keep else [kept[:0], numbers[:0]]
        return [torch.from_numpy(hidden), *_cut(final, states)], [torch.from_numpy(own) for own in saved]

    def _packed(
        self, tensors: Given, layout: Layout, copies: int, stacked: bool, memory: Memory | None
    ) -> tuple[Numbers, Numbers]:
        """Return the numbers of the weights, and the weights as the kernel reads them.

        Streaming calls the network for every step, and laying its weights out costs more than the step: with a
        `memory` the last call's are used if they are still the same. The numbers themselves are compared: neither
        fused optimisers nor writing into `.data` change a tensor's version.
        """
        last = None if memory is None else memory.last
        if last is not None and last.shows(tensors[self.data :]):
            numbers, masks = last.read()
        else:
            numbers, masks = self._arrays(tensors, stacked)
        if last is not None and last.holds(numbers, masks, copies):
            return last.numbers, last.packed
        places = layout.weights
        packed = np.zeros(copies * places.total, numbers.dtype)
        pack(places.forward, copies, numbers, masks, places.total, packed)
        if memory is not None:
            memory.last = _Packed(self.plan, tensors[self.data :], numbers, masks, copies, packed)
        return numbers, packed

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of x, the states and the weights; those are the numbers of the forward pass."""
        plan, (x, dt, *states) = self.plan, present((*tensors[:2], *tensors[3 : self.data]))
        wants_x, valid, shape = needs[X], tensors[VALID], x.shape
        elapsed, real = numbers_of(dt), _NONE if valid is None else numbers_of(valid)
        kind = elapsed.dtype
        layout = self._layout(tensors, True, wants_x)
        buffer, numbers = (numbers_of(own) for own in kept)
        copies, masks = shape[0] if stacked else 1, self._masks(tensors)
        d_hidden = numbers_or_zeros(grads[0], elapsed.size * plan.width, kind)
        if len(plan.stages) > 1 and grads[0] is not None:
            d_hidden = d_hidden.copy()  # each stage adds to it what it found for the stage before
        ends = [numbers_or_zeros(g, s.numel(), kind) for g, s in zip(grads[1:], states, strict=True)]
        d_final = ends[0] if len(ends) == 1 else np.concatenate(ends)
        d_start, d_x = np.empty(d_final.size, kind), np.zeros(shape.numel() if wants_x else 0, kind)
        places, parts = layout.weights, max(layout.parts, 1)
        backs = np.zeros(copies * places.back_total, kind)
        pack(places.backward, copies, numbers, masks, places.back_total, backs)
        summed, gradients = np.zeros(copies * parts * places.total, kind), np.empty(numbers.size, kind)
        scratch, into = empty((layout.scratch,), kind), (d_hidden, d_final, d_x, d_start, summed)
        run_tiles(backward, layout.tiles, layout.stages, elapsed, real, backs, buffer, *into, scratch)
        unpack(places.forward, copies, parts, summed, places.total, numbers, masks, gradients)
        own = list(zip(present(tensors[self.data :]), plan.roles, strict=True))
        found = iter(_cut(gradients, [weight for weight, its in own if its == "weight"]))
        weights = [next(found) if its == "weight" else None for _, its in own]
        inputs = torch.from_numpy(d_x).view(shape) if wants_x else None
        return [inputs, None, None, *_cut(d_start, states), *weights]

    def _masks(self, tensors: Given) -> Numbers:
        own = zip(present(tensors[self.data :]), self.plan.roles, strict=True)
        masks = [numbers_of(mask) for mask, its in own if its == "mask"]
        return np.concatenate(masks) if masks else _NONE

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and final states, and of the buffer and the numbers of the weights."""
        x, *states = present((tensors[X], *tensors[3 : self.data]))
        own = zip(present(tensors[self.data :]), self.plan.roles, strict=True)
        numbers = sum(weight.numel() for weight, its in own if its == "weight")
        kept = kept_numbers(self.plan, self._call(tensors, True, wants_x=False))
        outputs = [(*x.shape[:-1], self.plan.width), *(state.shape for state in states)]
        return outputs, [(kept * keep,), (numbers * keep,)]


class _Packed:
    """The weights of the last call without gradients, as they were and as the kernel reads them; never changed."""

    def __init__(
        self, plan: Plan, tensors: Given, numbers: Numbers, masks: Numbers, copies: int, packed: Numbers
    ) -> None:
        self.numbers, self.masks, self.copies, self.packed = numbers, masks, copies, packed
        self.tensors = present(tensors)
        whole = all(own.is_contiguous() for own in self.tensors)
        self.places = [own.data_ptr() for own in self.tensors] if whole else []
        arrays = [(numbers_of(own), its) for own, its in zip(self.tensors, plan.roles, strict=True)]
        self.weight_views = [own for own, its in arrays if its == "weight"]
        self.mask_views = [own for own, its in arrays if its == "mask"]

    def shows(self, tensors: Given) -> bool:
        """Return whether these are the tensors of the call, at the same places in memory."""
        given = present(tensors)
        places = [own.data_ptr() for own in given]
        return places == self.places and all(map(is_, given, self.tensors))

    def read(self) -> tuple[Numbers, Numbers]:
        """Return the numbers that the tensors have now."""
        masks = np.concatenate(self.mask_views) if self.mask_views else _NONE
        return np.concatenate(self.weight_views), masks

    def holds(self, numbers: Numbers, masks: Numbers, copies: int) -> bool:
        """Return whether these numbers are those of the call."""
        same = copies == self.copies and numbers.dtype == self.numbers.dtype
        return same and _same(numbers, self.numbers) and _same(masks, self.masks)


def _same(left: Numbers, right: Numbers) -> bool:
    return left is right or (left.shape == right.shape and bool((left == right).all()))


def _cut(numbers: Numbers, like: Sequence[Tensor]) -> list[Tensor]:
    """Return arrays that lie one after the other, as tensors of the shapes of `like`."""
    ends = accumulate((own.numel() for own in like), initial=0)
    return [torch.from_numpy(numbers[a:b].reshape(o.shape)) for (a, b), o in zip(pairwise(ends), like, strict=True)]


OPERATION = CfCSequence

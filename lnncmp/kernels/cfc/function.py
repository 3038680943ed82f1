"""The fused CfC as an operation of torch: all stages of a plan over a whole sequence.

Legend: S copies, B batch, T steps, I inputs, H hidden units.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import is_

import numpy as np
import torch
from torch import Tensor

from lnncmp.kernels.cfc.backward import backward
from lnncmp.kernels.cfc.forward import forward
from lnncmp.kernels.cfc.layout import Call, Layout, kept_numbers, lay_out
from lnncmp.kernels.cfc.moves import pack, unpack
from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.moves import flat_or_zeros, joined, zeros
from lnncmp.kernels.common.operation import DT, VALID, Given, Memory, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import flat, numbers_of, present

_NONE = np.empty(0, np.bool_)


class CfCSequence(ArrayOperation):
    """Hidden states (B, T, width) and the final states of a CfC over x (B, T, I), dt (B, T).

    Weights: those of all stages, see Plan. Settings: the plan as text.
    """

    def __init__(self, settings: str) -> None:
        self.plan = Plan.from_text(settings)
        self.states, self.outputs = self.plan.states, 1 + self.plan.states
        # Factors of dropout have their batch in another place.
        self.folds = "drop" not in self.plan.roles
        # Each stage adds to it what it found for the stage before.
        self.overwrites = len(self.plan.stages) > 1
        self._shapes = self.plan.shapes(0, 0)

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the weights, masks and factors of dropout of all stages."""
        return self._shapes if self.folds else self.plan.shapes(*x[:2])

    def _layout(self, given: GivenArrays, keep: bool, wants_x: bool) -> Layout:
        x, valid = given[X], given[VALID]
        copies, batch, steps, inputs = x.shape
        padded, single = valid is not None, x.dtype == np.float32
        return lay_out(self.plan, Call(copies, batch, steps, inputs, keep, wants_x, padded, single))

    def _joined(self, given: GivenArrays, role: str) -> Numbers:
        """Return the numbers of all weights or of all masks, each tensor's after the other's."""
        own = [numbers for numbers, its in zip(given[self.data :], self.plan.roles, strict=True) if its == role]
        return joined(own) if own else _NONE

    def _dropout(self, given: GivenArrays, units: int) -> Numbers:
        """Return the factors of dropout, the units padded to `units`; none without dropout."""
        if self.folds:
            return flat(given[X])[:0]
        factors = given[self.data + self.plan.roles.index("drop")].reshape(-1, self.plan.stages[0].units)
        return flat(np.pad(factors, ((0, 0), (0, units - factors.shape[1]))))

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run all stages; kept are the kernel's buffer and the numbers of the weights."""
        layout, numbers = self._layout(given, keep, wants_x=False), self._joined(given, "weight")
        packed = self._packed(layout, given[X].shape[0], numbers, self._joined(given, "mask"))
        outputs, kept = self._run(given, layout, packed, keep)
        return outputs, [kept, numbers] if keep else [kept[:0], numbers[:0]]

    def _packed(self, layout: Layout, copies: int, numbers: Numbers, masks: Numbers) -> Numbers:
        """Return the weights as the kernel reads them."""
        places = layout.weights
        packed = zeros(copies * places.total, numbers.dtype)
        call(pack, places.forward, copies, numbers, masks, places.total, packed)
        return packed

    def _run(self, given: GivenArrays, layout: Layout, weights: Numbers, keep: bool) -> tuple[list[Numbers], Numbers]:
        """Return hidden and final states, and the kernel's buffer."""
        x, dt, valid, states = given[X], given[DT], given[VALID], given[3 : self.data]
        kind, real = x.dtype, _NONE if valid is None else flat(valid)
        start = [flat(state) for state in states]
        begin = start[0] if len(start) == 1 else joined(start)
        kept, scratch = empty((layout.kept,), kind), empty((layout.scratch,), kind)
        hidden, final = empty((*dt.shape, self.plan.width), kind), empty((begin.size,), kind)
        arrays = flat(x), flat(dt), real, self._dropout(given, layout.units_pad), begin, weights
        run_tiles(forward, layout.tiles, layout.stages, *arrays, kept, flat(hidden), final, scratch)
        cut = _cut(final, [state.size for state in states])
        return [hidden, *(own.reshape(state.shape) for own, state in zip(cut, states, strict=True))], kept

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run all stages.

        Streaming calls the network for every step, and laying its weights out costs more than the step: with a
        `memory` the last call's are used if they are still the same. The numbers themselves are compared: neither
        fused optimisers nor writing into `.data` change a tensor's version.
        """
        if keep or memory is None:
            return super().forward(tensors, keep, stacked)
        last: _Packed | None = memory.last
        own = tensors[self.data :]
        if last is not None and last.shows(own):
            given = self.data_arrays(tensors, stacked)
            numbers, masks = last.read()
        else:
            given = self.arrays(tensors, stacked)
            numbers, masks = self._joined(given, "weight"), self._joined(given, "mask")
        layout = self._layout(given, False, wants_x=False)
        copies = given[X].shape[0]
        if last is None or not last.holds(numbers, masks, copies):
            packed = self._packed(layout, copies, numbers, masks)
            last = memory.last = _Packed(self.plan, own, numbers, masks, copies, packed)
        outputs, _ = self._run(given, layout, last.packed, False)
        nothing = torch.from_numpy(last.numbers[:0])
        return [torch.from_numpy(one if stacked else one[0]) for one in outputs], [nothing, nothing]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, the states and the weights; those are the numbers of the forward pass."""
        plan, x, dt, valid, states = self.plan, given[X], given[DT], given[VALID], given[3 : self.data]
        copies, kind, real = x.shape[0], x.dtype, _NONE if valid is None else flat(valid)
        layout = self._layout(given, True, wants_x)
        (buffer, numbers), masks = kept, self._joined(given, "mask")
        d_hidden = flat_or_zeros(grads[0], dt.size * plan.width, kind)
        ends = [flat_or_zeros(g, s.size, kind) for g, s in zip(grads[1:], states, strict=True)]
        d_final = ends[0] if len(ends) == 1 else joined(ends)
        d_start, d_x = empty((d_final.size,), kind), zeros(x.size if wants_x else 0, kind)
        places, parts = layout.weights, max(layout.parts, 1)
        backs = zeros(copies * places.back_total, kind)
        call(pack, places.backward, copies, numbers, masks, places.back_total, backs)
        summed, gradients = zeros(copies * parts * places.total, kind), empty((numbers.size,), kind)
        scratch, into = empty((layout.scratch,), kind), (d_hidden, d_final, d_x, d_start, summed)
        run_tiles(backward, layout.tiles, layout.stages, flat(dt), real, backs, buffer, *into, scratch)
        call(unpack, places.forward, copies, parts, summed, places.total, numbers, masks, gradients)
        own = list(zip(given[self.data :], plan.roles, strict=True))
        found = iter(_cut(gradients, [weight.size for weight, its in own if its == "weight"]))
        weights = [next(found) if its == "weight" else None for _, its in own]
        return [d_x if wants_x else None, None, None, *_cut(d_start, [own.size for own in states]), *weights]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and final states, and of the buffer and the numbers of the weights."""
        x, *states = present((tensors[X], *tensors[3 : self.data]))
        own = zip(present(tensors[self.data :]), self.plan.roles, strict=True)
        numbers = sum(weight.numel() for weight, its in own if its == "weight")
        batch, steps, inputs = x.shape
        own_call = Call(1, batch, steps, inputs, True, False, tensors[VALID] is not None, x.dtype == torch.float32)
        outputs = [(*x.shape[:-1], self.plan.width), *(state.shape for state in states)]
        return outputs, [(kept_numbers(self.plan, own_call) * keep,), (numbers * keep,)]


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


def _cut(numbers: Numbers, lengths: Sequence[int]) -> list[Numbers]:
    """Return the parts of those lengths, which lie one after the other."""
    return [numbers[a:b] for a, b in pairwise(accumulate(lengths, initial=0))]


OPERATION = CfCSequence

"""Sizes of a CfC stage and where in one block of memory its buffers lie, worked out once for each set-up.

Legend as in cfc_sizes.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

from numpy.typing import NDArray

from lnncmp.kernels.cfc_math import ACTIVATIONS, LECUN_GAIN, LECUN_SLOPE, NEEDS_INPUT
from lnncmp.kernels.cfc_plan import StagePlan
from lnncmp.kernels.cfc_sizes import Scale, Size
from lnncmp.kernels.matmul import padded

Numbers = NDArray[Any]
Shape = tuple[int, ...]
BLOCK = 32
"""Rows of a tile at most: weights are read again for each tile, states should stay in the cache."""
_MODES = {"default": 0, "no_gate": 1, "pure": 2}
_MEMORIES = {None: 0, "replace_h": 1, "input_to_cfc": 2}


@dataclass(frozen=True)
class Call:
    """What a stage's sizes depend on besides its plan."""

    copies: int
    batch: int
    steps: int
    x_row: int
    x_start: int
    hidden_row: int
    hidden_start: int
    keep: bool
    wants_x: bool
    padded_steps: bool
    single: bool
    threads: int


@dataclass(frozen=True)
class Block:
    """Arrays that lie one after the other in one block of `total` numbers."""

    shapes: tuple[Shape, ...]
    bounds: tuple[int, ...]

    @property
    def total(self) -> int:
        """Return the numbers of all arrays together."""
        return self.bounds[-1]

    def cut(self, numbers: Numbers) -> list[Numbers]:
        """Return the arrays of a block, each flat."""
        return [numbers[a:b] for a, b in pairwise(self.bounds)]

    def view(self, numbers: Numbers, index: int) -> Numbers:
        """Return one of the arrays in its shape."""
        return numbers[self.bounds[index] : self.bounds[index + 1]].reshape(self.shapes[index])


def _block(*shapes: Shape) -> Block:
    return Block(shapes, tuple(accumulate((math.prod(shape) for shape in shapes), initial=0)))


@dataclass(frozen=True)
class Layout:
    """Sizes, constants of the heads, and the blocks of the forward and the backward pass.

    kept: source, memory_source, gates, cells, layers, slopes, heads. written: heads, layers, gates, scratch.
    """

    size: Size
    scale: Scale
    kept: Block
    written: Block


@lru_cache(maxsize=256)
def lay_out(plan: StagePlan, call: Call) -> Layout:
    """Return the layout of a stage for a call."""
    size = _size(plan, call)
    gain, slope = (LECUN_GAIN, LECUN_SLOPE) if plan.head_activation == "lecun_tanh" else (1.0, 1.0)
    scale = Scale(gain, slope, 1.0 if plan.gate_sign == "plus" else -1.0)
    return Layout(size, scale, _kept(plan, size, call.copies), _written(plan, size, call.copies))


def _size(plan: StagePlan, call: Call) -> Size:
    batch = call.batch
    parts = max(-(-batch // BLOCK), -(-call.threads // max(call.copies, 1)))
    block = max(-(-batch // parts), 1)
    state_pad = padded(plan.hidden, call.single)
    return Size(
        batch=batch,
        steps=call.steps,
        block=block,
        parts=-(-batch // block),
        inputs=plan.inputs,
        inputs_pad=padded(plan.inputs, call.single),
        x_row=call.x_row,
        x_start=call.x_start,
        # The memory's output comes padded.
        lead=state_pad if plan.memory == "input_to_cfc" else plan.inputs,
        lead_pad=padded(plan.lead, call.single),
        state=plan.hidden,
        state_pad=state_pad,
        layers=plan.layers,
        units=plan.units,
        units_pad=padded(plan.units, call.single),
        heads=plan.heads,
        grad_row=(3 if plan.mode == "pure" else plan.heads) * state_pad,
        hidden_row=call.hidden_row,
        hidden_start=call.hidden_start,
        keep=int(call.keep),
        mode=_MODES[plan.mode],
        activation=ACTIVATIONS[plan.activation],
        memory=_MEMORIES[plan.memory],
        padded_steps=int(call.padded_steps),
        slopes=int(call.keep and plan.layers > 0 and (plan.dropped or plan.activation in NEEDS_INPUT)),
        dropped=int(plan.dropped),
        wants_x=int(call.wants_x),
    )


def _kept(plan: StagePlan, size: Size, copies: int) -> Block:
    slots = size.steps if size.keep else 1
    states = slots + size.keep
    memory, batch, width = plan.memory is not None, size.batch, size.state_pad
    return _block(
        (copies, slots if memory else states, batch, size.lead + width),
        (copies, states if memory else 0, batch, size.inputs + width),
        (copies, slots if memory else 0, batch, 4 * width),
        (copies, states if memory else 0, batch, width),
        (copies, size.layers, slots, batch, size.units_pad),
        (copies, size.layers if size.slopes else 0, slots, batch, size.units_pad),
        (copies, slots, batch, (2 if plan.mode == "pure" else 3) * width),
    )


def _written(plan: StagePlan, size: Size, copies: int) -> Block:
    shape = (size.steps, size.batch)
    return _block(
        (copies, *shape, size.grad_row),
        (copies, size.layers, *shape, size.units_pad),
        (copies, *shape, 4 * size.state_pad if plan.memory else 0),
        (copies, size.parts, 5, size.block, max(size.state_pad, size.inputs_pad)),
    )

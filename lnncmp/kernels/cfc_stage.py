"""One stage of a fused CfC: the calls of its kernels and what they work on.

All arrays have a leading axis of S copies. Legend as in cfc_sizes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lnncmp.kernels.cfc_backward import backward
from lnncmp.kernels.cfc_forward import forward
from lnncmp.kernels.cfc_gradients import weight_gradients
from lnncmp.kernels.cfc_layout import Call, Layout, lay_out
from lnncmp.kernels.cfc_packing import StageNumbers
from lnncmp.kernels.cfc_plan import StagePlan
from lnncmp.kernels.cfc_sizes import Given, Grads, Path
from lnncmp.kernels.numbers import flat
from lnncmp.kernels.pool import empty
from lnncmp.kernels.tiles import run_tiles

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Sequence:
    """What a stage works on: x (S, B, T, x_row), its inputs from x_start on, dt (S, B, T), real or None."""

    x: Numbers
    x_start: int
    dt: Numbers
    real: Numbers | None

    def layout(self, plan: StagePlan, hidden: Numbers, place: int, keep: bool, wants_x: bool = False) -> Layout:
        """Return the sizes for a stage that writes to `hidden` (S, B, T, width) from `place` on."""
        single, threads = hidden.dtype == np.float32, torch.get_num_threads()
        padded_steps = self.real is not None
        row, width = self.x.shape[3], hidden.shape[3]
        copies, batch, steps = self.dt.shape
        sizes = (copies, batch, steps, row, self.x_start, width, place)
        call = Call(*sizes, keep, wants_x, padded_steps, single, threads)
        return lay_out(plan, call)

    def given(self, x: Numbers, h: Numbers, c: Numbers, drop: Numbers) -> Given:
        """Return the kernels' arguments, with flat x, h, c and dropout factors."""
        real = np.empty(0, np.bool_) if self.real is None else flat(self.real)
        return Given(x, flat(self.dt), real, h, c, drop)


def _padded_last(numbers: Numbers, columns: int) -> Numbers:
    """Return numbers (..., N) with zeros up to `columns` in the last axis."""
    missing = columns - numbers.shape[-1]
    return numbers if not missing else np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, missing)])


def run(
    plan: StagePlan,
    numbers: StageNumbers,
    drop: Numbers | None,
    sequence: Sequence,
    start: list[Numbers],
    hidden: Numbers,
    place: int,
    keep: bool,
) -> tuple[list[Numbers], Numbers]:
    """Run one stage from `start` and write its states to `hidden` (S, B, T, width), from `place` on in the last axis.

    Returns its final state and the block that `backpropagate` needs if `keep`.
    """
    copies, kind, none = hidden.shape[0], hidden.dtype, np.empty(0, hidden.dtype)
    layout = sequence.layout(plan, hidden, place, keep)
    size = layout.size
    factors = none if drop is None else flat(_padded_last(drop, size.units_pad))
    given = sequence.given(flat(sequence.x), flat(start[0]), flat(start[1]) if plan.memory else none, factors)
    kept = empty((layout.kept.total,), kind)
    finals = [np.empty((copies, size.batch, plan.hidden), kind) for _ in start]
    last_c = flat(finals[1]) if plan.memory else none
    scratch = np.empty(copies * size.parts * size.block * plan.heads * size.state_pad, kind)
    path = Path._make([flat(hidden), flat(finals[0]), last_c, *layout.kept.cut(kept), scratch])
    run_tiles(forward, copies * size.parts, size, layout.scale, given, numbers.forward(size), path)
    return finals, kept


def backpropagate(
    plan: StagePlan,
    numbers: StageNumbers,
    mask: Numbers | None,
    sequence: Sequence,
    kept: Numbers,
    place: int,
    hidden: Numbers,
    finals: list[Numbers],
    x: Numbers | None,
) -> tuple[list[Numbers], list[Numbers]]:
    """Return the gradients of a stage's starting state and of its tensors (without the mask and the dropout factors).

    `hidden` (S, B, T, width) and `finals` are the gradients of what `run` wrote, `kept` is its block; the gradient of
    the inputs is added to `x` unless that is None. Of `sequence.x` only the shape is used.
    """
    copies, kind, none = hidden.shape[0], hidden.dtype, np.empty(0, hidden.dtype)
    layout = sequence.layout(plan, hidden, place, True, x is not None)
    size, memory = layout.size, plan.memory is not None
    path = Path._make([none, none, none, *layout.kept.cut(kept), none])
    starts = [np.empty((copies, size.batch, plan.hidden), kind) for _ in finals]
    written = empty((layout.written.total,), kind)
    grads = Grads(
        flat(hidden),
        flat(finals[0]),
        flat(finals[1]) if memory else none,
        none if x is None else flat(x),
        flat(starts[0]),
        flat(starts[1]) if memory else none,
        *layout.written.cut(written),
    )
    given = sequence.given(none, none, none, none)
    run_tiles(backward, copies * size.parts, size, layout.scale, given, numbers.backward(size), path, grads)
    return starts, weight_gradients(plan, layout, numbers, mask, kept, written)

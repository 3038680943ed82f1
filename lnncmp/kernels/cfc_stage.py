"""One stage of a fused CfC: sizes and buffers, the calls of its kernels, and the gradients of its weights.

All arrays have a leading axis of S copies. Legend as in cfc_sizes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lnncmp.kernels.cfc_backward import backward
from lnncmp.kernels.cfc_forward import forward
from lnncmp.kernels.cfc_gradients import Written, weight_gradients
from lnncmp.kernels.cfc_math import ACTIVATIONS, LECUN_GAIN, LECUN_SLOPE, NEEDS_INPUT
from lnncmp.kernels.cfc_packing import StageNumbers
from lnncmp.kernels.cfc_plan import StagePlan
from lnncmp.kernels.cfc_sizes import Given, Grads, Path, Scale, Size
from lnncmp.kernels.matmul import padded
from lnncmp.kernels.numbers import flat
from lnncmp.kernels.tiles import run_tiles

Numbers = NDArray[Any]
BLOCK = 32
"""Rows of a tile at most: weights are read again for each tile, states should stay in the cache."""
_MODES = {"default": 0, "no_gate": 1, "pure": 2}
_MEMORIES = {None: 0, "replace_h": 1, "input_to_cfc": 2}
_KEPT = ("source", "memory_source", "gates", "cells", "layers", "slopes", "heads")
"""Buffers that the backward pass needs, in the order of Path."""


@dataclass(frozen=True)
class Sequence:
    """What a stage works on: x (S, B, T, x_row), its inputs from x_start on, dt (S, B, T), real or None."""

    x: Numbers
    x_start: int
    dt: Numbers
    real: Numbers | None


def scale(plan: StagePlan) -> Scale:
    """Return the constants of the heads."""
    gain, slope = (LECUN_GAIN, LECUN_SLOPE) if plan.head_activation == "lecun_tanh" else (1.0, 1.0)
    return Scale(gain, slope, 1.0 if plan.gate_sign == "plus" else -1.0)


def measure(
    plan: StagePlan, given: Sequence, hidden_row: int, hidden_start: int, keep: bool, wants_x: bool = False
) -> Size:
    """Return the sizes of a stage, and how its batch falls into tiles."""
    copies, batch, steps = given.dt.shape
    single = given.dt.dtype == np.float32
    parts = max(-(-batch // BLOCK), -(-torch.get_num_threads() // max(copies, 1)))
    block = -(-batch // parts) if batch else 1
    state_pad = padded(plan.hidden, single)
    return Size(
        batch=batch,
        steps=steps,
        block=block,
        parts=-(-batch // block),
        inputs=plan.inputs,
        inputs_pad=padded(plan.inputs, single),
        x_row=given.x.shape[3],
        x_start=given.x_start,
        # The memory's output comes padded.
        lead=state_pad if plan.memory == "input_to_cfc" else plan.inputs,
        lead_pad=padded(plan.lead, single),
        state=plan.hidden,
        state_pad=state_pad,
        layers=plan.layers,
        units=plan.units,
        units_pad=padded(plan.units, single),
        heads=plan.heads,
        grad_row=(3 if plan.mode == "pure" else plan.heads) * state_pad,
        hidden_row=hidden_row,
        hidden_start=hidden_start,
        keep=int(keep),
        mode=_MODES[plan.mode],
        activation=ACTIVATIONS[plan.activation],
        memory=_MEMORIES[plan.memory],
        padded_steps=int(given.real is not None),
        slopes=int(keep and plan.layers > 0 and (plan.dropped or plan.activation in NEEDS_INPUT)),
        dropped=int(plan.dropped),
        wants_x=int(wants_x),
    )


def _buffers(plan: StagePlan, size: Size, copies: int, kind: Any) -> dict[str, Numbers]:
    """Return the buffers that the forward pass fills, by their names in Path."""
    slots = size.steps if size.keep else 1
    states = slots + size.keep
    memory, batch, width = plan.memory is not None, size.batch, size.state_pad
    shapes = {
        "source": (slots if memory else states, batch, size.lead + width),
        "memory_source": (states if memory else 0, batch, size.inputs + width),
        "gates": (slots if memory else 0, batch, 4 * width),
        "cells": (states if memory else 0, batch, width),
        "layers": (size.layers, slots, batch, size.units_pad),
        "slopes": (size.layers if size.slopes else 0, slots, batch, size.units_pad),
        "heads": (slots, batch, (2 if plan.mode == "pure" else 3) * width),
    }
    return {name: np.empty((copies, *shape), kind) for name, shape in shapes.items()}


def _real(sequence: Sequence) -> Numbers:
    return np.empty(0, np.bool_) if sequence.real is None else flat(sequence.real)


def _given(plan: StagePlan, size: Size, sequence: Sequence, start: list[Numbers], drop: Numbers | None) -> Given:
    none = np.empty(0, sequence.dt.dtype)
    c = flat(start[1]) if plan.memory else none
    factors = none if drop is None else flat(_padded_last(drop, size.units_pad))
    return Given(flat(sequence.x), flat(sequence.dt), _real(sequence), flat(start[0]), c, factors)


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
) -> tuple[list[Numbers], list[Numbers]]:
    """Run one stage from `start` and write its states to `hidden` (S, B, T, width), from `place` on in the last axis.

    Returns its final state and, if `keep`, the buffers for `backpropagate`.
    """
    copies, kind = hidden.shape[0], hidden.dtype
    size = measure(plan, sequence, hidden.shape[3], place, keep)
    given = _given(plan, size, sequence, start, drop)
    buffers = _buffers(plan, size, copies, kind)
    finals = [np.empty((copies, size.batch, plan.hidden), kind) for _ in start]
    last_c = flat(finals[1]) if plan.memory else np.empty(0, kind)
    scratch = np.empty(copies * size.parts * size.block * plan.heads * size.state_pad, kind)
    path = Path(flat(hidden), flat(finals[0]), last_c, *(flat(buffers[name]) for name in _KEPT), scratch)
    run_tiles(forward, copies * size.parts, size, scale(plan), given, numbers.forward(size), path)
    return finals, [buffers[name] for name in _KEPT] if keep else []


def backpropagate(
    plan: StagePlan,
    numbers: StageNumbers,
    mask: Numbers | None,
    sequence: Sequence,
    buffers: list[Numbers],
    place: int,
    hidden: Numbers,
    finals: list[Numbers],
    x: Numbers | None,
) -> tuple[list[Numbers], list[Numbers]]:
    """Return the gradients of a stage's starting state and of its tensors (without the mask and the dropout factors).

    `hidden` (S, B, T, width) and `finals` are the gradients of what `run` wrote; that of the inputs is added to `x`
    unless that is None. `sequence.x` may have no content, only a shape.
    """
    copies, kind, none = hidden.shape[0], hidden.dtype, np.empty(0, hidden.dtype)
    size = measure(plan, sequence, hidden.shape[3], place, True, x is not None)
    given = Given(none, flat(sequence.dt), _real(sequence), none, none, none)
    path = Path(none, none, none, *map(flat, buffers), none)
    starts = [np.empty((copies, size.batch, plan.hidden), kind) for _ in finals]
    shape = (copies, size.steps, size.batch)
    heads = np.empty((*shape, size.grad_row), kind)
    layers = np.empty((copies, size.layers, *shape[1:], size.units_pad), kind)
    gates = np.empty((*shape, 4 * size.state_pad if plan.memory else 0), kind)
    memory = plan.memory is not None
    grads = Grads(
        hidden=flat(hidden),
        last_h=flat(finals[0]),
        last_c=flat(finals[1]) if memory else none,
        x=none if x is None else flat(x),
        h=flat(starts[0]),
        c=flat(starts[1]) if memory else none,
        heads=flat(heads),
        layers=flat(layers),
        gates=flat(gates),
        scratch=np.empty(copies * size.parts * 5 * size.block * max(size.state_pad, size.inputs_pad), kind),
    )
    run_tiles(backward, copies * size.parts, size, scale(plan), given, numbers.backward(size), path, grads)
    return starts, weight_gradients(plan, size, numbers, mask, buffers, Written(heads, layers, gates))

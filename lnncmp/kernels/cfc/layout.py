"""Sizes of a CfC's stages and where their buffers lie, worked out once for each set-up. Legend as in sizes."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.cfc.math import ACTIVATIONS, LECUN_GAIN, LECUN_SLOPE, NEEDS_INPUT
from lnncmp.kernels.cfc.plan import Plan
from lnncmp.kernels.cfc.sizes import RECORD, Stage
from lnncmp.kernels.cfc.weights import WeightLayout, lay_out_weights, spread
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.tile_sizes import BLOCK, CHUNK, SMALL_BLOCK

_MODES = {"default": 0, "no_gate": 1, "pure": 2}
_MEMORIES = {None: 0, "replace_h": 1, "input_to_cfc": 2}


class Call(NamedTuple):
    """What sizes depend on in addition to the plan."""

    copies: int
    batch: int
    steps: int
    inputs: int
    """Features of a step of x."""
    keep: bool
    wants_x: bool
    padded_steps: bool
    single: bool


@dataclass(frozen=True)
class Layout:
    """Records of all stages for the kernels, the layout of their weights, and the lengths of buffers."""

    stages: NDArray[Any]
    weights: WeightLayout
    tiles: int
    parts: int
    kept: int
    scratch: int
    """Of all tiles together."""
    units_pad: int
    """Of the first stage."""


def blocks(batch: int) -> tuple[int, int]:
    """Return the rows of a tile and the tiles of a copy; they depend on the batch alone, so that results do too."""
    parts = max(-(-batch // BLOCK), min(-(-batch // SMALL_BLOCK), 2))
    block = max(-(-batch // max(parts, 1)), 1)
    return block, -(-batch // block)


@lru_cache(maxsize=256)
def lay_out(plan: Plan, call: Call) -> Layout:
    """Return the layout of all stages for a call."""
    weights = lay_out_weights(plan, call.copies, call.single)
    stages: list[Stage] = []
    kept = states = 0
    for index in range(len(plan.stages)):
        stage, kept = _stage(plan, index, call, weights.fields[index], kept, states)
        states += (2 if stage.memory else 1) * call.copies * call.batch * stage.state
        stages.append(stage)
    scratch = max(stage.scratch for stage in stages)
    records = np.array([tuple(stage._replace(scratch=scratch)) for stage in stages], RECORD)
    parts = stages[0].parts
    tiles = call.copies * parts
    return Layout(records, weights, tiles, parts, kept, tiles * scratch, stages[0].units_pad)


def _stage(plan: Plan, index: int, call: Call, weights: dict[str, int], kept: int, states: int) -> tuple[Stage, int]:
    """Return a stage, whose kept arrays begin at `kept` and its states at `states`, and where its kept arrays end."""
    stage = plan.stages[index]
    block, parts = blocks(call.batch)
    sizes = {**_sizes(plan, index, call, states), "block": block, "parts": parts}
    places, end = _kept(sizes, kept)
    scratch = _scratch(sizes, weights)
    gain, slope = (LECUN_GAIN, LECUN_SLOPE) if stage.head_activation == "lecun_tanh" else (1.0, 1.0)
    scale = {"gain": gain, "slope": slope, "sign": 1.0 if stage.gate_sign == "plus" else -1.0}
    return Stage(**{**sizes, **weights, **places, **scratch, **scale}), end  # type: ignore[arg-type]


def kept_numbers(plan: Plan, call: Call) -> int:
    """Return how many numbers are kept in a call; B and T may be symbols of torch.compile."""
    end = 0
    for index in range(len(plan.stages)):
        _, end = _kept(_sizes(plan, index, call, 0), end)
    return end


def _sizes(plan: Plan, index: int, call: Call, states: int) -> dict[str, int]:
    """Return the sizes of a stage, whose states begin at `states`, but for those of its tiles."""
    stage, single = plan.stages[index], call.single
    width, units = padded(stage.hidden, single), padded(stage.units, single)
    return {
        "batch": call.batch,
        "steps": call.steps,
        "all_rows": call.copies * call.batch,
        "inputs": stage.inputs,
        "inputs_pad": padded(stage.inputs, single),
        "x_row": plan.width if index else call.inputs,
        "x_start": plan.places[index - 1] if index else 0,
        # The memory's output comes padded.
        "lead": width if stage.memory == "input_to_cfc" else stage.inputs,
        "lead_pad": padded(stage.lead, single),
        "state": stage.hidden,
        "state_pad": width,
        "layers": stage.layers,
        "units": stage.units,
        "units_pad": units,
        "heads": stage.heads,
        "head_grads": (3 if stage.mode == "pure" else stage.heads) * width,
        "grads_row": spread((3 if stage.mode == "pure" else stage.heads) * width),
        "hidden_row": plan.width,
        "hidden_start": plan.places[index],
        "keep": int(call.keep),
        "mode": _MODES[stage.mode],
        "activation": ACTIVATIONS[stage.activation],
        "memory": _MEMORIES[stage.memory],
        "padded_steps": int(call.padded_steps),
        "slopes": int(call.keep and stage.layers > 0 and (stage.dropped or stage.activation in NEEDS_INPUT)),
        "dropped": int(stage.dropped),
        "wants_x": int(call.wants_x or index > 0),
        "h_at": states,
    }


def _places(start: int, lengths: dict[str, int]) -> tuple[dict[str, int], int]:
    """Return where arrays of those lengths begin if they lie one after the other from `start` on, and their end."""
    places = {}
    for name, length in lengths.items():
        places[name] = start
        start += length
    return places, start


def _kept(size: dict[str, int], start: int) -> tuple[dict[str, int], int]:
    slots = size["all_rows"] * (size["steps"] if size["keep"] else 1)
    states = slots + size["all_rows"] * size["keep"]
    memory, width = size["memory"] > 0, size["state_pad"]
    layer = slots * size["units_pad"]
    lengths = {
        "source": (slots if memory else states) * (size["lead"] + width),
        "memory_source": states * (size["inputs"] + width) if memory else 0,
        "gates": slots * 4 * width if memory else 0,
        "cells": states * width if memory else 0,
        "activations": size["layers"] * layer,
        "kept_slopes": size["layers"] * layer if size["slopes"] else 0,
        "kept_heads": slots * (2 if size["mode"] == _MODES["pure"] else 3) * width,
    }
    return _places(start, lengths)


def _scratch(size: dict[str, int], weights: dict[str, int]) -> dict[str, int]:
    part = size["block"] * max(size["state_pad"], size["inputs_pad"])
    if not size["keep"]:
        values = size["block"] * size["heads"] * size["state_pad"]
        return {"part": 0, "gathered": 0, "scratch": values, "d_heads": 0, "d_layers": 0, "d_gates": 0}
    rows = max(CHUNK, size["block"])
    lengths = {
        "d_heads": rows * size["grads_row"],
        "d_layers": size["layers"] * rows * weights["units_row"],
        "d_gates": rows * weights["gates_row"] if size["memory"] else 0,
    }
    places, end = _places(5 * part, lengths)
    return {"part": part, "gathered": rows, "scratch": end, **places}

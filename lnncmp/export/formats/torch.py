"""Programs of torch.export: a step and a sequence that load with torch alone, without lnncmp."""

import io
import json
from typing import Any

import torch

from lnncmp.export.formats.base import Checked, Choices, Exported, Floats, Format
from lnncmp.export.interpret import SequenceNetwork, StepNetwork
from lnncmp.export.network import PortableNetwork
from lnncmp.export.program import Program

_BATCH, _STEPS = 2, 3
"""Sizes of the example inputs: torch.export takes sizes of 0 and 1 for fixed."""


def write(network: PortableNetwork, program: Program, choices: Choices) -> Exported:
    """Return two files: NAME_step.pt2, (x (B, I), dt (B,), *states) -> (y, *states), and NAME_sequence.pt2.

    The sequence maps x (B, T, I), dt (B, T) to y (B, T, O). Batch and steps are dynamic. What the numbers mean is in
    the extra file `about.json` of both.
    """
    step = StepNetwork(program)
    batch = torch.export.Dim("batch", min=1)
    steps = torch.export.Dim("steps", min=1)
    states = step.initial(_BATCH)
    example = (torch.zeros(_BATCH, program.inputs), torch.ones(_BATCH), *states)
    long = (torch.zeros(_BATCH, _STEPS, program.inputs), torch.ones(_BATCH, _STEPS))
    with torch.no_grad():
        one = torch.export.export(
            step,
            example,
            dynamic_shapes={"x": {0: batch}, "dt": {0: batch}, "states": tuple({0: batch} for _ in states)},
        )
        both = {0: batch, 1: steps}
        whole = torch.export.export(SequenceNetwork(step), long, dynamic_shapes={"x": both, "dt": both})
    about = json.dumps({**network.facts(), "states": {name: program.sizes[name] for name in program.states}}, indent=2)
    name = choices.name
    return Exported({f"{name}_step.pt2": _saved(one, about), f"{name}_sequence.pt2": _saved(whole, about)})


def _saved(program: Any, about: str) -> bytes:
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={"about.json": about})
    return file.getvalue()


def run(exported: Exported, choices: Choices, x: Floats, dt: Floats) -> Checked:
    """Return what the loaded files compute for x (N, I), dt (N,), step by step and as one sequence."""
    extra = {"about.json": ""}
    one, whole = (
        torch.export.load(io.BytesIO(exported.files[f"{choices.name}_{kind}.pt2"]), extra_files=extra).module()
        for kind in ("step", "sequence")
    )
    given, elapsed = torch.from_numpy(x), torch.from_numpy(dt)
    states = [torch.zeros(1, size) for size in json.loads(extra["about.json"])["states"].values()]
    outputs = []
    with torch.no_grad():
        y = whole(given[None], elapsed[None])[0]
        for k in range(len(x)):
            out, *states = one(given[k : k + 1], elapsed[k : k + 1], *states)
            outputs.append(out[0])
    return Checked({"step": torch.stack(outputs).double().numpy(), "sequence": y.double().numpy()})


FORMAT = Format("Two programs of torch.export (.pt2) that load with torch alone: a step and a sequence.", write, run)

"""What is behind a stepper: arrays for inputs, outputs and state, and a way to move them by one step.

Legend of shape suffixes: B batch, T steps, I inputs, O outputs, H hidden units.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from lnncmp.errors import UsageError
from lnncmp.kernels.common.torch_arrays import usable
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.liquid import LeadingReadout
from lnncmp.layers.readout import LinearReadout, MotorReadout
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.step_programs import write_affine, write_gains

Numbers = NDArray[Any]

_version = attrgetter("_version")
_optimizer_steps = 0


def _count_step(*_: Any) -> None:
    global _optimizer_steps
    _optimizer_steps += 1


# A fused optimiser changes weights without raising their version, so that an optimiser's steps are counted too.
register_optimizer_step_post_hook(_count_step)


class StepEngine(ABC):
    """Arrays x (B, I), dt (B,), y (B, O) and the state's (B, width), and `run`, which moves them by one step."""

    implementation: str
    x: Numbers
    dt: Numbers
    y: Numbers
    state: list[Numbers]

    def __init__(self, layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool) -> None:
        self.layer, self.readout, self.batch, self.time_as_input = layer, readout, batch, time_as_input

    @abstractmethod
    def run(self) -> None:
        """Compute y and the new state from x, dt and the state, all in place."""

    def state_to_zero(self) -> None:
        """Go back to the state before the first step."""
        for own in self.state:
            own[:] = 0.0

    @abstractmethod
    def stale(self) -> bool:
        """Return whether the weights have changed in place since they were prepared."""

    @abstractmethod
    def prepare(self) -> None:
        """Prepare the weights as they are now; the state stays."""


class CompiledEngine(StepEngine):
    """A step program and the kernel that carries it out, for what has a program."""

    implementation = "compiled"

    def __init__(self, layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool) -> None:
        from lnncmp.kernels.step.run import run  # loads the compiler, which takes a second

        super().__init__(layer, readout, batch, time_as_input)
        self._kernel, self._kind = run, next(layer.parameters()).dtype
        self.state = []
        self.prepare()
        self.run()  # compiles, the first time on a machine
        self.state_to_zero()

    def run(self) -> None:
        """Carry out the program."""
        self._kernel(*self._arguments)

    def stale(self) -> bool:
        """Return whether the version of a weight has changed, or any optimiser has taken a step."""
        return self._optimizer_steps != _optimizer_steps or self._versions != list(map(_version, self._weights))

    def prepare(self) -> None:
        """Write the program again, with the weights of now; the state stays.

        Raises UsageError if they are of another type or on another device than before.
        """
        weights = _weights(self.layer, self.readout)
        if not usable(*weights) or any(weight.dtype != self._kind for weight in weights):
            raise UsageError(
                f"the weights of this stepper are no longer {str(self._kind).removeprefix('torch.')} on the CPU",
                "Make a new stepper.",
            )
        # Tensors of inference mode have no version: they cannot change in place outside of it.
        self._weights = [weight for weight in weights if not weight.is_inference()]
        self._optimizer_steps = _optimizer_steps
        self._versions = list(map(_version, self._weights))
        with torch.no_grad():
            written = write_program(self.layer, self.readout, self.batch, self.time_as_input)
        assert written is not None, "make_engine has asked before"
        program, y, outputs = written
        code, numbers, memory = program.finish()
        state = [program.view(memory, at, width) for at, width in program.states]
        for new, old in zip(state, self.state, strict=False):
            new[:] = old
        self.x = program.view(memory, program.x, program.inputs)
        self.dt = program.view(memory, program.dt, 1)[:, 0]
        self.y = program.view(memory, y, outputs)
        self.state, self._arguments = state, (code, numbers, memory)


class PlainEngine(StepEngine):
    """Plain steps of the layer and the readout, without gradients and dropout, wherever the weights are."""

    implementation = "plain"

    def __init__(self, layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool) -> None:
        super().__init__(layer, readout, batch, time_as_input)
        weight = next(layer.parameters())
        kind = np.float64 if weight.dtype == torch.float64 else np.float32
        self.x, self.dt = np.zeros((batch, layer.inputs - time_as_input), kind), np.zeros(batch, kind)
        self.state = [np.zeros((batch, width), kind) for width in layer.state_widths]
        self.y = np.zeros(0, kind)
        self.y = self._next()[0]

    def run(self) -> None:
        """Take one step."""
        y, state = self._next()
        for own, new in zip((self.y, *self.state), (y, *state), strict=True):
            own[:] = new

    def _next(self) -> tuple[Numbers, list[Numbers]]:
        weight = next(self.layer.parameters())
        x, dt, *state = (torch.from_numpy(own).to(weight) for own in (self.x, self.dt, *self.state))
        if self.time_as_input:
            x = torch.cat([x, dt[:, None]], 1)
        whole = nn.ModuleList([self.layer] if self.readout is None else [self.layer, self.readout])
        training = [part for part in whole.modules() if part is not whole and part.training]
        for part in training:
            part.training = False
        try:
            with torch.no_grad():
                hidden, final = self.layer.sequence(x[:, None], dt[:, None], None, tuple(state))
                y = hidden if self.readout is None else self.readout(hidden)
        finally:
            for part in training:
                part.training = True
        kind = self.x.dtype
        return _array(y[:, 0], kind), [_array(part, kind) for part in final]

    def stale(self) -> bool:
        """Return False: the weights are read at every step."""
        return False

    def prepare(self) -> None:
        """Do nothing."""


def _array(tensor: Tensor, kind: Any) -> Numbers:
    return tensor.to("cpu", torch.float64).numpy().astype(kind)


def _weights(layer: nn.Module, readout: nn.Module | None) -> list[Tensor]:
    return [*layer.parameters(), *(() if readout is None else readout.parameters())]


def make_engine(layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool) -> StepEngine:
    """Return the compiled engine where there is one, else the plain one.

    It is plain for a layer without a program for its step or that was told to run as a loop, for other readouts than
    those of this project, and for weights that are not on the CPU or neither float32 nor float64.
    """
    weights = _weights(layer, readout)
    same = usable(*weights) and len({weight.dtype for weight in weights}) == 1
    compiled = layer.chosen != "loop" and same and write_program(layer, readout, batch, time_as_input) is not None
    kind = CompiledEngine if compiled else PlainEngine
    return kind(layer, readout, batch, time_as_input)


def write_program(
    layer: RecurrentLayer, readout: nn.Module | None, batch: int, time_as_input: bool
) -> tuple[StepProgram, int, int] | None:
    """Return the program of a step, where its outputs lie and how many they are; None if there is none."""
    kind = np.float64 if next(layer.parameters()).dtype == torch.float64 else np.float32
    program = StepProgram(layer.inputs - time_as_input, batch, kind)
    hidden = layer.write_step(program)
    if hidden is None:
        return None
    parts: Sequence[nn.Module] = [] if readout is None else [readout]
    if type(readout) is nn.Sequential:
        parts = list(readout)
    place, width = hidden, layer.width
    for part in parts:
        if type(part) in (nn.Linear, LinearReadout) and isinstance(part, nn.Linear):
            place, width = write_affine(part, program, place), part.out_features
        elif isinstance(part, LeadingReadout):
            place, width = write_affine(part.linear, program, place), part.linear.out_features
        elif isinstance(part, MotorReadout):
            place, width = write_gains(part.output_w, part.output_b, program, place), part.outputs
        elif type(part) is not nn.Identity:
            return None
    return program, place, width

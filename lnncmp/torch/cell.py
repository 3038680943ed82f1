"""What the cells of this folder have in common: a step, a sequence, and a sequence behind a memory cell.

Legend of shape suffixes: B batch, T steps, I inputs, H units, O outputs.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from lnncmp.errors import UsageError
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding, hold, stack_steps
from lnncmp.layers.sequence_model import State


class Cell(RecurrentLayer):
    """A recurrent cell with parameters and states as ncps.torch has them: the state is one tensor (B, H)."""

    @abstractmethod
    def read(self, hidden: Tensor) -> Tensor:
        """Return outputs (B, T, O) for the hidden states (B, T, H) of a sequence."""

    @abstractmethod
    def read_state(self, state: Tensor) -> Tensor:
        """Return outputs (B, O) for a state (B, H)."""

    def split(self, state: Tensor) -> State:
        """Return a state (B, H) as the tensors that `sequence` takes."""
        return (state,)

    def join(self, state: State) -> Tensor:
        """Return the tensors that `sequence` gives as one state (B, H)."""
        return state[0]

    @property
    def features(self) -> int:
        """O, the number of outputs of a step."""
        return self.width

    def write_mixed_step(self, memory: MemoryCell, program: StepProgram) -> int | None:
        """Write one step behind a memory cell for steppers; None if there is no program for it."""
        return None

    def write_outputs(self, program: StepProgram, hidden: int) -> int:
        """Write what `read` does to hidden units at a place for steppers; returns the place of the outputs."""
        return hidden

    def meet(self, memory: MemoryCell) -> None:
        """Prepare for `run_mixed` with this memory cell."""

    def run(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden states (B, T, H) and the final state (B, H) for x (B, T, I), dt (B, T), valid (B, T)."""
        hidden, final = self.sequence(x, dt, valid, self.split(state))
        return hidden, self.join(final)

    def run_mixed(
        self, memory: MemoryCell, x: Tensor, dt: Tensor, valid: Tensor | None, state: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `run` does and the final c (B, H), if at each step the memory's output replaces the state.

        The memory reads the state, so the steps are calls of their own.
        """
        x, dt = blank_padding(x, dt, valid)
        outputs = []
        for t, gate in enumerate(memory.drive(x).unbind(1)):
            u, new_c = memory.advance(gate, state, c)
            hidden, new_state = self.run(x[:, t : t + 1], dt[:, t : t + 1], None, u)
            real = None if valid is None else valid[:, t, None]
            state, c = hold(real, new_state, state), hold(real, new_c, c)
            outputs.append(hidden[:, 0])
        return stack_steps(outputs, self.width, state), state, c

    def step(self, x: Tensor, state: Tensor, elapsed: Tensor | float) -> tuple[Tensor, Tensor]:
        """Return outputs (B, O) and the new state (B, H) for x (B, I), a state (B, H) and elapsed times.

        These are one number for all, (B,) or (B, 1). Raises UsageError for other shapes.
        """
        if x.ndim != 2:
            raise UsageError(f"input has shape {tuple(x.shape)}, expected (batch, {self.inputs})")
        dt = torch.as_tensor(elapsed, dtype=self.sample_weight().dtype, device=x.device)
        batch = x.shape[0]
        if dt.ndim and tuple(dt.shape) not in ((batch,), (batch, 1)):
            raise UsageError(
                f"elapsed times have shape {tuple(dt.shape)}, expected {(batch,)} or {(batch, 1)} for input of shape "
                f"{tuple(x.shape)}"
            )
        if tuple(state.shape) != (batch, self.width):
            raise UsageError(
                f"the state has shape {tuple(state.shape)}, expected {(batch, self.width)} for input of shape "
                f"{tuple(x.shape)}"
            )
        grid = dt.expand(batch, 1) if dt.ndim == 0 else dt.reshape(batch, 1)
        _, final = self.run(x[:, None], grid, None, state)
        return self.read_state(final), final

"""The public layers one step at a time: what a stepper needs of LTC and CfC, mixed memory and projection included.

Legend of shape suffixes: B batch, T steps, I inputs, H units, O outputs.
"""

from typing import TYPE_CHECKING

from torch import Tensor

from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.sequence_model import State
from lnncmp.layers.stepper import Stepper, make_stepper

if TYPE_CHECKING:
    from lnncmp.torch.sequences import SequenceLayer


class StreamedLayer(RecurrentLayer):
    """A public layer whose `width` features are its outputs; state: that of its cell, then c of a memory."""

    def __init__(self, owner: "SequenceLayer", outputs: int) -> None:
        super().__init__()
        self.owner = owner
        cell = owner.rnn_cell
        self.chosen = cell.chosen
        self.inputs, self.width = cell.inputs, outputs
        self.state_widths = (*cell.state_widths, *((cell.width,) if owner.use_mixed else ()))

    def sample_weight(self) -> Tensor:
        """Return one of the weights."""
        return self.owner.rnn_cell.sample_weight()

    def initial_state(self, batch: int) -> State:
        """Return zeros."""
        return tuple(self.sample_weight().new_zeros(batch, width) for width in self.state_widths)

    def write_step(self, program: StepProgram) -> int | None:
        """Write one step for steppers; None if the cell has none, as a wired CfC behind a memory cell."""
        cell = self.owner.rnn_cell
        hidden = cell.write_mixed_step(self.owner.lstm, program) if self.owner.use_mixed else cell.write_step(program)
        return None if hidden is None else self.owner.write_outputs(program, cell.write_outputs(program, hidden))

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I), dt (B, T), valid (B, T)."""
        cell = self.owner.rnn_cell
        if not self.owner.use_mixed:
            hidden, final = cell.sequence(x, dt, valid, state)
            return self.owner.project(cell.read(hidden)), final
        hidden, h, c = cell.run_mixed(self.owner.lstm, x, dt, valid, cell.join(state[:-1]), state[-1])
        return self.owner.project(cell.read(hidden)), (*cell.split(h), c)


def stepper_of(owner: "SequenceLayer", batch: int) -> Stepper:
    """Return a stepper of a public layer for `batch` samples at once."""
    return make_stepper(StreamedLayer(owner, owner.features), batch=batch)

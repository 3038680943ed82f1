"""The public layers one step at a time: what a stepper needs of LTC and CfC (memory, projection), LSTM and GRU.

Legend of shape suffixes: B batch, T steps, I inputs, H units, O outputs.
"""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from lnncmp.errors import UsageError
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.plain_gated import gru_loop, lstm_loop
from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding
from lnncmp.layers.sequence_model import State
from lnncmp.layers.step_programs import write_gru, write_lstm
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
        """Write one step for steppers; None if the cell has no program for it."""
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


class StreamedGated(RecurrentLayer):
    """torch's LSTM or GRU of one layer and one direction; state (h, c) or (h,), each (B, H); dt is not read."""

    def __init__(self, owner: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.owner = owner
        self.inputs, self.width = owner.input_size, owner.hidden_size
        self.state_widths = (self.width,) * (2 if isinstance(owner, nn.LSTM) else 1)

    def weights(self) -> list[Tensor]:
        """Return w_ih (G H, I), w_hh (G H, H), b_ih and b_hh (G H,), zeros without bias."""
        own = self.owner
        w_ih, w_hh = own.get_parameter("weight_ih_l0"), own.get_parameter("weight_hh_l0")
        if not own.bias:
            return [w_ih, w_hh, *[w_hh.new_zeros(w_hh.shape[0])] * 2]
        return [w_ih, w_hh, own.get_parameter("bias_ih_l0"), own.get_parameter("bias_hh_l0")]

    def initial_state(self, batch: int) -> State:
        """Return zeros."""
        return tuple(self.sample_weight().new_zeros(batch, width) for width in self.state_widths)

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        write = write_lstm if isinstance(self.owner, nn.LSTM) else write_gru
        return write(self.weights(), program)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and the final state for x (B, T, I), valid (B, T), in plain PyTorch."""
        loop = lstm_loop if isinstance(self.owner, nn.LSTM) else gru_loop
        return loop(self.weights(), blank_padding(x, dt, valid)[0], valid, state)


def gated_stepper(owner: nn.LSTM | nn.GRU, batch: int) -> Stepper:
    """Return a stepper of torch's LSTM or GRU; raises UsageError unless it has one layer, one direction and all H."""
    if owner.num_layers != 1 or owner.bidirectional or owner.proj_size:
        raise UsageError(
            f"a stepper needs one layer of one direction without projection, this {type(owner).__name__} has "
            f"num_layers={owner.num_layers}, bidirectional={owner.bidirectional}, proj_size={owner.proj_size}",
            "Make one layer of each and call their steppers one after the other.",
        )
    return make_stepper(StreamedGated(owner), batch=batch)

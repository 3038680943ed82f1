"""What LTC and CfC have in common: a cell over sequences in any layout, with mixed memory if asked for.

Legend of shape suffixes: B batch, T steps, I inputs, H units, O outputs.
"""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lnncmp.errors import UsageError
from lnncmp.kernels.common.torch_arrays import check_kind
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.precision import as_weights, autocasts, unrounded
from lnncmp.torch.calls import Call, Times, read_call
from lnncmp.torch.cell import Cell
from lnncmp.torch.memory import LSTMCell

if TYPE_CHECKING:
    from lnncmp.layers.stepper import Stepper

State = Tensor | tuple[Tensor, Tensor]
"""h, or (h, c) with mixed memory, each (B, H), or (H,) without batch."""


class SequenceLayer(nn.Module):
    """A cell over a sequence: forward(input, hx, timespans) -> (outputs, hx)."""

    rnn_cell: Cell

    def __init__(self, input_size: int, return_sequences: bool, batch_first: bool, mixed_memory: bool) -> None:
        super().__init__()
        self.input_size = input_size
        self.return_sequences, self.batch_first, self.use_mixed = return_sequences, batch_first, mixed_memory

    def _add(self, cell: Cell) -> None:
        """Take the cell, and make the memory cell, in the order of ncps."""
        self.rnn_cell = cell
        if self.use_mixed:
            self.lstm = LSTMCell(self.input_size, cell.width)
            cell.meet(self.lstm)

    @property
    def implementation(self) -> str:
        """How a sequence is computed where the weights are now: `fused` or `loop`."""
        return self.rnn_cell.implementation

    @property
    def features(self) -> int:
        """O, the number of outputs of a step."""
        return self.rnn_cell.features

    def project(self, y: Tensor) -> Tensor:
        """Return what is done to the cell's outputs (..., O)."""
        return y

    def write_outputs(self, program: StepProgram, place: int) -> int:
        """Write what `project` does to the cell's outputs at `place` for steppers; returns the place of the result."""
        return place

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops that is fed one observation at a time; see make_stepper."""
        from lnncmp.torch.streaming import stepper_of

        return stepper_of(self, batch)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        timespans: Times = None,
        valid: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """Return outputs and the final state.

        input: (B, T, I), (T, B, I) if not batch_first, (T, I) without batch, or packed. hx: (B, H), or (H,) without
        batch; with mixed memory a tuple of two. timespans: elapsed times since the previous step: None for 1, one
        number for all, or a tensor shaped as the input without its last axis, with or without a last axis of 1.
        valid: True at real steps, shaped so too; padding is at the end, outputs there are 0 and the state is that of
        the last real step. Without return_sequences the outputs are those of the last (real) step, (B, O).

        Raises UsageError, in one sentence with both shapes, for tensors that do not go together.
        """
        cell = self.rnn_cell
        call = read_call(input, timespans, valid, cell.inputs, self.batch_first, cell.sample_weight())
        state, c = self._start(call, hx)
        if c is not None:
            hidden, state, c = self._mixed(call, state, c)
        else:
            hidden, state = cell.run(call.x, call.dt, call.valid, state)
        final = call.last(state) if c is None else (call.last(state), call.last(c))
        if self.return_sequences:
            return call.sequence(self.project(cell.read(hidden))), final
        if call.x.shape[1] == 0:
            raise UsageError("a sequence of no steps has no last output", "Set return_sequences=True.")
        return call.last(self.project(cell.read_state(state))), final

    def _mixed(self, call: Call, state: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the cell's `run_mixed` in the type of its weights, as `sequence` computes (see its autocast)."""
        cell = self.rnn_cell
        weight, given = cell.sample_weight(), (call.x, call.dt, state, c)
        x, dt, state, c = as_weights(weight, *given) if autocasts(weight) else given
        check_kind(weight, input=x, h=state, c=c)
        with unrounded(weight):
            return cell.run_mixed(self.lstm, x, dt, call.valid, state, c)

    def _start(self, call: Call, hx: State | None) -> tuple[Tensor, Tensor | None]:
        """Return the states h and c (B, H) to start from; c is None without mixed memory."""
        width = self.rnn_cell.width
        if hx is None:
            zeros = self.rnn_cell.sample_weight().new_zeros(call.x.shape[0], width)
            return zeros, zeros if self.use_mixed else None
        if not self.use_mixed:
            return call.state(hx, "hx", width), None  # type: ignore[arg-type]
        if isinstance(hx, Tensor) or len(hx) != 2:
            raise UsageError("with mixed memory hx has to be a tuple (h, c)", "Pass what the last call returned.")
        return call.state(hx[0], "h", width), call.state(hx[1], "c", width)

"""A recurrent layer that is written as one step: what most layers without a kernel need.

Legend of shape suffixes: B batch, T steps, I inputs, D numbers of a step's drive, H hidden units.
"""

from abc import abstractmethod

from torch import Tensor

from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


class CellLayer(RecurrentLayer):
    """A layer whose subclass says how one step changes the state; the loop over time and padding are done here.

    A subclass sets `inputs`, `width` and `state_widths` (all tensors of the state are (B, width of their own)).
    """

    def initial_state(self, batch: int) -> State:
        """Return zeros (batch, width of each tensor of the state)."""
        like = self.sample_weight()
        return tuple(like.new_zeros(batch, width) for width in self.state_widths)

    def drive(self, x: Tensor) -> Tensor:
        """Return what of a step depends on its inputs alone, (B, T, D) for all steps at once; the inputs themselves."""
        return x

    @abstractmethod
    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return the state after a step, for its drive (B, D), elapsed time (B, 1) and the state before it."""

    def read(self, state: State) -> Tensor:
        """Return what the readout sees of a state, (B, width); its first tensor."""
        return state[0]

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and the final state for x (B, T, I), dt (B, T), valid (B, T)."""
        x, dt = blank_padding(x, dt, valid)
        return self._loop(x, dt, valid, state)

    def _loop(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return what `sequence` does, step by step in plain PyTorch, for blanked x and dt."""
        outputs = []
        steps = zip(self.drive(x).unbind(1), dt[..., None].unbind(1), time_major(valid, x.shape[1]), strict=True)
        for drive, dt_t, real in steps:
            new = self.advance(drive, dt_t, state)
            state = tuple(hold(real, after, before) for after, before in zip(new, state, strict=True))
            outputs.append(self.read(state))
        return stack_steps(outputs, self.width, x), state

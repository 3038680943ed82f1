"""SequenceModel: all that training, evaluation and cost measurement use of a model.

Legend of shape suffixes: B batch, T steps, I inputs, O outputs, H hidden units.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from lnncmp.errors import UsageError

if TYPE_CHECKING:
    from lnncmp.layers.stepper import Stepper

State = tuple[Tensor, ...]
"""What a model carries from step to step: tensors of shape (B, ...)."""
Spread = tuple[Tensor, Tensor]
"""Mean and standard deviation (B, T, O) of predictions."""


class SequenceModel(nn.Module, ABC):
    """A causal map from a sequence of inputs at irregular times to a sequence of outputs.

    `dt` is always the time elapsed since the previous observation, shape (B, T), >= 0. `valid` (B, T) is True at real
    steps; padding (False) is at the end of a row, its content never matters: outputs there are 0, the state
    stays as it was at the last real step. `valid=None` means that every step is real.
    """

    @property
    def implementation(self) -> str:
        """How a sequence is computed where the weights are now.

        `loop`: plain PyTorch over time; `torch`: torch.nn's layer; `fused`: a kernel of this project.
        """
        return "loop"

    @property
    def stackable(self) -> bool:
        """Whether torch.func.vmap may run several copies of the model, as one call of its kernels."""
        return False

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """Return the state before the first step: tensors (batch, ...) on the model's device and dtype."""

    @abstractmethod
    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I), dt (B, T), valid (B, T), state or None."""

    def forward(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return outputs (B, T, O) from the initial state."""
        return self.sequence(x, dt, valid, None)[0]

    def step(self, x_t: Tensor, dt_t: Tensor, state: State) -> tuple[Tensor, State]:
        """Stream one step: x_t (B, I), dt_t (B,), state -> output (B, O) and new state."""
        y, state = self.sequence(x_t[:, None], dt_t[:, None], None, state)
        return y[:, 0], state

    def spread(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Spread | None:
        """Return mean and standard deviation (B, T, O) of what the model holds possible; None: it gives one answer.

        The deviation says how unsure the model is of its own function, without the noise of observations.
        """
        return None

    def samples(self) -> Sequence["SequenceModel"]:
        """Return the models whose mean this one is, for use in evaluation mode; empty: it gives one answer."""
        return ()

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops that is fed one observation at a time (lnncmp.layers.stepper.Stepper).

        Raises UsageError for a model that is not made of a recurrent layer and a readout.
        """
        raise UsageError(f"a {type(self).__name__} has no stepper", "call its step in a loop, under torch.no_grad()")

    def constrain(self) -> None:
        """Put parameters back into their admissible range; called after every optimiser step."""

    def structure(self) -> dict[str, int]:
        """Return counts worth reporting, such as neurons, synapses, sensory_synapses, unfolds (empty by default)."""
        return {}

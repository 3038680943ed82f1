"""A model made of a recurrent layer and a readout.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, O outputs.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lnncmp.layers.linear_of_each import linear_of_each
from lnncmp.layers.recurrent_layer import RecurrentLayer
from lnncmp.layers.sequence_model import SequenceModel, State

if TYPE_CHECKING:
    from lnncmp.layers.stepper import Stepper


class LinearReadout(nn.Linear):
    """Affine map of all H units to O outputs, with the parameters of nn.Linear."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (..., O) for hidden (..., H)."""
        if torch._C._are_functorch_transforms_active():
            return linear_of_each(hidden, self.weight, self.bias)
        return super().forward(hidden)


class MotorReadout(nn.Module):
    """Affine map of the first O units, one gain and one offset each: y = output_w v[:O] + output_b.

    The readout of neural circuit policies: motor neurons are the outputs (ncps `output_mapping="affine"`).
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.output_w = nn.Parameter(torch.ones(outputs))
        self.output_b = nn.Parameter(torch.zeros(outputs))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (B, T, O) for hidden (B, T, H), H >= O."""
        return hidden[..., : self.outputs] * self.output_w + self.output_b


class RecurrentModel(SequenceModel):
    """A recurrent layer, then a readout (H to O) at every step; outputs at padding are 0."""

    def __init__(self, layer: RecurrentLayer, readout: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.readout = readout

    @property
    def implementation(self) -> str:
        """How the layer computes a sequence where its weights are now."""
        return self.layer.implementation

    @property
    def stackable(self) -> bool:
        """Whether copies of the layer can be computed in one call."""
        return self.layer.stackable

    def initial_state(self, batch: int) -> State:
        """Return the layer's state before the first step: tensors (batch, ...)."""
        return self.layer.initial_state(batch)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I), dt (B, T), valid (B, T), state or None."""
        start = self.layer.initial_state(x.shape[0]) if state is None else state
        hidden, final = self.layer.sequence(x, dt, valid, start)
        return self._read(hidden, valid), final

    def forward(self, x: Tensor, dt: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return outputs (B, T, O) from the initial state for x (B, T, I), dt (B, T), valid (B, T)."""
        return self._read(self.layer.outputs(x, dt, valid), valid)

    def _read(self, hidden: Tensor, valid: Tensor | None) -> Tensor:
        y: Tensor = self.readout(hidden)
        return y if valid is None else y.where(valid[..., None], y.new_zeros(()))

    def stepper(self, batch: int = 1) -> "Stepper":
        """Return an object for control loops that is fed one observation at a time; see make_stepper."""
        from lnncmp.layers.stepper import make_stepper

        return make_stepper(self.layer, self.readout, batch=batch)

    def constrain(self) -> None:
        """Put the layer's parameters back into their admissible range."""
        self.layer.constrain()

    def structure(self) -> dict[str, int]:
        """Return the layer's counts."""
        return self.layer.structure()

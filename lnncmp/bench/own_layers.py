"""The public layers of this project in the place of those of ncps.torch and torch.nn, used as their users would."""

from types import ModuleType

from torch import Tensor, nn

import lnncmp.torch
from lnncmp.bench.candidates import LAYERS, PEERS, Candidate
from lnncmp.bench.peers import NcpsModel, TorchModel
from lnncmp.bench.workload import Workload
from lnncmp.layers.sequence_model import SequenceModel, State
from lnncmp.layers.stepper import Stepper, make_stepper
from lnncmp.torch.streaming import StreamedGated, StreamedLayer


class OwnLiquidModel(NcpsModel):
    """An LTC or CfC of lnncmp.torch; batched elapsed times go to the layer itself."""

    library: ModuleType = lnncmp.torch
    name = LAYERS

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the state for x (B, T, I), dt (B, T); dt is used only if times are irregular."""
        hidden, final = self.layer(x, self._given(state), dt if self.irregular else None)
        return self.readout(hidden), self._taken(final)

    def step(self, x_t: Tensor, dt_t: Tensor, state: State) -> tuple[Tensor, State]:
        """Stream one step with the layer: x_t (B, I), dt_t (B,), state -> output (B, O) and new state."""
        y, state = self.sequence(x_t[:, None], dt_t[:, None], None, state)
        return y[:, 0], state

    def stepper(self, batch: int = 1) -> Stepper:
        """Return the stepper of the layer, with the readout behind it."""
        readout = None if isinstance(self.readout, nn.Identity) else self.readout
        return make_stepper(StreamedLayer(self.layer, self.layer.features), readout, batch=batch)


class OwnGatedModel(TorchModel):
    """An LSTM or GRU of lnncmp.torch."""

    library: ModuleType = lnncmp.torch
    name = LAYERS

    def step(self, x_t: Tensor, dt_t: Tensor, state: State) -> tuple[Tensor, State]:
        """Stream one step with the layer: x_t (B, I), state -> output (B, O) and new state; dt_t is ignored."""
        y, state = self.sequence(x_t[:, None], dt_t[:, None], None, state)
        return y[:, 0], state

    def stepper(self, batch: int = 1) -> Stepper:
        """Return the stepper of the layer, with the readout behind it."""
        return make_stepper(StreamedGated(self.layer), self.readout, batch=batch)


def build_own(candidate: Candidate, workload: Workload) -> SequenceModel:
    """Return the network of lnncmp.torch with weights from torch's global generator."""
    if PEERS[candidate.model] == "ncps":
        return OwnLiquidModel(candidate.model, candidate.wiring, workload)
    return OwnGatedModel(candidate.model, workload)

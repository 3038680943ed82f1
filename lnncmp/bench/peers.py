"""The networks of ncps.torch and torch.nn behind the contract of SequenceModel, as their users would set them up.

Readouts are those of this project's models, so that both compute the same: a linear map of all units at once for all
steps, and on an AutoNCP wiring a gain and an offset for each motor neuron (an LTC's by ncps itself).

ncps's layers take elapsed times of a batch for those of its units: an exception or, where batch and units are equally
many, wrong numbers. With irregular times its cell runs in a loop like that of the layer, with dt of shape (B, 1);
where all times are 1 the layer runs as it is.

Legend of shape suffixes: B batch, T steps, I inputs, O outputs, H hidden units.
"""

import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from torch import Tensor, nn

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.workload import Workload
from lnncmp.layers.readout import MotorReadout
from lnncmp.layers.sequence_model import SequenceModel, State

WIRING_SEED = 1
"""Seed of the AutoNCP wiring, on both sides."""


class NcpsModel(SequenceModel):
    """An LTC or CfC of ncps.torch; padding is not known to it (`valid` has to be None)."""

    def __init__(self, kind: str, wiring: str, workload: Workload) -> None:
        super().__init__()
        self.irregular = workload.irregular
        wired = wiring == "autoncp"
        units = AutoNCP(workload.hidden, workload.outputs, seed=WIRING_SEED) if wired else workload.hidden
        if kind == "ltc":
            self.layer = LTC(workload.inputs, units, output_mapping="affine" if wired else "none")
        else:
            self.layer = CfC(workload.inputs, units)
        self.readout = _readout(kind, wired, workload)

    @property
    def implementation(self) -> str:
        """It is ncps's."""
        return "ncps"

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H)."""
        return (torch.zeros(batch, self.layer.state_size),)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and (h,) for x (B, T, I), dt (B, T), used where times are irregular."""
        if not self.irregular:
            hidden, h = self.layer(x, None if state is None else state[0])
            return self.readout(hidden), (h,)
        (h,) = self.initial_state(x.shape[0]) if state is None else state
        outputs = []
        for t in range(x.shape[1]):
            out, h = self.layer.rnn_cell(x[:, t], h, dt[:, t : t + 1])
            outputs.append(out)
        return self.readout(torch.stack(outputs, 1)), (h,)

    def step(self, x_t: Tensor, dt_t: Tensor, state: State) -> tuple[Tensor, State]:
        """Stream one step by ncps's cell: x_t (B, I), dt_t (B,), state -> output (B, O) and new state."""
        out, h = self.layer.rnn_cell(x_t, state[0], dt_t[:, None] if self.irregular else 1.0)
        return self.readout(out), (h,)


def _readout(kind: str, wired: bool, workload: Workload) -> nn.Module:
    if not wired:
        return nn.Linear(workload.hidden, workload.outputs)
    return nn.Identity() if kind == "ltc" else MotorReadout(workload.outputs)


class TorchModel(SequenceModel):
    """torch.nn.LSTM or GRU with a linear readout; elapsed times are ignored, padding is not known to it."""

    def __init__(self, kind: str, workload: Workload) -> None:
        super().__init__()
        layer = nn.LSTM if kind == "lstm" else nn.GRU
        self.layer = layer(workload.inputs, workload.hidden, batch_first=True)
        self.readout = nn.Linear(workload.hidden, workload.outputs)

    @property
    def implementation(self) -> str:
        """It is torch's."""
        return "torch"

    def initial_state(self, batch: int) -> State:
        """Return zeros: (h, c), or (h,) for a GRU, each (1, batch, H), the form of torch.nn."""
        zeros = torch.zeros(1, batch, self.layer.hidden_size)
        return (zeros, zeros) if isinstance(self.layer, nn.LSTM) else (zeros,)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I)."""
        if isinstance(self.layer, nn.LSTM):
            hidden, final = self.layer(x, state)
            return self.readout(hidden), final
        hidden, h = self.layer(x, None if state is None else state[0])
        return self.readout(hidden), (h,)


def build_peer(candidate: Candidate, workload: Workload) -> SequenceModel:
    """Return the network of another library with weights from torch's global generator.

    Raises ValueError or AssertionError of ncps for an AutoNCP wiring that does not exist.
    """
    if candidate.implementation == "ncps":
        return NcpsModel(candidate.model, candidate.wiring, workload)
    return TorchModel(candidate.model, workload)

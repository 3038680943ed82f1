"""Networks of ncps.torch and torch.nn with the interface of SequenceModel, configured as their users would.

Readouts are those of this project's models, so that both compute the same function: one linear map of all units for
all steps, and with an AutoNCP wiring a gain and an offset per motor neuron (for an LTC, that of ncps itself).

The layers of ncps apply the elapsed times of a batch to its units: they raise an exception or, if batch size and units
are equal, compute wrong numbers. With irregular times the cell of ncps therefore runs in a loop like that of the layer,
with dt of shape (B, 1). If all times are 1, the layer runs unchanged.

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
    """An LTC or CfC of ncps.torch; it does not support padding (`valid` must be None)."""

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
        """Return "ncps"."""
        return "ncps"

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H)."""
        return (torch.zeros(batch, self.layer.state_size),)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and (h,) for x (B, T, I), dt (B, T); dt is used only if times are irregular."""
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
        """Stream one step with the cell of ncps: x_t (B, I), dt_t (B,), state -> output (B, O) and new state."""
        out, h = self.layer.rnn_cell(x_t, state[0], dt_t[:, None] if self.irregular else 1.0)
        return self.readout(out), (h,)


def _readout(kind: str, wired: bool, workload: Workload) -> nn.Module:
    if not wired:
        return nn.Linear(workload.hidden, workload.outputs)
    return nn.Identity() if kind == "ltc" else MotorReadout(workload.outputs)


class TorchModel(SequenceModel):
    """torch.nn.LSTM or GRU with a linear readout; it ignores elapsed times and does not support padding.

    Streaming runs torch.nn.LSTMCell or GRUCell on the same weights.
    """

    def __init__(self, kind: str, workload: Workload) -> None:
        super().__init__()
        layer, cell = (nn.LSTM, nn.LSTMCell) if kind == "lstm" else (nn.GRU, nn.GRUCell)
        self.layer = layer(workload.inputs, workload.hidden, batch_first=True)
        self.readout = nn.Linear(workload.hidden, workload.outputs)
        made = cell(workload.inputs, workload.hidden)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            made.register_parameter(name, self.layer.get_parameter(f"{name}_l0"))
        self._cell = (made,)  # in a tuple, so that its weights are not counted twice

    @property
    def implementation(self) -> str:
        """Return "torch"."""
        return "torch"

    def initial_state(self, batch: int) -> State:
        """Return zeros (h, c), or (h,) for a GRU, each of shape (batch, H)."""
        zeros = torch.zeros(batch, self.layer.hidden_size)
        return (zeros, zeros) if isinstance(self.layer, nn.LSTM) else (zeros,)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the final state for x (B, T, I)."""
        start = None if state is None else tuple(part[None] for part in state)
        if isinstance(self.layer, nn.LSTM):
            hidden, (h, c) = self.layer(x, start)
            return self.readout(hidden), (h[0], c[0])
        hidden, h = self.layer(x, None if start is None else start[0])
        return self.readout(hidden), (h[0],)

    def step(self, x_t: Tensor, dt_t: Tensor, state: State) -> tuple[Tensor, State]:
        """Stream one step with torch's cell: x_t (B, I), state -> output (B, O) and new state; dt_t is ignored."""
        (cell,) = self._cell
        if isinstance(cell, nn.LSTMCell):
            final = cell(x_t, state)
            return self.readout(final[0]), final
        h = cell(x_t, state[0])
        return self.readout(h), (h,)


def build_peer(candidate: Candidate, workload: Workload) -> SequenceModel:
    """Return the network of another library with weights from torch's global generator.

    Raises the ValueError or AssertionError of ncps for an impossible AutoNCP wiring.
    """
    if candidate.implementation == "ncps":
        return NcpsModel(candidate.model, candidate.wiring, workload)
    return TorchModel(candidate.model, workload)

"""Networks of ncps.torch and torch.nn with the interface of SequenceModel, configured as their users would.

Readouts are those of this project's models, so that both compute the same function: one linear map of all units for
all steps, and with an AutoNCP wiring a gain and an offset per motor neuron (for an LTC, that of ncps itself).

The layers of ncps apply the elapsed times of a batch to its units: they raise an exception or, if batch size and units
are equal, compute wrong numbers. With irregular times the cell of ncps therefore runs in a loop like that of the layer,
with dt of shape (B, 1). If all times are 1, the layer runs unchanged.

Legend of shape suffixes: B batch, T steps, I inputs, O outputs, H hidden units.
"""

from types import ModuleType
from typing import Any

import ncps.torch
import torch
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

    library: ModuleType = ncps.torch
    name = "ncps"

    def __init__(self, kind: str, wiring: str, workload: Workload) -> None:
        super().__init__()
        self.irregular = workload.irregular
        wired, mixed = wiring == "autoncp", wiring == "mixed"
        units = AutoNCP(workload.hidden, workload.outputs, seed=WIRING_SEED) if wired else workload.hidden
        layers = vars(self.library)
        if kind == "ltc":
            mapping = "affine" if wired else "none"
            self.layer = layers["LTC"](workload.inputs, units, output_mapping=mapping, mixed_memory=mixed)
        else:
            self.layer = layers["CfC"](workload.inputs, units, mixed_memory=mixed)
        self.readout = _readout(kind, wired, workload)

    @property
    def implementation(self) -> str:
        """Return the library's name."""
        return self.name

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H), or (h, c) with mixed memory."""
        zeros = torch.zeros(batch, self.layer.state_size)
        return (zeros, zeros) if self.layer.use_mixed else (zeros,)

    def _given(self, state: State | None) -> Any:
        """Return a state as the layer takes it."""
        if state is None or self.layer.use_mixed:
            return state
        return state[0]

    def _taken(self, state: Any) -> State:
        """Return a state as the layer gives it."""
        return state if self.layer.use_mixed else (state,)

    def sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """Return outputs (B, T, O) and the state for x (B, T, I), dt (B, T); dt is used only if times are irregular."""
        if not self.irregular:
            hidden, final = self.layer(x, self._given(state))
            return self.readout(hidden), self._taken(final)
        state = self.initial_state(x.shape[0]) if state is None else state
        outputs = []
        for t in range(x.shape[1]):
            out, state = self._advance(x[:, t], dt[:, t : t + 1], state)
            outputs.append(out)
        return self.readout(torch.stack(outputs, 1)), state

    def _advance(self, x_t: Tensor, dt_t: Tensor | float, state: State) -> tuple[Tensor, State]:
        """Return the cell's outputs and the new state for x_t (B, I) and dt_t (B, 1) or a number."""
        if not self.layer.use_mixed:
            out, h = self.layer.rnn_cell(x_t, state[0], dt_t)
            return out, (h,)
        u, c = self.layer.lstm(x_t, state)
        out, h = self.layer.rnn_cell(x_t, u, dt_t)
        return out, (h, c)

    def step(self, x_t: Tensor, dt_t: Tensor, state: State) -> tuple[Tensor, State]:
        """Stream one step with the cell: x_t (B, I), dt_t (B,), state -> output (B, O) and new state."""
        out, state = self._advance(x_t, dt_t[:, None] if self.irregular else 1.0, state)
        return self.readout(out), state


def _readout(kind: str, wired: bool, workload: Workload) -> nn.Module:
    if not wired:
        return nn.Linear(workload.hidden, workload.outputs)
    return nn.Identity() if kind == "ltc" else MotorReadout(workload.outputs)


class TorchModel(SequenceModel):
    """torch.nn.LSTM, GRU or RNN with a linear readout; it ignores elapsed times and does not support padding.

    Streaming runs torch.nn.LSTMCell, GRUCell or RNNCell on the same weights.
    """

    library: ModuleType = nn
    name = "torch"

    def __init__(self, kind: str, workload: Workload) -> None:
        super().__init__()
        layer, cell = vars(self.library)[kind.upper()], vars(nn)[f"{kind.upper()}Cell"]
        self.layer = layer(workload.inputs, workload.hidden, batch_first=True)
        self.readout = nn.Linear(workload.hidden, workload.outputs)
        made = cell(workload.inputs, workload.hidden)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            made.register_parameter(name, self.layer.get_parameter(f"{name}_l0"))
        self._cell = (made,)  # in a tuple, so that its weights are not counted twice

    @property
    def implementation(self) -> str:
        """Return the library's name."""
        return self.name

    def initial_state(self, batch: int) -> State:
        """Return zeros (h, c), or (h,) for a GRU or RNN, each of shape (batch, H)."""
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
    """Return the network of another library with weights from torch's global generator."""
    if candidate.implementation == "ncps":
        return NcpsModel(candidate.model, candidate.wiring, workload)
    return TorchModel(candidate.model, workload)

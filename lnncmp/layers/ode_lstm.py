"""ODE-LSTM: an LSTM whose output follows a differential equation (Lechner and Hasani 2020, arXiv 2006.04418).

The authors published two different models under this name:
    torch  h^, c = LSTM(x, h, c);  h = ODESolve(f, h^, dt),  f(h) = W2 tanh(W1 h + b1) + b2
    tf     u, c = LSTM(x, h, c);   h = ODESolve(g, h, dt),   g(h) = a tanh(W u + U h + b) - h, with u held
In the first the output of the LSTM is where the equation starts; in the second it is the input of a CT-RNN, which has a
state of its own.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.layers.activations import tanh
from lnncmp.layers.lstm_gru import LSTMLayer
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.ode import SolverChoice, TanhField, integrate
from lnncmp.layers.ode_layer import ODELayer
from lnncmp.layers.plain_gated import lstm_update
from lnncmp.layers.sequence_model import State

TF_FORGET_BIAS = 3.0
LONGEST_STEP = 1.0
"""Of the CT-RNN's steps: explicit solvers of dh/dt = -h diverge for steps longer than 2 (rk4: 2.8)."""


class ODELSTMLayer(ODELayer):
    """The ODE-LSTM of the authors' PyTorch code; state (h, c), each (B, H). The LSTM has torch's parameters."""

    def __init__(self, inputs: int, hidden: int, solver: SolverChoice, init: str = "torch") -> None:
        super().__init__(inputs, hidden, 2, solver)
        self.cell = LSTMLayer(inputs, hidden, "loop", init=init)
        self.field = TanhField(hidden, hidden)

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs give to i, f, g, o of the LSTM, (B, T, 4 H)."""
        return linear(x, self.cell.weight_ih_l0, self.cell.bias_ih_l0 + self.cell.bias_hh_l0)

    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return (h, c) after a step; see the module."""
        h, c = lstm_update(torch.addmm(drive, state[0], self.cell.weight_hh_l0.t()), state[1])
        return integrate(h, self.field, dt, self.solver), c


class LSTMDrivenCTRNN(ODELayer):
    """The ODE-LSTM of the authors' TensorFlow code; state (h, c), each (B, H).

    Steps longer than 1 are cut to 1. `init`: as for the memory cell, `keras` has zero biases, `ncps` U(-0.1, 0.1).
    """

    def __init__(self, inputs: int, hidden: int, solver: SolverChoice, init: str = "keras") -> None:
        super().__init__(inputs, hidden, 2, solver)
        self.memory = MemoryCell(inputs, hidden, TF_FORGET_BIAS, init)
        self.driven_map = nn.Linear(hidden, hidden)
        self.recurrent_map = nn.Linear(hidden, hidden, bias=False)
        self.scale = nn.Parameter(torch.ones(hidden))
        nn.init.xavier_uniform_(self.driven_map.weight)
        nn.init.zeros_(self.driven_map.bias)
        nn.init.orthogonal_(self.recurrent_map.weight)

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs give to the gates of the memory cell, (B, T, 4 H)."""
        return self.memory.drive(x)

    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return (h, c) after a step; see the module."""
        h, c = state
        u, c = self.memory.advance(drive, h, c)
        driven = self.driven_map(u)

        def slope(h: Tensor) -> Tensor:
            return self.scale * tanh(driven + self.recurrent_map(h)) - h

        return integrate(h, slope, dt, self.solver, LONGEST_STEP), c

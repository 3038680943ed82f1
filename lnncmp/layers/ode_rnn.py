"""ODE-RNN: the state follows a learned field between observations, a GRU takes each of them in.

Rubanova, Chen and Duvenaud, Latent ODEs for irregularly-sampled time series (2019), arXiv 1907.03907, Algorithm 1:
    h' = ODESolve(f, h, dt),  f(h) = W2 tanh(W1 h + b1) + b2;   h = GRU(x, h')

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, N units of the field.
"""

from torch import Tensor
from torch.nn.functional import linear

from lnncmp.layers.lstm_gru import GRULayer
from lnncmp.layers.ode import SolverChoice, TanhField, integrate
from lnncmp.layers.ode_layer import ODELayer
from lnncmp.layers.plain_gated import gru_update
from lnncmp.layers.sequence_model import State


class ODERNNLayer(ODELayer):
    """An ODE-RNN over a sequence; state (h,) of shape (B, H). The GRU has the parameters of torch's, and its `init`."""

    def __init__(self, inputs: int, hidden: int, units: int, solver: SolverChoice, init: str = "torch") -> None:
        super().__init__(inputs, hidden, 1, solver)
        self.field = TanhField(hidden, units)
        self.cell = GRULayer(inputs, hidden, "loop", init)

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs give to r, z, n of the GRU, (B, T, 3 H)."""
        return linear(x, self.cell.weight_ih_l0, self.cell.bias_ih_l0)

    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return (h,) after a step; see the module."""
        arrived = integrate(state[0], self.field, dt, self.solver)
        return (gru_update(drive, arrived, self.cell.weight_hh_l0, self.cell.bias_hh_l0),)

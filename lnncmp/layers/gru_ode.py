"""GRU-ODE: a GRU in continuous time (De Brouwer et al. 2019, arXiv 1905.12374).

    full     r, z = sigmoid(W x + U h + b);  u = tanh(W_u x + U_u (r h) + b_u);  dh/dt = (1 - z) (u - h)
    minimal  z = sigmoid(W x + U h + b);     u = tanh(W_u x + U_u (z h) + b_u);  dh/dt = (1 - z) (u - h)
Inputs are held over the interval before their observation. h stays within [-1, 1]: -1 < u < 1 draws it in. An Euler
step keeps this if it is no longer than 1, so longer ones are cut to 1.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, G gates.
"""

import math

import torch
from torch import Tensor, nn

from lnncmp.layers.activations import tanh
from lnncmp.layers.ode import SolverChoice, integrate
from lnncmp.layers.ode_layer import ODELayer
from lnncmp.layers.sequence_model import State

LONGEST_STEP = 1.0
"""Of Euler's steps: h + s (1 - z) (u - h) is between h and u as long as s (1 - z) <= 1."""
AUTHORS_BIAS = 0.05


class GRUODELayer(ODELayer):
    """A GRU-ODE over a sequence; state (h,) of shape (B, H).

    `form`: full or minimal. `init`: `benchmark` is Glorot uniform over what a gate reads, inputs and state together,
    with zero biases but 1 for the reset gate; `authors` is Glorot uniform for each matrix, all biases 0.05.
    """

    def __init__(self, inputs: int, hidden: int, form: str, solver: SolverChoice, init: str = "benchmark") -> None:
        super().__init__(inputs, hidden, 1, solver)
        self.gates = 2 if form == "full" else 1
        self.input_map = nn.Linear(inputs, (self.gates + 1) * hidden)
        self.gate_map = nn.Linear(hidden, self.gates * hidden, bias=False)
        self.candidate_map = nn.Linear(hidden, hidden, bias=False)
        if init == "authors":
            self._start_as_authors()
        else:
            self._start_as_benchmark()

    def _start_as_authors(self) -> None:
        for weight in (self.input_map.weight, *self.gate_map.weight.split(self.width), self.candidate_map.weight):
            nn.init.xavier_uniform_(weight)
        nn.init.constant_(self.input_map.bias, AUTHORS_BIAS)

    def _start_as_benchmark(self) -> None:
        bound = math.sqrt(6.0 / (self.inputs + 2 * self.width))
        for part in (self.input_map, self.gate_map, self.candidate_map):
            nn.init.uniform_(part.weight, -bound, bound)
        nn.init.zeros_(self.input_map.bias)
        if self.gates == 2:
            nn.init.ones_(self.input_map.bias[: self.width])

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs give to r, z, u or z, u, (B, T, (G + 1) H)."""
        driven: Tensor = self.input_map(x)
        return driven

    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return (h,) after a step; see the module."""
        driven, of_candidate = drive.split([self.gates * self.width, self.width], 1)

        def slope(h: Tensor) -> Tensor:
            opened = torch.sigmoid(driven + self.gate_map(h)).chunk(self.gates, 1)
            candidate = tanh(of_candidate + self.candidate_map(opened[0] * h))
            return (1.0 - opened[-1]) * (candidate - h)

        return (integrate(state[0], slope, dt, self.solver, LONGEST_STEP),)

"""RNN-Decay: a recurrent network of two layers whose state decays with the elapsed time.

As the baseline of Lechner and Hasani (arXiv 2006.04418) has it, with one rate tau a unit:
    as_coded     h' = W2 tanh(W1 [x, h] + b1) + b2 - dt tau
    exponential  h' = W2 tanh(W1 [x, exp(-dt tau) h] + b1) + b2,  tau = softplus of its parameter
As coded nothing decays: the state drifts off in proportion to the elapsed time, without a bound. In the second the
state fades to 0 over a gap, as in the baseline of that name of Rubanova et al. (arXiv 1907.03907).

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.layers.activations import tanh
from lnncmp.layers.cell_layer import CellLayer
from lnncmp.layers.sequence_model import State

RATE = 0.1
"""Initial tau, in units of 1 / dt."""


class RNNDecayLayer(CellLayer):
    """An RNN-Decay over a sequence; state (h,) of shape (B, H).

    `decay`: as_coded or exponential. `init`: `keras` is Glorot uniform with zero biases, `torch` that of nn.Linear.
    """

    def __init__(self, inputs: int, hidden: int, decay: str = "as_coded", init: str = "keras") -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden,)
        self.fades = decay == "exponential"
        self.inner, self.outer = nn.Linear(inputs + hidden, hidden), nn.Linear(hidden, hidden)
        self.tau = nn.Parameter(torch.full((hidden,), math.log(math.expm1(RATE)) if self.fades else RATE))
        if init == "keras":
            for part in (self.inner, self.outer):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs give to the inner layer, (B, T, H)."""
        return nn.functional.linear(x, self.inner.weight[:, : self.inputs], self.inner.bias)

    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return (h,) after a step; see the module."""
        (h,) = state
        if self.fades:
            h = h * torch.exp(-dt * softplus(self.tau))
        new: Tensor = self.outer(tanh(torch.addmm(drive, h, self.inner.weight[:, self.inputs :].t())))
        return (new if self.fades else new - dt * self.tau,)

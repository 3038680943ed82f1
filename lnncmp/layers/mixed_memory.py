"""Mixed memory: an LSTM cell in front of a continuous-time cell, against vanishing gradients.

Source: Lechner and Hasani, Learning long-term dependencies in irregularly-sampled time series, arXiv 2006.04418.
    g, i, f, o = split(W x + b + U h);  c' = c sigmoid(f + forget_bias) + tanh(g) sigmoid(i);  u = sigmoid(o) tanh(c')
One bias vector; W is Glorot uniform, U orthogonal, b uniform in (-0.1, 0.1), as in ncps.torch.lstm.LSTMCell.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.layers.activations import tanh


class MemoryUpdate:
    """The update of the mixed memory, wherever its parameters are; B batch, T steps, I inputs, H hidden units."""

    forget_bias: float
    input_map: nn.Linear
    recurrent_map: nn.Linear

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs add to the gates, (..., 4H), for x (..., I): one product for all steps."""
        return linear(x, self.input_map.weight, self.input_map.bias)

    def advance(self, drive: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output u (B, H) and the new cell state (B, H) for drive (B, 4H), h (B, H), c (B, H)."""
        g, i, f, o = torch.addmm(drive, h, self.recurrent_map.weight.t()).chunk(4, 1)
        new_c = c * torch.sigmoid(f + self.forget_bias) + tanh(g) * torch.sigmoid(i)
        return torch.sigmoid(o) * tanh(new_c), new_c


class MemoryCell(nn.Module, MemoryUpdate):
    """The LSTM cell of the mixed memory; B batch, T steps, I inputs, H hidden units."""

    def __init__(self, inputs: int, hidden: int, forget_bias: float, init: str) -> None:
        super().__init__()
        self.forget_bias = forget_bias
        self.input_map = nn.Linear(inputs, 4 * hidden)
        self.recurrent_map = nn.Linear(hidden, 4 * hidden, bias=False)
        self._draw(init)

    def _draw(self, init: str) -> None:
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.orthogonal_(self.recurrent_map.weight)
        if init == "keras":
            nn.init.zeros_(self.input_map.bias)
        else:
            nn.init.uniform_(self.input_map.bias, -0.1, 0.1)

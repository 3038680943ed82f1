"""LrcSSM (arXiv 2505.21717, NeurIPS 2025): LRC neurons, each of which sees the inputs and its own state alone.

    f = g_leak + W sigmoid(sigma_u (u - mu_u)) + w sigmoid(sigma (x - mu))      (g with H and h in place of W and w)
    dx/dt = E (-sigmoid(f) x + e_leak tanh(g))
    E = sigmoid(k x + c), symmetric: sigmoid(k x + c + s) - sigmoid(k x + c - s); with inputs k x + K u + c
mu_u and sigma_u are shared by all neurons. One step of the length s, with f, g and E at the old x:
    semi_implicit    x' = (x + s E e_leak tanh(g)) / (1 + s E sigmoid(f)): between x and the rest state for any s
    explicit_euler   x' = x + s E (-sigmoid(f) x + e_leak tanh(g)): the authors' code, with s = 1

Legend of shape suffixes: B batch, T steps, I features in, H neurons.
"""

import math

import torch
from torch import Tensor, nn

from lnncmp.layers.activations import tanh
from lnncmp.layers.blocks import Block
from lnncmp.layers.diagonal import LONGEST
from lnncmp.layers.linear_of_each import linear_of_each
from lnncmp.layers.recurrent_layer import hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


class LRCBlock(Block):
    """LRC neurons over a sequence; state (x,) of shape (B, H).

    All initial values are U(-1, 1) / sqrt(H), as in the authors' code. |s| is used, so that E is positive.
    """

    def __init__(
        self, inputs: int, width: int, solver: str = "semi_implicit", *, symmetric: bool = False, reads: bool = False
    ) -> None:
        super().__init__()
        self.width, self.state_widths = width, (width,)
        self.solver, self.symmetric, self.reads = solver, symmetric, reads
        self.input_mu, self.input_sigma = self._drawn(inputs), self._drawn(inputs)
        self.forget_weight, self.update_weight = self._drawn(width, inputs), self._drawn(width, inputs)
        self.mu, self.sigma = self._drawn(width), self._drawn(width)
        self.forget, self.update = self._drawn(width), self._drawn(width)
        self.g_leak, self.e_leak = self._drawn(width), self._drawn(width)
        self.elastance, self.elastance_bias = self._drawn(width), self._drawn(width)
        self.shift = self._drawn(width) if symmetric else None
        self.elastance_weight = self._drawn(width, inputs) if reads else None

    def _drawn(self, *shape: int) -> nn.Parameter:
        bound = 1.0 / math.sqrt(self.width)
        return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return x (B, T, H) and (x,) for u (B, T, I), dt (B, T)."""
        (x,), outputs = state, []
        lengths = dt.clamp(max=LONGEST)[..., None].unbind(1)
        drives = (drive.unbind(1) for drive in self._drives(u))
        for f, g, e, s, real in zip(*drives, lengths, time_major(valid, u.shape[1]), strict=True):
            x = hold(real, self.advance(x, f, g, e, s), x)
            outputs.append(x)
        return stack_steps(outputs, self.width, u), (x,)

    def _drives(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what inputs and constants add to f, g and the elastance's argument, each (B, T, H)."""
        opened = torch.sigmoid(self.input_sigma * (u - self.input_mu))
        f = linear_of_each(opened, self.forget_weight, self.g_leak)
        g = linear_of_each(opened, self.update_weight, self.g_leak)
        if self.elastance_weight is None:
            return f, g, self.elastance_bias.expand_as(f)
        return f, g, linear_of_each(u, self.elastance_weight, self.elastance_bias)

    def advance(self, x: Tensor, f: Tensor, g: Tensor, e: Tensor, s: Tensor) -> Tensor:
        """Return x a step later for the drives (B, H) of f, g and the elastance and its length s (B, 1)."""
        opened = torch.sigmoid(self.sigma * (x - self.mu))
        closing = torch.sigmoid(f + self.forget * opened)
        pull = self.e_leak * tanh(g + self.update * opened)
        bent = e + self.elastance * x
        if self.shift is None:
            moved = s * torch.sigmoid(bent)
        else:
            shift = self.shift.abs()
            moved = s * (torch.sigmoid(bent + shift) - torch.sigmoid(bent - shift))
        if self.solver == "explicit_euler":
            return x + moved * (pull - closing * x)
        return (x + moved * pull) / (1.0 + moved * closing)

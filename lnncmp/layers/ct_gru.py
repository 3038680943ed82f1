"""CT-GRU (Mozer, Kazakov and Lindsey 2017): a GRU whose memory is kept at M time scales, tau_m = 10^(m/2), m < M.

With the traces k_m of a unit, its state h = sum_m k_m and z = [x, h]:
    r = softmax_m(-(R_m z - ln tau_m)^2);    q = tanh(Q [x, sum_m r_m k_m] + b)
    s = softmax_m(-(S_m z - ln tau_m)^2);    k_m' = ((1 - s_m) k_m + s_m q) exp(-dt / tau_m)
The LTC paper's code decays by ln tau_m instead of tau_m, which leaves nothing of the first trace (tau_0 = 1).

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, M scales.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.layers.activations import tanh
from lnncmp.layers.additive import draw_weights
from lnncmp.layers.recurrent_layer import RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State

LARGEST = 1e9
"""Bound of a gate's argument, so that its square is finite in float32; gates are shut or open long before."""


class CTGRUWeights(NamedTuple):
    """Weights of x and h, and biases, of R and S together (2 M H), scale by scale, and of Q (H)."""

    gates_x: Tensor
    gates_h: Tensor
    gates_bias: Tensor
    signal_x: Tensor
    signal_h: Tensor
    signal_bias: Tensor


def log_scales(scales: int) -> list[float]:
    """Return ln tau_m of each scale."""
    return [0.5 * m * math.log(10.0) for m in range(scales)]


def decay_rates(scales: int, as_coded: bool) -> list[float]:
    """Return 1 / tau_m of each scale, or 1 / ln tau_m if `as_coded`."""
    logs = log_scales(scales)
    return [1.0 / log if log else math.inf for log in logs] if as_coded else [math.exp(-log) for log in logs]


def ct_gru_loop(
    rates: list[float], weights: CTGRUWeights, x: Tensor, dt: Tensor, valid: Tensor | None, k: Tensor
) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and (k,) in plain PyTorch.

    rates: of decay, of each scale; x: blanked inputs (B, T, I), dt (B, T), valid (B, T), k: the traces (B, M H).
    """
    scales, width = len(rates), weights.signal_bias.shape[0]
    across = (-1, scales, width)
    logs = x.new_tensor(log_scales(scales))[:, None]
    kept = torch.exp(-dt.t()[..., None, None] * x.new_tensor(rates)[:, None]).unbind(0)
    rows = x.transpose(0, 1)
    gates = linear(rows, weights.gates_x, weights.gates_bias).unbind(0)
    signals = linear(rows, weights.signal_x, weights.signal_bias).unbind(0)
    of_h, of_read = weights.gates_h.t(), weights.signal_h.t()
    outputs = []
    for gate, signal, decay, real in zip(gates, signals, kept, time_major(valid, x.shape[1]), strict=True):
        traces = k.reshape(across)
        both = torch.addmm(gate, traces.sum(1), of_h).reshape(-1, 2, scales, width)
        read, write = torch.softmax(-(both.clamp(-LARGEST, LARGEST) - logs).square(), 2).unbind(1)
        q = tanh(torch.addmm(signal, (read * traces).sum(1), of_read))
        new = torch.lerp(traces, q[:, None].expand_as(traces), write) * decay
        k = hold(real, new.reshape(k.shape), k)
        outputs.append(k.reshape(across).sum(1))
    return stack_steps(outputs, width, x), (k,)


class CTGRULayer(RecurrentLayer):
    """A CT-GRU over a sequence; state (k,), the traces scale by scale, (B, M H), 0 at the start.

    `fixed`: every elapsed time is 1. `as_coded`: decay by ln tau, as in the LTC paper's code; only with `fixed`, since
    it has no meaning at dt = 0. `init`: `joint` is glorot for the matrices of [x, h] and zero biases, `torch` is
    U(-1/sqrt H, 1/sqrt H) for all.
    """

    def __init__(
        self, inputs: int, hidden: int, scales: int = 8, *, fixed: bool, as_coded: bool = False, init: str = "joint"
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = inputs, hidden, (scales * hidden,)
        self.scales, self.fixed = scales, fixed
        self.rates = decay_rates(scales, as_coded)
        gates = 2 * scales * hidden
        self.gates_x = nn.Parameter(torch.empty(gates, inputs))
        self.gates_h = nn.Parameter(torch.empty(gates, hidden))
        self.gates_bias = nn.Parameter(torch.empty(gates))
        self.signal_x = nn.Parameter(torch.empty(hidden, inputs))
        self.signal_h = nn.Parameter(torch.empty(hidden, hidden))
        self.signal_bias = nn.Parameter(torch.empty(hidden))
        weights = self._weights()
        both = (own.detach().chunk(2) for own in weights[:3])
        for x, h, bias in (*zip(*both, strict=True), weights[3:]):
            draw_weights(init, bias, x, h)

    def _weights(self) -> CTGRUWeights:
        gates = self.gates_x, self.gates_h, self.gates_bias
        return CTGRUWeights(*gates, self.signal_x, self.signal_h, self.signal_bias)

    def initial_state(self, batch: int) -> State:
        """Return (k,) = 0 of shape (batch, M H)."""
        return (self.gates_x.new_zeros(batch, self.scales * self.width),)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and (k,) for x (B, T, I), dt (B, T), valid (B, T)."""
        x, dt = blank_padding(x, dt, valid)
        if self.fixed:
            dt = torch.ones_like(dt)
        return ct_gru_loop(self.rates, self._weights(), x, dt, valid, *state)

    def structure(self) -> dict[str, int]:
        """Return the number of time scales."""
        return {"scales": self.scales}

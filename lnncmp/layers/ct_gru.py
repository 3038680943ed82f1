"""CT-GRU (Mozer, Kazakov and Lindsey 2017): a GRU whose memory is kept at M time scales, tau_m = 10^(m/2), m < M.

With the traces k_m of a unit, its state h = sum_m k_m and z = [x, h]:
    r = softmax_m(-(R_m z - ln tau_m)^2);    q = tanh(Q [x, sum_m r_m k_m] + b)
    s = softmax_m(-(S_m z - ln tau_m)^2);    k_m' = ((1 - s_m) k_m + s_m q) exp(-dt / tau_m)
The LTC paper's code decays by ln tau_m instead of tau_m, which leaves nothing of the first trace (tau_0 = 1).

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, M scales.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.kernels.common.sequence_function import run
from lnncmp.kernels.scales.table import LARGEST, decay_rates, log_scales
from lnncmp.layers.activations import tanh
from lnncmp.layers.additive import draw_weights
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


class CTGRUWeights(NamedTuple):
    """What all gates read of x, of h (Q: of what it reads in its place) and their biases: R and S, then Q.

    ((2 M + 1) H, I), ((2 M + 1) H, H) and ((2 M + 1) H,), scale by scale.
    """

    input: Tensor
    recurrent: Tensor
    bias: Tensor


def ct_gru_loop(
    rates: list[float], weights: CTGRUWeights, x: Tensor, dt: Tensor, valid: Tensor | None, k: Tensor
) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and (k,) in plain PyTorch.

    rates: of decay, of each scale; x: blanked inputs (B, T, I), dt (B, T), valid (B, T), k: the traces (B, M H).
    """
    scales, width = len(rates), weights.recurrent.shape[1]
    across, gates = (-1, scales, width), 2 * scales * width
    logs = x.new_tensor(log_scales(scales))[:, None]
    kept = torch.exp(-dt.t()[..., None, None] * x.new_tensor(rates)[:, None]).unbind(0)
    drives = linear(x.transpose(0, 1), weights.input, weights.bias).unbind(0)
    of_h, of_read = weights.recurrent[:gates].t(), weights.recurrent[gates:].t()
    outputs = []
    for drive, decay, real in zip(drives, kept, time_major(valid, x.shape[1]), strict=True):
        traces = k.reshape(across)
        both = torch.addmm(drive[:, :gates], traces.sum(1), of_h).reshape(-1, 2, scales, width)
        read, write = torch.softmax(-(both.clamp(-LARGEST, LARGEST) - logs).square(), 2).unbind(1)
        q = tanh(torch.addmm(drive[:, gates:], (read * traces).sum(1), of_read))
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
        self.as_coded = as_coded
        rows = [scales * hidden, scales * hidden, hidden]
        self.input_weight = nn.Parameter(torch.empty(sum(rows), inputs))
        self.recurrent_weight = nn.Parameter(torch.empty(sum(rows), hidden))
        self.bias = nn.Parameter(torch.empty(sum(rows)))
        for x, h, bias in zip(*(own.detach().split(rows) for own in self._weights()), strict=True):
            draw_weights(init, bias, x, h)

    def _weights(self) -> CTGRUWeights:
        return CTGRUWeights(self.input_weight, self.recurrent_weight, self.bias)

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def initial_state(self, batch: int) -> State:
        """Return (k,) = 0 of shape (batch, M H)."""
        return (self.bias.new_zeros(batch, self.scales * self.width),)

    @property
    def _key(self) -> str:
        return f"scales {self.scales} {int(self.as_coded)} {int(self.fixed)}"

    def kernel_call(self) -> KernelCall | None:
        """Return the operation and its weights."""
        return KernelCall(self._key, list(self._weights()))

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and (k,) for x (B, T, I), dt (B, T), valid (B, T)."""
        if self.uses_kernel(dt):
            hidden, final = run(self._key, self._twin, (x, dt, valid, *state, *self._weights()))
            return hidden, (final,)
        hidden, final = self._twin(x, dt, valid, *state, *self._weights())
        return hidden, (final,)

    def _twin(self, x: Tensor, dt: Tensor, valid: Tensor | None, k: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        """Return what the kernel does, in plain PyTorch."""
        x, dt = blank_padding(x, dt, valid)
        if self.fixed:
            dt = torch.ones_like(dt)  # at padding too: as coded, the first trace's decay over 0 has no meaning
        rates = decay_rates(self.scales, self.as_coded)
        hidden, (final,) = ct_gru_loop(rates, CTGRUWeights(*weights), x, dt, valid, k)
        return hidden, final

    def structure(self) -> dict[str, int]:
        """Return the number of time scales."""
        return {"scales": self.scales}

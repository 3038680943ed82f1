"""GRU-D: a GRU whose inputs and state decay while nothing is measured (Che et al. 2018, arXiv 1606.01865).

Of a variable that is not measured at a step, the value measured last decays to the training mean, which is 0 after
scaling; the state decays before every step:
    x^ = m x + (1 - m) exp(-max(0, w age + b)) x
    h^ = exp(-max(0, W [ages, dt] + c)) h;    h' = GRU([x^, m, ...], h^)
with x the value measured last (carried forward), m its mask (1 where measured now) and its age (time since measured).
Nothing of the inputs depends on the state, so they and the factors of the state are computed for all steps at once.

Legend of shape suffixes: B batch, T steps, I inputs, V measured variables, H hidden units.
"""

import math

import torch
from torch import Tensor, nn

from lnncmp.kernels.common.sequence_function import run
from lnncmp.layers.lstm_gru import GRULayer
from lnncmp.layers.plain_gated import gru_d_twin, gru_loop
from lnncmp.layers.readout import LinearReadout
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding
from lnncmp.layers.sequence_model import State


def _decayed(argument: Tensor) -> Tensor:
    return torch.exp(-torch.relu(argument))


class InputDecay(nn.Module):
    """The factor exp(-max(0, w age + b)) of each measured variable's value; w starts in U(0, 1), b at 0."""

    def __init__(self, measured: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(measured))
        self.bias = nn.Parameter(torch.zeros(measured))

    def forward(self, ages: Tensor) -> Tensor:
        """Return factors (B, T, V) for ages (B, T, V)."""
        return _decayed(ages * self.weight + self.bias)


class GRUDLayer(RecurrentLayer):
    """A GRU-D over a sequence; state (h,) of shape (B, H).

    The inputs are `measured` values, as many masks, as many ages, then anything else, which goes to the gates as it is.
    With `measured` 0 all inputs do, and the state decays by the elapsed time. `init` is that of the GRU; the weights of
    the decays start positive, else a unit whose argument is negative at all times would never decay and never learn to.
    """

    def __init__(
        self, inputs: int, hidden: int, measured: int = 0, implementation: str = "auto", init: str = "torch"
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden,)
        self.chosen, self.measured = implementation, measured
        self.cell = GRULayer(inputs - measured, hidden, implementation, init)
        self.state_decay = LinearReadout(measured + 1, hidden)
        nn.init.uniform_(self.state_decay.weight, 0.0, 1.0 / math.sqrt(measured + 1))
        nn.init.zeros_(self.state_decay.bias)
        self.input_decay = InputDecay(measured) if measured else None

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H)."""
        return self.cell.initial_state(batch)

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def kernel_call(self) -> KernelCall:
        """Return what computes the decays and the GRU, and their weights."""
        own = [] if self.input_decay is None else [self.input_decay.weight, self.input_decay.bias]
        weights = [*own, self.state_decay.weight, self.state_decay.bias, *self.cell.weights()]
        return KernelCall(f"gru_d {self.measured} {self.width}", weights)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and (h,) for x (B, T, I), dt (B, T), valid (B, T)."""
        driven, factors = self._decays(*blank_padding(x, dt, valid))
        if self.implementation == "fused":
            tensors = driven, None, valid, *state, factors, *self.cell.weights()
            hidden, final = run("gated gru_d", gru_d_twin, tensors)
            return hidden, (final,)
        return gru_loop(self.cell.weights(), driven, valid, state, factors)

    def _decays(self, x: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the gates read, (B, T, I - V), and the factors of the state (B, T, H)."""
        elapsed = dt[..., None]
        if self.input_decay is not None:
            own = self.measured
            values, masks, ages, others = x.split([own, own, own, self.inputs - 3 * own], 2)
            shown = values * (masks + (1.0 - masks) * self.input_decay(ages))
            x, elapsed = torch.cat([shown, masks, others], 2), torch.cat([ages, elapsed], 2)
        return x, _decayed(self.state_decay(elapsed))

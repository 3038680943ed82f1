"""GLNN: liquid neurons whose conductance is any learned function (Karn, Ardekani and Abdulla 2024).

Neuron i with time constant tau_i, potential A_i and a multilayer perceptron f of potentials x and inputs u:
    factor    dx/dt = -x / tau + f(x, u) (A - x), f >= 0        (Eq. 1 of the LTC paper with an MLP for f)
    argument  dx/dt = -x / tau + f(x, u, A - x)
The hidden layers of f are bounded, so f is, and states stay finite; with `factor` f ends in a softplus and a state
stays between its start, 0 and A. Inputs are held over an interval. It counts up to LONGEST of the longest time
constants: later nothing but rounding is left of the leak, and an adaptive solver would take steps without end.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.layers.activations import ACTIVATIONS
from lnncmp.layers.cell_layer import CellLayer
from lnncmp.layers.liquid import REVERSAL_RANGE
from lnncmp.layers.sequence_model import State
from lnncmp.layers.solvers import SolverOptions
from lnncmp.layers.solvers import advance as solve

LONGEST = 40.0
"""Time constants after which e^-40 is left of a state: less than float64 resolves."""


class Conductance(nn.Module):
    """f(x, u) or f(x, u, A - x), a multilayer perceptron of `depth` hidden layers of `width` units.

    It ends linear, or with a softplus if `positive`. Weights and biases start as those of torch.nn.Linear.
    """

    def __init__(self, sources: int, outputs: int, depth: int, width: int, activation: str, positive: bool) -> None:
        super().__init__()
        self.activation, self.positive = ACTIVATIONS[activation], positive
        sizes = [sources, *[width] * depth, outputs]
        self.maps = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor, u: Tensor, gap: Tensor | None) -> Tensor:
        """Return f (B, H) for potentials x (B, H), inputs u (B, I) and A - x (B, H), None if it is a factor."""
        z = torch.cat([x, u] if gap is None else [x, u, gap], 1)
        *hidden, last = self.maps
        for each in hidden:
            z = self.activation(each(z))
        z = last(z)
        return softplus(z) if self.positive else z


class GLNNLayer(CellLayer):
    """Generalised liquid neurons over a sequence; state (x,) of shape (B, H), 0 at the start.

    coupling: "factor" or "argument". tau starts at 1, |A| at U(0.5, 1.5) with a sign by
    coin flip, as in lnncmp.layers.liquid.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        coupling: str,
        options: SolverOptions,
        depth: int,
        width: int,
        activation: str = "tanh",
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden,)
        self.coupling, self.options = coupling, options
        self.raw_rate = nn.Parameter(torch.full((hidden,), math.log(math.expm1(1.0))))
        sign = 2.0 * torch.randint(2, (hidden,)) - 1.0
        self.reversal = nn.Parameter(sign * torch.empty(hidden).uniform_(*REVERSAL_RANGE))
        factor = coupling == "factor"
        sources = inputs + (hidden if factor else 2 * hidden)
        self.conductance: nn.Module = Conductance(sources, hidden, depth, width, activation, positive=factor)

    def advance(self, drive: Tensor, dt: Tensor, state: State) -> State:
        """Return the state an interval dt (B, 1) later, for inputs (B, I)."""
        (x,) = state
        rate = softplus(self.raw_rate)

        def right_side(x: Tensor) -> tuple[Tensor, Tensor]:
            if self.coupling == "factor":
                f = self.conductance(x, drive, None)
                return f * self.reversal, f + rate
            return self.conductance(x, drive, self.reversal - x), rate

        length = torch.minimum(dt, LONGEST / rate.min())
        return (solve(x, right_side, x.new_ones(()), length, self.options),)

    def structure(self) -> dict[str, int]:
        """Return the solver's steps per interval; empty for the adaptive dopri5."""
        return {} if self.options.solver == "dopri5" else {"unfolds": self.options.unfolds}

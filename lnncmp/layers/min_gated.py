"""minGRU and minLSTM (arXiv 2410.01201): gates that see the inputs alone, so that the state is a linear recurrence.

minGRU   z = sigmoid(W x + b);  h' = (1 - z) h + z c
minLSTM  f, i = sigmoid(...);  h' = f / (f + i) h + i / (f + i) c
with the candidate c = g(V x + d); g is x + 1/2 for x >= 0 and sigmoid(x) below, so that c > 0 (candidate "positive",
the paper's log-space form), or the identity ("linear", its first form). The state starts at 0. dt is ignored.

Legend of shape suffixes: B batch, T steps, I features in, H hidden units, G gates and candidates.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear, softplus

from lnncmp.layers.blocks import Block, BlockStack
from lnncmp.layers.of_each import of_each
from lnncmp.layers.readout import LinearReadout, RecurrentModel
from lnncmp.layers.recurrent_layer import KernelCall
from lnncmp.layers.scan import scan
from lnncmp.layers.sequence_model import State


def positive(x: Tensor) -> Tensor:
    """Return x + 1/2 for x >= 0 and sigmoid(x) below: continuous, positive and rising."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))


class MinGRUBlock(Block):
    """A minGRU over a sequence; state (h,) of shape (B, H)."""

    gates = 2
    has_kernel = True

    def __init__(self, inputs: int, width: int, candidate: str = "positive") -> None:
        super().__init__()
        self.width, self.state_widths, self.candidate = width, (width,), candidate
        self.gates_map = LinearReadout(inputs, self.gates * width)

    def kernel_call(self) -> KernelCall:
        """Return the block's text and weights."""
        text = f"min_gated {self.gates} {self.candidate} {self.gates_map.in_features} {self.width}"
        return KernelCall(text, [self.gates_map.weight, self.gates_map.bias])

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return h (B, T, H) and (h,) for u (B, T, I)."""
        keep, taken = of_each(self.factors_of, (u,), (self.gates_map.weight, self.gates_map.bias))
        hidden, final = scan(keep, taken, valid, state[0], fused)
        return hidden, (final,)

    def factors_of(self, u: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is kept of h and what is added to it (B, T, H) for u (B, T, I)."""
        *gates, candidate = linear(u, weight, bias).chunk(self.gates, -1)
        keep, write = self.shares(*gates)
        return keep, write * (positive(candidate) if self.candidate == "positive" else candidate)

    def shares(self, *gates: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is kept of h and taken of the candidate, adding up to 1, for the gates' arguments (B, T, H)."""
        (z,) = gates
        return torch.sigmoid(-z), torch.sigmoid(z)


class MinLSTMBlock(MinGRUBlock):
    """A minLSTM over a sequence; state (h,) of shape (B, H)."""

    gates = 3

    def shares(self, *gates: Tensor) -> tuple[Tensor, Tensor]:
        """Return f / (f + i) and i / (f + i), also where both gates are closed: sigmoids of log f - log i."""
        f, i = gates
        ratio = softplus(-i) - softplus(-f)
        return torch.sigmoid(ratio), torch.sigmoid(-ratio)


def min_gated_model(
    kind: type[MinGRUBlock], inputs: int, outputs: int, hidden: int, blocks: int, candidate: str, implementation: str
) -> RecurrentModel:
    """Return blocks of a kind, the first for the inputs, each of the others for the hidden units before it."""
    made = [kind(hidden if number else inputs, hidden, candidate) for number in range(blocks)]
    layer = BlockStack(inputs, made, residual=False)
    layer.chosen = implementation
    return RecurrentModel(layer, LinearReadout(hidden, outputs))

"""What a fused CfC computes and the order of its weights; needs no compiler, so that layers can import it at once."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

GATED_HEADS = 4
"""Heads of a CfC in mode default or no_gate: ff1, ff2, time_a, time_b, in this order; `pure` has ff1 alone."""


@dataclass(frozen=True)
class StagePlan:
    """One CfC cell: `inputs` I, `hidden` H, `layers` of `units` N in its backbone; see lnncmp.cells.cfc for the rest.

    `memory` is None, "replace_h" or "input_to_cfc".
    """

    inputs: int
    hidden: int
    mode: str
    layers: int
    units: int
    activation: str
    head_activation: str
    gate_sign: str
    memory: str | None = None
    forget_bias: float = 0.0
    dropped: bool = False
    masked: bool = False

    @property
    def heads(self) -> int:
        """Return how many heads the cell has."""
        return 1 if self.mode == "pure" else GATED_HEADS

    @property
    def lead(self) -> int:
        """Return how many inputs the cell itself reads besides the state."""
        return self.hidden if self.memory == "input_to_cfc" else self.inputs

    def count(self) -> int:
        """Return how many tensors `split` expects."""
        pure, memory = self.mode == "pure", self.memory is not None
        return 2 * self.layers + 2 * self.heads + 2 * pure + 3 * memory + self.masked + self.dropped

    def split(self, tensors: list[Tensor]) -> "StageTensors":
        """Return the stage's tensors by their meaning.

        Their order: weight and bias of each backbone layer, then of each head, (w_tau, A), the memory's input weight,
        bias and recurrent weight, the heads' mask, the dropout factors.
        """
        rest = list(tensors)

        def take(number: int) -> list[Tensor]:
            taken = rest[:number]
            del rest[:number]
            return taken

        backbone, heads = take(2 * self.layers), take(2 * self.heads)
        decay = take(2 if self.mode == "pure" else 0)
        memory = take(3 if self.memory else 0)
        mask = take(1)[0] if self.masked else None
        drop = take(1)[0] if self.dropped else None
        return StageTensors(backbone[::2], backbone[1::2], heads[::2], heads[1::2], decay, memory, mask, drop)


class StageTensors(NamedTuple):
    """The tensors of one stage, or the gradients of those tensors."""

    backbone_weights: list[Tensor]
    backbone_biases: list[Tensor]
    head_weights: list[Tensor]
    head_biases: list[Tensor]
    decay: list[Tensor]
    """w_tau and A in mode pure, else empty."""
    memory: list[Tensor]
    """Input weight (4H, I), bias (4H,) and recurrent weight (4H, H) of the mixed memory, or empty."""
    mask: Tensor | None
    """Which synapses of the heads exist, (heads, H, I + H) of bool."""
    drop: Tensor | None
    """Factors of dropout (layers, T, B, N): 0 or 1 / (1 - rate)."""


@dataclass(frozen=True)
class Plan:
    """Stages in a row, each reading the states of the one before at every step; a plain CfC has one.

    `places` says for each stage where its units begin among the `width` features that the layer gives.
    """

    stages: tuple[StagePlan, ...]
    places: tuple[int, ...]

    @property
    def width(self) -> int:
        """Return how many features the layer gives at each step."""
        return sum(stage.hidden for stage in self.stages)

    @property
    def states(self) -> int:
        """Return how many tensors the state has: h of each stage, and c where there is a memory."""
        return sum(2 if stage.memory else 1 for stage in self.stages)

"""What a fused CfC computes and the order of its weights; needs no compiler, so that layers can import it at once."""

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise

GATED_HEADS = 4
"""Heads of a CfC in mode default or no_gate: ff1, ff2, time_a, time_b, in this order; `pure` has ff1 alone."""


@dataclass(frozen=True)
class StagePlan:
    """One CfC cell: `inputs` I, `hidden` H, `layers` of `units` N in its backbone; see lnncmp.layers.cfc for the rest.

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
        """Return how many inputs the cell itself reads in addition to the state."""
        return self.hidden if self.memory == "input_to_cfc" else self.inputs

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the weights, in their order: those of the stage's tensors that have a gradient.

        Weight and bias of each backbone layer, then of each head; in mode pure w_tau and A; of the memory the input
        weight (4H, I), bias and recurrent weight (4H, H).
        """
        hidden, widths = self.hidden, [self.lead + self.hidden, *[self.units] * self.layers]
        found: list[tuple[int, ...]] = []
        for sources, targets in [*pairwise(widths), *[(widths[-1], hidden)] * self.heads]:
            found += [(targets, sources), (targets,)]
        if self.mode == "pure":
            found += [(hidden,), (hidden,)]
        if self.memory is not None:
            found += [(4 * hidden, self.inputs), (4 * hidden,), (4 * hidden, hidden)]
        return found


@dataclass(frozen=True, eq=False)
class Plan:
    """Stages in a row, each reading the states of the one before at every step; a plain CfC has one.

    `places` says for each stage where its units begin among the `width` features that the layer gives. A stage's
    tensors are its weights (see StagePlan.shapes), then the heads' mask (heads, H, I + H) of bool if it is masked,
    then the factors of dropout (layers, T, B, N), 0 or 1 / (1 - rate), if it drops.
    """

    stages: tuple[StagePlan, ...]
    places: tuple[int, ...]
    key: str = field(init=False, repr=False)
    """The name of the kernel that computes this plan (see lnncmp.kernels.common.operation)."""

    def __post_init__(self) -> None:
        """Write the key once: torch.compile reads it as a constant."""
        stages = [asdict(stage) for stage in self.stages]
        object.__setattr__(self, "key", f"cfc {json.dumps({'stages': stages, 'places': self.places})}")

    @cached_property
    def width(self) -> int:
        """Return how many features the layer gives at each step."""
        return sum(stage.hidden for stage in self.stages)

    @cached_property
    def states(self) -> int:
        """Return how many tensors the state has: h of each stage, and c with a memory."""
        return sum(2 if stage.memory else 1 for stage in self.stages)

    @classmethod
    def from_text(cls, text: str) -> "Plan":
        """Return the plan that a key says."""
        found = json.loads(text)
        return cls(tuple(StagePlan(**stage) for stage in found["stages"]), tuple(found["places"]))

    def shapes(self, batch: int, steps: int) -> list[tuple[int, ...]]:
        """Return the shapes of the tensors of all stages for B = `batch` rows of T = `steps` steps."""
        found: list[tuple[int, ...]] = []
        for stage in self.stages:
            found += stage.shapes()
            if stage.masked:
                found.append((stage.heads, stage.hidden, stage.lead + stage.hidden))
            if stage.dropped:
                found.append((stage.layers, steps, batch, stage.units))
        return found

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Return what each tensor of all stages is: `weight`, `mask` or `drop`."""
        found: list[str] = []
        for stage in self.stages:
            found += ["weight"] * len(stage.shapes()) + ["mask"] * stage.masked + ["drop"] * stage.dropped
        return tuple(found)

"""A CfC's kernel in plain PyTorch, as a function of the same tensors: for what the kernel has no derivatives of.

Legend of shape suffixes: B batch, T steps, I inputs, L backbone layers, N backbone units.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import torch
from torch import Tensor, nn

from lnncmp.kernels.cfc.plan import Plan, StagePlan
from lnncmp.layers.cfc_cell import CfCOptions, CfCStep, CfCWeights
from lnncmp.layers.mixed_memory import MemoryCell, MemoryUpdate
from lnncmp.layers.plain_cfc import run_plain


class _GivenMemory(MemoryUpdate):
    """A memory cell of given tensors: input weight and bias, recurrent weight."""

    def __init__(self, tensors: Sequence[Tensor], forget_bias: float) -> None:
        weight, bias, recurrent = tensors
        self.input_map, self.recurrent_map = _map(weight, bias), _map(recurrent, None)
        self.forget_bias = forget_bias


class _GivenCell(CfCWeights):
    """A cell of given tensors, in the order of the stage's plan."""

    def __init__(self, stage: StagePlan, tensors: Sequence[Tensor]) -> None:
        super().__init__()
        self.inputs, self.hidden = stage.lead, stage.hidden
        self.options = CfCOptions(
            mode=stage.mode,
            backbone_layers=stage.layers,
            backbone_units=stage.units,
            backbone_activation=stage.activation,
            head_activation=stage.head_activation,
            gate_sign=stage.gate_sign,
        )
        rest = list(tensors)
        self.factors = rest.pop() if stage.dropped else None
        self.mask = rest.pop() if stage.masked else None
        pairs = [_map(*rest[k : k + 2]) for k in range(0, 2 * (stage.layers + stage.heads), 2)]
        self.maps, self.own_heads = pairs[: stage.layers], pairs[stage.layers :]
        self.others = rest[2 * len(pairs) :]

    def backbone_maps(self) -> list[nn.Linear]:
        """Return the backbone's linear layers, in order."""
        return self.maps

    def head_maps(self) -> list[nn.Linear]:
        """Return the heads."""
        return self.own_heads

    def decay(self) -> tuple[Tensor, Tensor]:
        """Return w_tau and A of mode pure."""
        return self.others[0], self.others[1]

    def masked(self) -> Tensor | None:
        """Return the mask of the heads' synapses, or None."""
        return self.mask

    def prepare(self) -> CfCStep:
        """Return the update, with the given factors of dropout."""
        return CfCStep(self) if self.factors is None else _GivenDropout(self, self.factors)


class _GivenDropout(CfCStep):
    """The update with given factors of dropout (L, T, B, N), for the steps of a sequence in turn."""

    def __init__(self, cell: CfCWeights, factors: Tensor) -> None:
        super().__init__(cell)
        self.factors, self.step = factors, -1

    def advance(self, drive: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """Return the new state (B, H) at the next step."""
        self.step += 1
        return super().advance(drive, h, dt)

    def drop(self, z: Tensor, layer: int) -> Tensor:
        """Return the activations z (B, N) of a backbone layer after dropout."""
        return z * self.factors[layer, self.step]


def _map(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """Return what has a weight and a bias, as a linear layer has."""
    return cast("nn.Linear", SimpleNamespace(weight=weight, bias=bias))


def plan_twin(plan: Plan, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Return what the kernel of a plan returns for the same tensors (see lnncmp.kernels.common.operation)."""
    x, dt, valid, *rest = tensors
    states, weights = rest[: plan.states], rest[plan.states :]
    hidden, paths = x, []
    finals: list[Tensor] = []
    for stage in plan.stages:
        count = len(stage.shapes()) + stage.masked + stage.dropped
        own, weights = weights[:count], weights[count:]
        memory = None
        if stage.memory is not None:
            first = len(stage.shapes()) - 3
            memory, own = _GivenMemory(own[first : first + 3], stage.forget_bias), own[:first] + own[first + 3 :]
        taken = 1 if memory is None else 2
        start, states = tuple(states[:taken]), states[taken:]
        cell = _GivenCell(stage, own)
        hidden, final = run_plain(cell, cast("MemoryCell | None", memory), stage.memory, hidden, dt, valid, start)
        paths.append(hidden)
        finals += final
    if len(paths) == 1:
        return hidden, *finals
    parts = sorted(zip(plan.places, paths, strict=True), key=lambda part: part[0])
    return torch.cat([path for _, path in parts], 2), *finals

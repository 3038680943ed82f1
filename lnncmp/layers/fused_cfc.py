"""A CfC, alone or wired, by its fused kernel: what the kernel needs to know of the cells, and its call.

Legend of shape suffixes: B batch, T steps, L backbone layers, N backbone units.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lnncmp.kernels.cfc.plan import Plan, StagePlan
from lnncmp.kernels.common.operation import Memory
from lnncmp.kernels.common.sequence_function import run
from lnncmp.kernels.common.twin import Twin
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.sequence_model import State

if TYPE_CHECKING:
    from lnncmp.layers.cfc_cell import CfCWeights


def stage_plan(
    cell: "CfCWeights", memory: MemoryCell | None, variant: str | None, inputs: int, dropped: bool
) -> StagePlan:
    """Return what the kernel has to know of a cell that gets `inputs` features; `dropped`: with dropout factors."""
    options = cell.options
    return StagePlan(
        inputs=inputs,
        hidden=cell.hidden,
        mode=options.mode,
        layers=options.backbone_layers,
        units=options.backbone_units,
        activation=options.backbone_activation,
        head_activation=options.head_activation,
        gate_sign=options.gate_sign,
        memory=variant,
        forget_bias=0.0 if memory is None else memory.forget_bias,
        dropped=dropped,
        masked=cell.masked() is not None,
    )


def stage_tensors(cell: "CfCWeights", memory: MemoryCell | None, factors: Tensor | None) -> list[Tensor]:
    """Return a cell's tensors in the order of StagePlan.split; `factors` (L, T, B, N) of dropout, if any."""
    tensors = [*_maps(cell.backbone_maps()), *_maps(cell.head_maps())]
    if cell.options.mode == "pure":
        tensors += cell.decay()
    if memory is not None:
        tensors += [memory.input_map.weight, memory.input_map.bias, memory.recurrent_map.weight]
    return tensors + [tensor for tensor in (cell.masked(), factors) if tensor is not None]


def _maps(modules: Iterable[nn.Module]) -> list[Tensor]:
    """Return weight and bias of each linear layer, straight from its parameters: streaming asks at each step.

    A layer with torch.nn.utils.parametrize has them as attributes only.
    """
    found: list[Tensor] = []
    for module in modules:
        own = module._parameters
        found += [own[name] if name in own else getattr(module, name) for name in ("weight", "bias")]  # type: ignore[misc]
    return found


def draw_dropout(cell: "CfCWeights", steps: int, batch: int) -> Tensor:
    """Return factors of dropout (L, T, B, N): 0 at the cell's rate, else 1 / (1 - rate); 1 where it does not act."""
    options = cell.options
    kept = 1.0 - options.backbone_dropout
    weight = cell.backbone_maps()[0].weight
    factors = torch.empty(
        options.backbone_layers, steps, batch, options.backbone_units, dtype=weight.dtype, device=weight.device
    )
    factors.bernoulli_(kept).div_(kept)
    if options.dropout_placement == "ncps":
        factors[0] = 1.0
    return factors


def run_fused(
    plan: Plan,
    twin: Twin,
    memory: Memory,
    tensors: list[Tensor],
    x: Tensor,
    dt: Tensor,
    valid: Tensor | None,
    state: State,
) -> tuple[Tensor, State]:
    """Return hidden states (B, T, width) and the final state for x (B, T, I), dt (B, T), valid (B, T).

    `twin` computes the same of the same tensors in plain PyTorch; `memory`, for calls without gradients, is the
    layer's own.
    """
    hidden, *final = run(plan.key, twin, (x, dt, valid, *state, *tensors), memory)
    return hidden, tuple(final)

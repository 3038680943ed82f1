"""CfC: closed-form continuous-time network (Hasani et al., Nature Machine Intelligence 2022, arXiv 2106.13898).

With z = backbone([x, h]) and the elapsed time dt:
    default  h' = ff1 (1 - gate) + ff2 gate,   gate = sigmoid(+-time_a(z) dt + time_b(z))     (Eq. 4)
    no_gate  h' = ff1 + ff2 gate
    pure     h' = A - A exp(-dt (|w_tau| + |ff1|)) ff1                                        (Eq. 3, Cf-S)
ff1, ff2 pass through tanh in `default` and `no_gate`; ff1 is linear in `pure`. The paper and its TensorFlow code
have the gate's time with a minus sign, the PyTorch code with a plus.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units, N backbone units.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from lnncmp.cells.activations import ACTIVATIONS, LECUN_GAIN, LECUN_SLOPE
from lnncmp.cells.base import State
from lnncmp.cells.fused_cfc import draw_dropout, run_fused, stage_plan, stage_tensors
from lnncmp.cells.layer import RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.cells.masks import guard_mask
from lnncmp.cells.mixed_memory import MemoryCell
from lnncmp.kernels.cfc_plan import Plan

_HEADS = {
    "default": ("ff1", "ff2", "time_a", "time_b"),
    "no_gate": ("ff1", "ff2", "time_a", "time_b"),
    "pure": ("ff1",),
}


def linears(modules: Iterable[nn.Module]) -> list[nn.Linear]:
    """Return the linear layers among `modules`, in order."""
    return [module for module in modules if isinstance(module, nn.Linear)]


@dataclass(frozen=True)
class CfCOptions:
    """What distinguishes the published variants of a CfC cell; see the arguments of the model `cfc`."""

    mode: str = "default"
    backbone_layers: int = 1
    backbone_units: int = 128
    backbone_activation: str = "lecun_tanh"
    backbone_dropout: float = 0.0
    dropout_placement: str = "ncps"
    head_activation: str = "tanh"
    gate_sign: str = "plus"
    init: str = "ncps"


class CfCCell(nn.Module):
    """The parameters of a CfC and its update for one step.

    `head_mask` (heads, H, I + H) of bool, only without backbone, removes synapses of the heads (see wired_cfc).
    """

    head_mask: Tensor | None

    def __init__(self, inputs: int, hidden: int, options: CfCOptions, head_mask: Tensor | None = None) -> None:
        super().__init__()
        self.inputs, self.hidden, self.options = inputs, hidden, options
        widths = [inputs + hidden, *[options.backbone_units] * options.backbone_layers]
        self.backbone = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.heads = nn.ModuleDict({name: nn.Linear(widths[-1], hidden) for name in _HEADS[options.mode]})
        if options.mode == "pure":
            self.w_tau = nn.Parameter(torch.zeros(hidden))
            self.A = nn.Parameter(torch.ones(hidden))
        self.register_buffer("head_mask", head_mask)
        if head_mask is not None:
            guard_mask(self, "head_mask")
        for layer in (*linears(self.backbone), *linears(self.heads.values())):
            nn.init.xavier_uniform_(layer.weight)
            if options.init == "keras":
                nn.init.zeros_(layer.bias)

    def drops(self) -> bool:
        """Return whether dropout acts now."""
        options = self.options
        least = 1 if options.dropout_placement == "every_layer" else 2
        return self.training and options.backbone_dropout > 0.0 and options.backbone_layers >= least

    def prepare(self) -> "CfCStep":
        """Return the update with the weights laid out for the time loop."""
        return CfCStep(self)


class CfCStep:
    """The update of a CfCCell with its weights gathered once for a whole sequence.

    The first layer (the backbone's, or the heads where there is none) is split into a part for the inputs, which is
    evaluated for all steps at once (`drive`), and a part for the state.
    """

    def __init__(self, cell: CfCCell) -> None:
        self.cell, self.options = cell, cell.options
        heads = linears(cell.heads.values())
        weight = torch.stack([head.weight for head in heads])
        if cell.head_mask is not None:
            weight = weight * cell.head_mask
        bias = torch.stack([head.bias for head in heads])
        lecun = self.options.head_activation == "lecun_tanh"
        self.gain, slope = (LECUN_GAIN, LECUN_SLOPE) if lecun else (1.0, 1.0)
        if self.options.mode != "pure":
            # tanh(x) = 2 sigmoid(2x) - 1: the inner factor (and the gate's sign) goes into the weights, once.
            sign = 1.0 if self.options.gate_sign == "plus" else -1.0
            factors = weight.new_tensor([2.0 * slope, 2.0 * slope, sign, 1.0])
            weight, bias = weight * factors[:, None, None], bias * factors[:, None]
        layers: list[tuple[Tensor, Tensor]] = [(layer.weight, layer.bias) for layer in linears(cell.backbone)]
        layers.append((weight.flatten(0, 1), bias.flatten()))
        first, self.first_bias = layers[0]
        self.input_weight = first[:, : cell.inputs]
        self.state_weight = first[:, cell.inputs :].t()
        self.rest = [(w.t(), b) for w, b in layers[1:]]

    def drive(self, x: Tensor) -> Tensor:
        """Return what the inputs add to the first layer, (..., N) or (..., heads H), for x (..., I)."""
        return linear(x, self.input_weight, self.first_bias)

    def advance(self, drive: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """Return the new state (B, H) for drive (B, N or heads H), state h (B, H) and dt (B, 1)."""
        z = torch.addmm(drive, h, self.state_weight)
        for index, (weight, bias) in enumerate(self.rest):
            z = torch.addmm(bias, self._backbone_dropout(self._activate(z), index), weight)
        if self.options.mode == "pure":
            rate = self.cell.w_tau.abs() + z.abs()
            return self.cell.A - self.cell.A * torch.exp(-dt * rate) * z
        width = self.cell.hidden
        both = torch.sigmoid(z[:, : 2 * width])
        first, second = both[:, :width], both[:, width:]
        gate = torch.sigmoid(torch.addcmul(z[:, 3 * width :], z[:, 2 * width : 3 * width], dt))
        if self.options.mode == "no_gate":
            return self.gain * (2.0 * first - 1.0 + gate * (2.0 * second - 1.0))
        return (2.0 * self.gain) * torch.lerp(first, second, gate) - self.gain

    def _activate(self, z: Tensor) -> Tensor:
        return ACTIVATIONS[self.options.backbone_activation](z)

    def _backbone_dropout(self, z: Tensor, layer: int) -> Tensor:
        rate, everywhere = self.options.backbone_dropout, self.options.dropout_placement == "every_layer"
        if rate == 0.0 or not self.cell.training or not (everywhere or layer > 0):
            return z
        return dropout(z, rate)


class CfCLayer(RecurrentLayer):
    """A CfC over a sequence; state (h,) or, with mixed memory, (h, c), each (B, H).

    `memory` None: plain. "replace_h" (PyTorch code): the LSTM cell's output replaces h, the CfC still sees x.
    "input_to_cfc" (TensorFlow code): the LSTM cell's output is the CfC's input, x is not seen by it, and the LSTM's
    recurrent part reads the CfC's state.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        options: CfCOptions,
        memory: str | None = None,
        forget_bias: float = 1.0,
        head_mask: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.memory_variant = inputs, hidden, memory
        self.state_widths = (hidden,) if memory is None else (hidden, hidden)
        self.cell = CfCCell(hidden if memory == "input_to_cfc" else inputs, hidden, options, head_mask)
        self.memory = MemoryCell(inputs, hidden, forget_bias, options.init) if memory else None
        self.plans = [
            Plan((stage_plan(self.cell, self.memory, memory, inputs, dropped),), (0,)) for dropped in (False, True)
        ]
        self.memos: list[Any] = []

    def has_kernel(self) -> bool:
        """Return True: the kernel covers every CfC."""
        return True

    @property
    def stackable(self) -> bool:
        """Whether copies can be computed in one call: not with dropout, whose draws belong to each copy."""
        return super().stackable and self.cell.options.backbone_dropout == 0.0

    def initial_state(self, batch: int) -> State:
        """Return zeros: (h,), or (h, c) with mixed memory, each (batch, H)."""
        zeros = linears(self.cell.heads.values())[0].bias.new_zeros(batch, self.width)
        return (zeros,) if self.memory is None else (zeros, zeros)

    def _sequence(self, x: Tensor, dt: Tensor, step: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return states (B, T, H) and the final state for x (B, T, I), dt (B, T), step (B, T).

        The kernel has no gradient for dt; where that is wanted, the loop runs.
        """
        if self.implementation == "fused" and not dt.requires_grad:
            drops = self.cell.drops()
            factors = draw_dropout(self.cell, x.shape[1], x.shape[0]) if drops else None
            tensors = stage_tensors(self.cell, self.memory, factors)
            return run_fused(self.plans[drops], self.memos, tensors, x, dt, step, state)
        x, dt = blank_padding(x, dt, step)
        x, elapsed = x.transpose(0, 1), dt.t()[..., None]
        if self.memory is None:
            return self._plain(x, elapsed, step, state)
        return self._mixed(self.memory, x, elapsed, step, state)

    def _plain(self, x: Tensor, dt: Tensor, step: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Run the cell alone over x (T, B, I), dt (T, B, 1)."""
        update = self.cell.prepare()
        (h,) = state
        outputs = []
        reals = time_major(step, x.shape[0])
        for drive, dt_t, real in zip(update.drive(x).unbind(0), dt.unbind(0), reals, strict=True):
            h = hold(real, update.advance(drive, h, dt_t), h)
            outputs.append(h)
        return stack_steps(outputs, self.width, h), (h,)

    def _mixed(
        self, memory: MemoryCell, x: Tensor, dt: Tensor, step: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        """Run the memory cell, then the cell, at every step of x (T, B, I), dt (T, B, 1)."""
        update = self.cell.prepare()
        replaces = self.memory_variant == "replace_h"
        h, c = state
        outputs = []
        reals = time_major(step, x.shape[0])
        gates = memory.drive(x).unbind(0)
        drives = update.drive(x).unbind(0) if replaces else gates
        for gate, drive, dt_t, real in zip(gates, drives, dt.unbind(0), reals, strict=True):
            u, new_c = memory.advance(gate, h, c)
            new_h = update.advance(drive, u, dt_t) if replaces else update.advance(update.drive(u), h, dt_t)
            h, c = hold(real, new_h, h), hold(real, new_c, c)
            outputs.append(h)
        return stack_steps(outputs, self.width, h), (h, c)

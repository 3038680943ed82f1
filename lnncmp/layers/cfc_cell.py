"""The CfC cell: its parameters and its update for one step."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from lnncmp.layers.activations import ACTIVATIONS, LECUN_GAIN, LECUN_SLOPE
from lnncmp.layers.recurrent_layer import guard_mask

HEADS = {
    "default": ("ff1", "ff2", "time_a", "time_b"),
    "no_gate": ("ff1", "ff2", "time_a", "time_b"),
    "pure": ("ff1",),
}
"""The heads of each mode, in the order in which they are computed with."""


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


class CfCWeights(nn.Module, ABC):
    """What is computed with of a CfC cell, wherever its parameters are kept and whatever they are called there."""

    inputs: int
    hidden: int
    options: CfCOptions

    @abstractmethod
    def backbone_maps(self) -> list[nn.Linear]:
        """Return the backbone's linear layers, in order."""

    @abstractmethod
    def head_maps(self) -> list[nn.Linear]:
        """Return the heads: ff1, ff2, time_a, time_b; in mode pure ff1 alone."""

    @abstractmethod
    def decay(self) -> tuple[Tensor, Tensor]:
        """Return w_tau and A of mode pure, each (H,)."""

    @abstractmethod
    def masked(self) -> Tensor | None:
        """Return the mask (heads, H, I + H) of bool of the heads' synapses, or None."""

    def drops(self) -> bool:
        """Return whether dropout acts now."""
        options = self.options
        least = 1 if options.dropout_placement == "every_layer" else 2
        return self.training and options.backbone_dropout > 0.0 and options.backbone_layers >= least

    def prepare(self) -> "CfCStep":
        """Return the update with the weights laid out for the time loop."""
        return CfCStep(self)


class CfCCell(CfCWeights):
    """The parameters of a CfC.

    `head_mask` (heads, H, I + H) of bool, only without backbone, removes synapses of the heads (see wired_cfc).
    """

    head_mask: Tensor | None

    def __init__(self, inputs: int, hidden: int, options: CfCOptions, head_mask: Tensor | None = None) -> None:
        super().__init__()
        self.inputs, self.hidden, self.options = inputs, hidden, options
        widths = [inputs + hidden, *[options.backbone_units] * options.backbone_layers]
        self.backbone = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.heads = nn.ModuleDict({name: nn.Linear(widths[-1], hidden) for name in HEADS[options.mode]})
        if options.mode == "pure":
            self.w_tau = nn.Parameter(torch.zeros(hidden))
            self.A = nn.Parameter(torch.ones(hidden))
        self.register_buffer("head_mask", head_mask)
        if head_mask is not None:
            guard_mask(self, "head_mask")
        for layer in (*self.backbone_maps(), *self.head_maps()):
            nn.init.xavier_uniform_(layer.weight)
            if options.init == "keras":
                nn.init.zeros_(layer.bias)

    def backbone_maps(self) -> list[nn.Linear]:
        """Return the backbone's linear layers, in order."""
        return linears(self.backbone)

    def head_maps(self) -> list[nn.Linear]:
        """Return the heads, in the order of HEADS."""
        return linears(self.heads.values())

    def decay(self) -> tuple[Tensor, Tensor]:
        """Return w_tau and A of mode pure, each (H,)."""
        return self.w_tau, self.A

    def masked(self) -> Tensor | None:
        """Return the mask (heads, H, I + H) of bool of the heads' synapses, or None."""
        return self.head_mask


class CfCStep:
    """The update of a cell with its weights gathered once for a whole sequence.

    The first layer (the backbone's, or the heads without a backbone) is split into a part for the inputs, which is
    evaluated for all steps at once (`drive`), and a part for the state.
    """

    def __init__(self, cell: CfCWeights) -> None:
        self.cell, self.options = cell, cell.options
        heads, mask = cell.head_maps(), cell.masked()
        weight = torch.stack([head.weight for head in heads])
        if mask is not None:
            weight = weight * mask
        bias = torch.stack([head.bias for head in heads])
        lecun = self.options.head_activation == "lecun_tanh"
        self.gain, slope = (LECUN_GAIN, LECUN_SLOPE) if lecun else (1.0, 1.0)
        if self.options.mode != "pure":
            # tanh(x) = 2 sigmoid(2x) - 1: the inner factor (and the gate's sign) goes into the weights, once.
            sign = 1.0 if self.options.gate_sign == "plus" else -1.0
            factors = weight.new_tensor([2.0 * slope, 2.0 * slope, sign, 1.0])
            weight, bias = weight * factors[:, None, None], bias * factors[:, None]
        layers: list[tuple[Tensor, Tensor]] = [(layer.weight, layer.bias) for layer in cell.backbone_maps()]
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
            z = torch.addmm(bias, self.drop(self._activate(z), index), weight)
        if self.options.mode == "pure":
            w_tau, amplitude = self.cell.decay()
            return amplitude - amplitude * torch.exp(-dt * (w_tau.abs() + z.abs())) * z
        width = self.cell.hidden
        both = torch.sigmoid(z[:, : 2 * width])
        first, second = both[:, :width], both[:, width:]
        gate = torch.sigmoid(torch.addcmul(z[:, 3 * width :], z[:, 2 * width : 3 * width], dt))
        if self.options.mode == "no_gate":
            return self.gain * (2.0 * first - 1.0 + gate * (2.0 * second - 1.0))
        return (2.0 * self.gain) * torch.lerp(first, second, gate) - self.gain

    def _activate(self, z: Tensor) -> Tensor:
        return ACTIVATIONS[self.options.backbone_activation](z)

    def drop(self, z: Tensor, layer: int) -> Tensor:
        """Return the activations z (B, N) of a backbone layer after dropout."""
        rate, everywhere = self.options.backbone_dropout, self.options.dropout_placement == "every_layer"
        if rate == 0.0 or not self.cell.training or not (everywhere or layer > 0):
            return z
        return dropout(z, rate)

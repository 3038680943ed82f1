"""The CfC cell with the parameters of ncps.torch.CfCCell; see lnncmp.layers.cfc for the equations and their sources.

Legend of shape suffixes: B batch, T steps, I inputs, H units.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lnncmp.errors import UsageError, unknown_name
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.activations import LECUN_GAIN, LECUN_SLOPE
from lnncmp.layers.cfc import CfCRunner
from lnncmp.layers.cfc_cell import HEADS, CfCOptions, CfCWeights
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.sequence_model import State
from lnncmp.layers.step_programs import write_cfc
from lnncmp.torch.cell import Cell


class LeCun(nn.Module):
    """1.7159 tanh(0.666 x), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of x, any shape."""
        return LECUN_GAIN * torch.tanh(LECUN_SLOPE * x)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "lecun_tanh": LeCun,
}
"""The backbone's activations by name: modules that give the backbone's layers the numbers that they have in ncps."""


class CfCCell(Cell, CfCWeights):
    """A closed-form continuous-time cell: forward(input (B, I), hx (B, H), ts) -> (new state, new state).

    mode: "default", "pure" or "no_gate". sparsity_mask (I + H, H): which synapses of ff1 and ff2 exist (of all heads
    under masking="all_heads"); only without backbone.
    Beyond ncps: dropout_placement "ncps" (none after the first backbone layer) or "every_layer"; gate_sign "plus" or
    "minus" before the gate's time; head_activation "tanh" or "lecun_tanh" of ff1 and ff2.
    Raises UsageError for unknown names and masks that do not fit.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        mode: str = "default",
        backbone_activation: str = "lecun_tanh",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        backbone_dropout: float = 0.0,
        sparsity_mask: np.ndarray | None = None,
        *,
        dropout_placement: str = "ncps",
        gate_sign: str = "plus",
        head_activation: str = "tanh",
        masking: str = "ncps",
    ) -> None:
        super().__init__()
        _check_names(mode, backbone_activation, dropout_placement, gate_sign, head_activation, masking)
        self.input_size = self.inputs = input_size
        self.hidden_size = self.hidden = self.width = hidden_size
        self.state_widths, self.mode, self.masking = (hidden_size,), mode, masking
        self.backbone_layers = backbone_layers
        self.options = CfCOptions(
            mode=mode,
            backbone_layers=backbone_layers,
            backbone_units=backbone_units,
            backbone_activation=backbone_activation,
            backbone_dropout=backbone_dropout,
            dropout_placement=dropout_placement,
            head_activation=head_activation,
            gate_sign=gate_sign,
        )
        widths = [input_size + hidden_size, *[backbone_units] * backbone_layers]
        self.sparsity_mask = None if sparsity_mask is None else _mask(sparsity_mask, widths, hidden_size)
        self.backbone = _backbone(widths, ACTIVATIONS[backbone_activation], backbone_dropout)
        for name in HEADS[mode]:
            self.add_module(name, nn.Linear(widths[-1], hidden_size))
        if mode == "pure":
            self.w_tau = nn.Parameter(torch.zeros(1, hidden_size))
            self.A = nn.Parameter(torch.ones(1, hidden_size))
        self.init_weights()
        self._alone = CfCRunner(self, None, None, input_size)
        self._mixed = self._alone

    def init_weights(self) -> None:
        """Draw all matrices anew, as ncps does: in mode pure w_tau and A (1, H) are among them."""
        for weight in self.parameters():
            if weight.dim() == 2 and weight.requires_grad:
                nn.init.xavier_uniform_(weight)

    def backbone_maps(self) -> list[nn.Linear]:
        """Return the backbone's linear layers, in order."""
        return [] if self.backbone is None else [layer for layer in self.backbone if isinstance(layer, nn.Linear)]

    def head_maps(self) -> list[nn.Linear]:
        """Return the heads: ff1, ff2, time_a, time_b; in mode pure ff1 alone."""
        return [self._modules[name] for name in HEADS[self.mode]]  # type: ignore[misc]

    def decay(self) -> tuple[Tensor, Tensor]:
        """Return w_tau and A of mode pure, each (H,)."""
        return self.w_tau[0], self.A[0]

    def masked(self) -> Tensor | None:
        """Return the mask (heads, H, I + H) of bool of the heads' synapses, or None."""
        if self.sparsity_mask is None:
            return None
        present = self.sparsity_mask != 0
        time = present if self.masking == "all_heads" else torch.ones_like(present)
        return torch.stack([present if name in ("ff1", "ff2") else time for name in HEADS[self.mode]])

    def sample_weight(self) -> Tensor:
        """Return one of the weights."""
        return self.head_maps()[0].weight

    def has_kernel(self) -> bool:
        """Return True: the kernel covers every CfC."""
        return True

    @property
    def stackable(self) -> bool:
        """Whether copies can be computed in one call: not with dropout, whose draws belong to each copy."""
        return super().stackable and self.options.backbone_dropout == 0.0

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H)."""
        return (self.sample_weight().new_zeros(batch, self.width),)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return states (B, T, H) and (h,) for x (B, T, I), dt (B, T), valid (B, T)."""
        return self._alone.run(self, None, x, dt, valid, state, self.uses_kernel(dt))

    def meet(self, memory: MemoryCell) -> None:
        """Prepare for `run_mixed` with this memory cell."""
        self._mixed = CfCRunner(self, memory, "replace_h", self.inputs)

    def run_mixed(
        self, memory: MemoryCell, x: Tensor, dt: Tensor, valid: Tensor | None, state: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return states (B, T, H), the final state and the final c (B, H), with the memory inside the same kernel."""
        fused = self.uses_kernel(dt)
        hidden, (h, c) = self._mixed.run(self, memory, x, dt, valid, (state, c), fused)
        return hidden, h, c

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        return write_cfc(self, None, None, program)

    def write_mixed_step(self, memory: MemoryCell, program: StepProgram) -> int:
        """Write one step behind a memory cell for steppers."""
        return write_cfc(self, memory, "replace_h", program)

    def read(self, hidden: Tensor) -> Tensor:
        """Return the outputs of states (B, T, H): the states."""
        return hidden

    def read_state(self, state: Tensor) -> Tensor:
        """Return the outputs of a state (B, H): the state."""
        return state

    def forward(self, input: Tensor, hx: Tensor, ts: Tensor | float) -> tuple[Tensor, Tensor]:
        """Return the new state (B, H) twice, as output and as state; ts is a number, (B,) or (B, 1)."""
        return self.step(input, hx, ts)


def _check_names(mode: str, activation: str, placement: str, sign: str, head: str, masking: str) -> None:
    for kind, name, known in (
        ("mode", mode, tuple(HEADS)),
        ("activation", activation, tuple(ACTIVATIONS)),
        ("dropout_placement", placement, ("ncps", "every_layer")),
        ("gate_sign", sign, ("plus", "minus")),
        ("head_activation", head, ("tanh", "lecun_tanh")),
        ("masking", masking, ("ncps", "all_heads")),
    ):
        if name not in known:
            raise unknown_name(kind, str(name), known)


def _mask(given: Any, widths: list[int], hidden: int) -> nn.Parameter:
    mask = np.abs(np.asarray(given).T)
    if len(widths) > 1 or mask.shape != (hidden, widths[0]) or not np.isin(mask, (0, 1)).all():
        raise UsageError(
            f"sparsity_mask has shape {np.shape(given)} and a backbone of {len(widths) - 1} layers, expected "
            f"{(widths[0], hidden)} of -1, 0 and 1 without backbone"
        )
    return nn.Parameter(torch.as_tensor(mask, dtype=torch.get_default_dtype()), requires_grad=False)


def _backbone(widths: list[int], activation: type[nn.Module], dropout: float) -> nn.Sequential | None:
    """Return the backbone's layers with their numbers in ncps; what is computed with are the linear ones."""
    parts: list[nn.Module] = []
    for number, (sources, targets) in enumerate(pairwise(widths)):
        parts += [nn.Linear(sources, targets), activation()]
        if number > 0 and dropout > 0.0:
            parts.append(nn.Dropout(dropout))
    return nn.Sequential(*parts) if parts else None

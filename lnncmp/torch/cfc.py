"""The CfC layer with the signature of ncps.torch.CfC (Hasani et al., Nature Machine Intelligence 2022)."""

from typing import Any

from torch import Tensor, nn

from lnncmp.errors import UsageError
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.step_programs import write_affine
from lnncmp.torch.cell import Cell
from lnncmp.torch.cfc_cell import CfCCell
from lnncmp.torch.sequences import SequenceLayer
from lnncmp.torch.wired_cfc_cell import WiredCfCCell
from lnncmp.torch.wirings import is_wiring


class CfC(SequenceLayer):
    """A closed-form continuous-time network over sequences; see SequenceLayer.forward for shapes.

    units: a number of units, or a wiring of ncps.wirings, which makes it a wired CfC without backbone. proj_size: map
    the outputs linearly to that many. mixed_memory: put an LSTM cell in front (arXiv 2006.04418). activation,
    backbone_units (128), backbone_layers (1) and backbone_dropout (0): of the backbone, not for a wiring.
    Beyond ncps: dropout_placement, gate_sign and head_activation of CfCCell, masking of WiredCfCCell.
    """

    rnn_cell: CfCCell | WiredCfCCell

    def __init__(
        self,
        input_size: int,
        units: Any,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        mode: str = "default",
        activation: str = "lecun_tanh",
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float | None = None,
        *,
        dropout_placement: str = "ncps",
        gate_sign: str = "plus",
        head_activation: str = "tanh",
        masking: str = "ncps",
    ) -> None:
        super().__init__(input_size, return_sequences, batch_first, mixed_memory)
        self.wiring_or_units, self.proj_size, self.wired_mode = units, proj_size, is_wiring(units)
        cell: Cell
        if self.wired_mode:
            given = {"units": backbone_units, "layers": backbone_layers, "dropout": backbone_dropout}
            if named := [f"backbone_{name}" for name, value in given.items() if value is not None]:
                raise UsageError(f"a wired CfC has no backbone, got {', '.join(named)}", "Pass a number of units.")
            self.wiring = units
            signs = {"gate_sign": gate_sign, "head_activation": head_activation, "masking": masking}
            cell = WiredCfCCell(input_size, units, mode, **signs)
            self.output_size = cell.output_size
        else:
            cell = CfCCell(
                input_size,
                units,
                mode,
                activation,
                128 if backbone_units is None else backbone_units,
                1 if backbone_layers is None else backbone_layers,
                0.0 if backbone_dropout is None else backbone_dropout,
                dropout_placement=dropout_placement,
                gate_sign=gate_sign,
                head_activation=head_activation,
            )
            self.output_size = units
        self._add(cell)
        self.state_size = cell.width
        self.fc = nn.Identity() if proj_size is None else nn.Linear(self.output_size, proj_size)

    @property
    def features(self) -> int:
        """O, the number of outputs of a step."""
        return self.rnn_cell.features if self.proj_size is None else self.proj_size

    def write_outputs(self, program: StepProgram, place: int) -> int:
        """Write the projection, if there is one, for steppers."""
        return write_affine(self.fc, program, place) if isinstance(self.fc, nn.Linear) else place

    def project(self, y: Tensor) -> Tensor:
        """Return the projection of the cell's outputs (..., O)."""
        projected: Tensor = self.fc(y)
        return projected


class WiredCfC(CfC):
    """A CfC that takes a wiring: CfC(input_size, wiring, ...) without the arguments of a backbone."""

    def __init__(
        self,
        input_size: int,
        wiring: Any,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        mode: str = "default",
        *,
        gate_sign: str = "plus",
        head_activation: str = "tanh",
        masking: str = "ncps",
    ) -> None:
        if not is_wiring(wiring):
            raise UsageError(f"a wired CfC needs a wiring of ncps.wirings, got {wiring!r}", "Use CfC for units.")
        super().__init__(
            input_size,
            wiring,
            proj_size,
            return_sequences,
            batch_first,
            mixed_memory,
            mode,
            gate_sign=gate_sign,
            head_activation=head_activation,
            masking=masking,
        )

"""The LTC layer with the signature of ncps.torch.LTC (Hasani et al., AAAI 2021, arXiv 2006.04439)."""

from typing import Any

from lnncmp.torch.ltc_cell import LTCCell
from lnncmp.torch.sequences import SequenceLayer
from lnncmp.torch.wirings import wiring_of


class LTC(SequenceLayer):
    """A liquid time-constant network over sequences; see SequenceLayer.forward for shapes.

    units: a number of units, all connected, or a wiring of ncps.wirings, whose motor neurons are the outputs.
    mixed_memory: put an LSTM cell in front (arXiv 2006.04418). The others are those of LTCCell.
    """

    rnn_cell: LTCCell

    def __init__(
        self,
        input_size: int,
        units: Any,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        implicit_param_constraints: bool = True,
    ) -> None:
        super().__init__(input_size, return_sequences, batch_first, mixed_memory)
        self.wiring_or_units = units
        self._wiring = wiring_of(units)
        self._add(
            LTCCell(
                self._wiring,
                input_size,
                input_mapping,
                output_mapping,
                ode_unfolds,
                epsilon,
                implicit_param_constraints,
            )
        )

    @property
    def state_size(self) -> int:
        """H, the number of neurons."""
        return self.rnn_cell.state_size

    @property
    def sensory_size(self) -> int:
        """I, the number of inputs."""
        return self.rnn_cell.sensory_size

    @property
    def motor_size(self) -> int:
        """O, the number of motor neurons: the first ones."""
        return self.rnn_cell.motor_size

    @property
    def output_size(self) -> int:
        """O, the number of outputs."""
        return self.rnn_cell.output_size

    @property
    def synapse_count(self) -> int:
        """The number of synapses between neurons."""
        return self.rnn_cell.synapse_count

    @property
    def sensory_synapse_count(self) -> int:
        """The number of synapses from inputs (ncps returns `synapse_count` here)."""
        return self.rnn_cell.sensory_synapse_count

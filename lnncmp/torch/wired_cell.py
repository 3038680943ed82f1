"""What the cells that have a wiring say of it, under the names of ncps."""

from ncps.wirings import Wiring

from lnncmp.torch.cell import Cell


class WiredCell(Cell):
    """A cell whose neurons are connected by a wiring of ncps.wirings."""

    _wiring: Wiring

    @property
    def state_size(self) -> int:
        """H, the number of neurons."""
        return self.width

    @property
    def sensory_size(self) -> int:
        """I, the number of inputs."""
        return self.inputs

    @property
    def motor_size(self) -> int:
        """O, the number of motor neurons."""
        return int(self._wiring.output_dim)

    @property
    def output_size(self) -> int:
        """O, the number of outputs."""
        return self.motor_size

    @property
    def synapse_count(self) -> int:
        """The number of synapses between neurons."""
        return int(self._wiring.synapse_count)

    @property
    def sensory_synapse_count(self) -> int:
        """The number of synapses from inputs (ncps returns `synapse_count` here)."""
        return int(self._wiring.sensory_synapse_count)

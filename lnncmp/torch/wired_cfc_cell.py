"""A CfC cell for each layer of a wiring, with the parameters of ncps.torch.WiredCfCCell; see lnncmp.layers.wired_cfc.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons, O outputs.
"""

import numpy as np
import torch
from ncps.wirings import Wiring
from torch import Tensor

from lnncmp.errors import UsageError
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.cfc_cell import CfCWeights
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.sequence_model import State
from lnncmp.layers.step_programs import write_wired_cfc
from lnncmp.layers.wired_cfc import WiredRunner
from lnncmp.torch.cfc_cell import CfCCell
from lnncmp.torch.wired_cell import WiredCell
from lnncmp.torch.wirings import build_wiring


class WiredCfCCell(WiredCell):
    """A wired CfC cell: forward(input (B, I), hx (B, H), timespans) -> outputs (B, O), new states (B, H).

    The state has the neurons layer after layer in the order of the signal; outputs are the first `output_dim` neurons
    of the last layer. masking "ncps": only ff1 and ff2 are masked, and each layer is fully connected within itself,
    whatever the wiring says; "all_heads": an absent synapse is absent from all heads, and within a layer a neuron
    reads itself and the neurons that the wiring connects to it.
    """

    order: Tensor

    def __init__(
        self,
        input_size: int | None,
        wiring: Wiring,
        mode: str = "default",
        *,
        gate_sign: str = "plus",
        head_activation: str = "tanh",
        masking: str = "ncps",
    ) -> None:
        super().__init__()
        build_wiring(wiring, input_size)
        self._wiring, self.mode = wiring, mode
        self._layers = [[int(n) for n in wiring.get_neurons_of_layer(k)] for k in range(wiring.num_layers)]
        if wiring.output_dim > len(self._layers[-1]):
            raise UsageError(f"the wiring's last layer has {len(self._layers[-1])} neurons, not {wiring.output_dim}")
        self.inputs, self.width, self.state_widths = wiring.input_dim, wiring.units, tuple(self.layer_sizes)
        sources = [wiring.input_dim, *self.layer_sizes]
        for number, neurons in enumerate(self._layers):
            cell = CfCCell(
                sources[number],
                len(neurons),
                mode,
                backbone_units=0,
                backbone_layers=0,
                sparsity_mask=_sparsity(wiring, self._layers, number, masking),
                gate_sign=gate_sign,
                head_activation=head_activation,
                masking=masking,
            )
            self.add_module(f"layer_{number}", cell)
        signal = torch.tensor([neuron for layer in self._layers for neuron in layer])
        self.register_buffer("order", signal.argsort(), persistent=False)
        self._runner = WiredRunner(self._cells(), self._layers)

    def _cells(self) -> list[CfCWeights]:
        return [self._modules[f"layer_{number}"] for number in range(self.num_layers)]  # type: ignore[misc]

    @property
    def layer_sizes(self) -> list[int]:
        """The number of neurons of each layer, in the order of the signal."""
        return [len(layer) for layer in self._layers]

    @property
    def num_layers(self) -> int:
        """The number of layers."""
        return len(self._layers)

    def sample_weight(self) -> Tensor:
        """Return one of the weights."""
        return self._cells()[0].head_maps()[0].weight

    def has_kernel(self) -> bool:
        """Return whether each layer's neurons are consecutive, as in every wiring of ncps: the kernel expects it."""
        return self._runner.plan is not None

    def initial_state(self, batch: int) -> State:
        """Return zeros, one tensor (batch, H_l) for each layer."""
        return tuple(self.sample_weight().new_zeros(batch, size) for size in self.layer_sizes)

    def split(self, state: Tensor) -> State:
        """Return a state (B, H) as one tensor for each layer."""
        return tuple(torch.split(state, self.layer_sizes, 1))

    def join(self, state: State) -> Tensor:
        """Return the layers' states as one (B, H)."""
        return torch.cat(state, 1)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return states (B, T, H) in the wiring's own order and the final state for x (B, T, I), dt, valid (B, T)."""
        return self._runner.run(self._cells(), self.order, x, dt, valid, state, self.uses_kernel(dt))

    @property
    def features(self) -> int:
        """O, the number of outputs of a step."""
        return self.motor_size

    def write_step(self, program: StepProgram) -> int | None:
        """Write one step for steppers."""
        return write_wired_cfc(self._cells(), self._layers, program) if self.has_kernel() else None

    def write_mixed_step(self, memory: MemoryCell, program: StepProgram) -> int | None:
        """Write one step behind a memory cell for steppers."""
        return write_wired_cfc(self._cells(), self._layers, program, memory) if self.has_kernel() else None

    def write_outputs(self, program: StepProgram, hidden: int) -> int:
        """Write the outputs, the first neurons of the last layer, to a place of their own."""
        y = program.place(self.motor_size)
        program.copy(y, hidden + self._layers[-1][0], self.motor_size)
        return y

    def read(self, hidden: Tensor) -> Tensor:
        """Return outputs (B, T, O) for states (B, T, H) in the wiring's own order."""
        outputs = self._layers[-1][: self.motor_size]
        first = outputs[0]
        if outputs == list(range(first, first + len(outputs))):
            return hidden[..., first : first + len(outputs)]
        return hidden[..., outputs]

    def read_state(self, state: Tensor) -> Tensor:
        """Return outputs (B, O) for a state (B, H) in the order of the signal."""
        return state[:, self.width - len(self._layers[-1]) :][:, : self.motor_size]

    def forward(self, input: Tensor, hx: Tensor, timespans: Tensor | float) -> tuple[Tensor, Tensor]:
        """Return outputs (B, O) and the new states (B, H); timespans is a number, (B,) or (B, 1)."""
        return self.step(input, hx, timespans)


def _sparsity(wiring: Wiring, layers: list[list[int]], number: int, masking: str) -> np.ndarray:
    """Return the mask (I_l + H_l, H_l) of a layer: its sources, then its own neurons."""
    here = layers[number]
    if number == 0:
        sources = wiring.sensory_adjacency_matrix[:, here]
    else:
        sources = wiring.adjacency_matrix[np.ix_(layers[number - 1], here)]
    within = np.ones((len(here), len(here)))
    if masking == "all_heads":
        within = (wiring.adjacency_matrix[np.ix_(here, here)] != 0) | np.eye(len(here), dtype=bool)
    return np.concatenate([sources, within])

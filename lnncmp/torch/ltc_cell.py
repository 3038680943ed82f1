"""The LTC cell with the parameters of ncps.torch.LTCCell; see lnncmp.layers.ltc for the equations and their sources.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons, O outputs.
"""

from typing import Any

import numpy as np
import torch
from ncps.wirings import Wiring
from torch import Tensor, nn

from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.ltc import MIN_CAPACITANCE, LTCSequence, RawLTC
from lnncmp.layers.mixed_memory import MemoryCell
from lnncmp.layers.solvers import SolverOptions
from lnncmp.layers.step_programs import write_gains, write_ltc
from lnncmp.layers.synapses import RawSynapses
from lnncmp.torch.wired_cell import WiredCell
from lnncmp.torch.wirings import build_wiring

RANGES = {"gleak": (0.001, 1.0), "vleak": (-0.2, 0.2), "cm": (0.4, 0.6)}
"""Initial ranges of the neurons' parameters, uniform, in the order in which they are drawn."""
SYNAPSE_RANGES = {"sigma": (3.0, 8.0), "mu": (0.3, 0.8), "w": (0.001, 1.0)}
"""Initial ranges of the synapses' parameters, recurrent and sensory."""


def _drawn(shape: tuple[int, ...], low: float, high: float) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape) * (high - low) + low)


def _numbers(matrix: Any) -> Tensor:
    return torch.as_tensor(np.asarray(matrix), dtype=torch.get_default_dtype())


class LTCCell(WiredCell, LTCSequence):
    """A liquid time-constant cell: forward(inputs (B, I), states (B, H), elapsed_time) -> outputs (B, O), states.

    wiring: of ncps.wirings; it is built for `in_features` inputs unless it is built already. input_mapping,
    output_mapping: "affine", "linear", or anything else for none. implicit_param_constraints: whether w, cm and gleak
    pass a softplus at every use; without it call `apply_weight_constraints` after each optimiser step.
    """

    def __init__(
        self,
        wiring: Wiring,
        in_features: int | None = None,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        implicit_param_constraints: bool = False,
    ) -> None:
        super().__init__()
        build_wiring(wiring, in_features)
        self._wiring = wiring
        self.inputs, self.width, self.state_widths = wiring.input_dim, wiring.units, (wiring.units,)
        self.options = SolverOptions(unfolds=ode_unfolds, epsilon=epsilon)
        self.constraint = "softplus" if implicit_param_constraints else "clip"
        for name, bounds in RANGES.items():
            self.register_parameter(name, _drawn((self.width,), *bounds))
        self._add_synapses("", wiring.adjacency_matrix)
        self._add_synapses("sensory_", wiring.sensory_adjacency_matrix)
        for prefix, matrix in (("", wiring.adjacency_matrix), ("sensory_", wiring.sensory_adjacency_matrix)):
            mask = nn.Parameter(_numbers(np.abs(matrix)), requires_grad=False)
            self.register_parameter(f"{prefix}sparsity_mask", mask)
        self._add_map("input", input_mapping, self.inputs)
        self._add_map("output", output_mapping, wiring.output_dim)

    def _add_synapses(self, prefix: str, polarity: Any) -> None:
        for name, bounds in SYNAPSE_RANGES.items():
            self.register_parameter(prefix + name, _drawn(polarity.shape, *bounds))
        self.register_parameter(f"{prefix}erev", nn.Parameter(_numbers(polarity)))

    def _add_map(self, name: str, mapping: str | None, features: int) -> None:
        if mapping in ("affine", "linear"):
            self.register_parameter(f"{name}_w", nn.Parameter(torch.ones(features)))
        if mapping == "affine":
            self.register_parameter(f"{name}_b", nn.Parameter(torch.zeros(features)))

    def sample_weight(self) -> Tensor:
        """Return one of the weights."""
        return self._own("cm")

    def _own(self, name: str) -> Tensor:
        """Return a parameter, past the search of nn.Module: streaming asks for all of them at each step."""
        return self._parameters[name]  # type: ignore[return-value]

    def raw(self) -> RawLTC:
        """Return the raw parameters as the kernel takes them; without input map, ones and zeros."""
        own, cm = self._parameters, self._own("cm")
        gain, offset = own.get("input_w"), own.get("input_b")
        return RawLTC(
            cm,
            self._own("gleak"),
            self._own("vleak"),
            cm.new_ones(self.inputs) if gain is None else gain,
            cm.new_zeros(self.inputs) if offset is None else offset,
            self._synapses("sensory_"),
            self._synapses(""),
        )

    def _synapses(self, prefix: str) -> RawSynapses:
        sigma, mu, w, erev = (self._own(prefix + name) for name in ("sigma", "mu", "w", "erev"))
        return RawSynapses(self._own(f"{prefix}sparsity_mask") != 0, sigma, mu, w, erev)

    @property
    def features(self) -> int:
        """O, the number of outputs of a step."""
        return self.motor_size

    def write_mixed_step(self, memory: MemoryCell, program: StepProgram) -> int:
        """Write one step behind a memory cell for steppers; state (v, c)."""
        return write_ltc(self, program, memory)

    def write_outputs(self, program: StepProgram, hidden: int) -> int:
        """Write the output map of the motor neurons."""
        gain, offset = self._parameters.get("output_w"), self._parameters.get("output_b")
        if gain is None:
            return hidden
        return write_gains(gain, torch.zeros_like(gain) if offset is None else offset, program, hidden)

    def read(self, hidden: Tensor) -> Tensor:
        """Return outputs (..., O) for potentials (..., H): the motor neurons by the output map."""
        gain, offset = self._parameters.get("output_w"), self._parameters.get("output_b")
        y = hidden[..., : self.motor_size]
        y = y if gain is None else y * gain
        return y if offset is None else y + offset

    def read_state(self, state: Tensor) -> Tensor:
        """Return outputs (B, O) for potentials (B, H)."""
        return self.read(state)

    def least_values(self) -> list[tuple[Tensor, float]]:
        """Return, without implicit constraints, w, sensory w and gleak >= 0 and cm >= 1e-6 (ncps: >= 0)."""
        if self.constraint == "softplus":
            return []
        conductances: list[tuple[Tensor, float]] = [(self._own(name), 0.0) for name in ("w", "sensory_w", "gleak")]
        return [*conductances, (self._own("cm"), MIN_CAPACITANCE)]

    def apply_weight_constraints(self) -> None:
        """Do what `constrain` does, under the name that ncps has for it."""
        self.constrain()

    def forward(self, inputs: Tensor, states: Tensor, elapsed_time: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Return outputs (B, O) and new states (B, H); elapsed_time is a number, (B,) or (B, 1)."""
        return self.step(inputs, states, elapsed_time)

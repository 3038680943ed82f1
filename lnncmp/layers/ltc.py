"""LTC: liquid time-constant network (Hasani et al., AAAI 2021, arXiv 2006.04439), fully connected or wired.

Per neuron i, with recurrent synapses j and sensory synapses k (the biophysical cell of the authors' code):
    cm_i dv_i/dt = gleak_i (vleak_i - v_i) + sum_j w_ji s_ji(v_j) (E_ji - v_i) + sum_k w_ki s_ki(x_k) (E_ki - v_i)
Names, shapes and initial ranges of the parameters are those of ncps.torch.LTCCell; the sensory part is evaluated for
all steps at once.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons.
"""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.kernels.common.sequence_function import run
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding, stack_steps
from lnncmp.layers.sequence_model import State
from lnncmp.layers.solvers import SolverOptions, advance
from lnncmp.layers.synapses import RawSynapses, SourceTable, Synapses, currents_of
from lnncmp.layers.wiring import Wiring

MIN_CAPACITANCE = 1e-6
"""Lower bound of cm under the clip constraint (the authors' TensorFlow code has the same; ncps allows 0)."""


class RawLTC(NamedTuple):
    """The raw parameters of an LTC in the order of its kernel: neurons (H,), input map (I,), then the synapses."""

    cm: Tensor
    gleak: Tensor
    vleak: Tensor
    input_w: Tensor
    input_b: Tensor
    sensory: RawSynapses
    recurrent: RawSynapses


class LTCSequence(RecurrentLayer):
    """The computing of an LTC over a sequence, wherever its parameters are kept and whatever they are called there.

    The state is (v,) of shape (B, H), 0 at the start. `constraint` keeps w, sensory w, gleak >= 0 and cm > 0:
    "softplus" maps the raw parameters at every use, "clip" uses them as they are.
    """

    options: SolverOptions
    constraint: str

    @abstractmethod
    def raw(self) -> RawLTC:
        """Return the raw parameters; all that is computed reads them here."""

    def _tables(self) -> tuple[SourceTable | None, SourceTable | None]:
        """Return the tables of sensory and of recurrent sources for the plain path, None where it is dense."""
        return None, None

    def initial_state(self, batch: int) -> State:
        """Return (v,) = 0 of shape (batch, H)."""
        return (self.raw().cm.new_zeros(batch, self.width),)

    def _positive(self, p: Tensor) -> Tensor:
        return softplus(p) if self.constraint == "softplus" else p

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return potentials (B, T, H) and (v,) for x (B, T, I), dt (B, T), valid (B, T).

        Padding needs no mask of the state: dt is set to 0 there, and every solver is exact at dt = 0.
        """
        x, dt = blank_padding(x, dt, valid)
        if self.uses_kernel(dt):
            return self._fused(x, dt, state[0])
        return self._plain(self.raw(), self._tables(), x, dt, state[0])

    def _plain(
        self,
        raw: RawLTC,
        tables: tuple[SourceTable | None, SourceTable | None],
        x: Tensor,
        dt: Tensor,
        start: Tensor,
    ) -> tuple[Tensor, State]:
        """Return what `sequence` does, in plain PyTorch, for blanked x (B, T, I), dt (B, T) and start (B, H)."""
        sensory_table, table = tables
        cm = self._positive(raw.cm)[:, None]
        nums, dens = self._sensory_drive(raw, sensory_table, x)
        currents = currents_of(raw.recurrent, table, self._positive)
        # Every later potential inherits this layout; as a transposed view the sequence takes twice the time.
        v = start.t().contiguous()
        outputs = []
        for num, den, dt_t in zip(nums.unbind(1), dens.unbind(1), dt.unbind(1), strict=True):

            def right_side(v: Tensor, num: Tensor = num, den: Tensor = den) -> tuple[Tensor, Tensor]:
                return currents(v, num, den)

            v = advance(v, right_side, cm, dt_t, self.options)
            outputs.append(v.t())
        return stack_steps(outputs, self.width, start), (v.t(),)

    def has_kernel(self) -> bool:
        """Return whether the solver is the semi-implicit one, which the kernel computes."""
        return self.options.solver == "semi_implicit"

    def write_step(self, program: StepProgram) -> int | None:
        """Write one step for steppers."""
        if not self.has_kernel():
            return None
        from lnncmp.layers.step_programs import write_ltc

        return write_ltc(self, program)

    def kernel_call(self) -> KernelCall:
        """Return the operation of the semi-implicit solver, and the raw parameters and masks."""
        *neurons, sensory, recurrent = self.raw()
        options, positive = self.options, int(self.constraint == "softplus")
        key = f"ltc {options.unfolds} {options.epsilon} {positive}"
        return KernelCall(key, [*neurons, *sensory, *recurrent])

    def _fused(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[Tensor, State]:
        """Return what `sequence` does, by the kernel, for blanked x (B, T, I), dt (B, T) and v (B, H)."""
        key, weights = self.kernel_call()
        (hidden,) = run(key, self._twin, (x, dt, None, v, *weights))
        return hidden, (hidden[:, -1] if hidden.shape[1] else v,)

    def _twin(self, x: Tensor, dt: Tensor, valid: None, v: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        """Return what the kernel does, in plain PyTorch; copies may have wirings of their own, so without tables."""
        cm, gleak, vleak, input_w, input_b, *synapses = parameters
        raw = RawLTC(cm, gleak, vleak, input_w, input_b, RawSynapses(*synapses[:5]), RawSynapses(*synapses[5:]))
        hidden, _ = self._plain(raw, (None, None), x, dt, v)
        return (hidden,)

    def _sensory_drive(self, raw: RawLTC, table: SourceTable | None, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return num and den (H, T, B) of leak and inputs for x (B, T, I)."""
        batch, steps, inputs = x.shape
        gleak = self._positive(raw.gleak)[:, None]
        mapped = (x * raw.input_w + raw.input_b).permute(2, 1, 0).reshape(inputs, steps * batch)
        leak_num = (gleak * raw.vleak[:, None]).expand(-1, steps * batch)
        leak_den = gleak.expand(-1, steps * batch)
        num, den = currents_of(raw.sensory, table, self._positive)(mapped, leak_num, leak_den)
        return num.view(self.width, steps, batch), den.view(self.width, steps, batch)


class LTCLayer(LTCSequence):
    """An LTC over a sequence; state (v,) of shape (B, H), 0 at the start.

    Under the constraint "clip" parameters are clamped (`constrain`). The two constraints start from different systems,
    because the raw initial ranges are the same. `layout` is that of the synapses (see synapses.Synapses).
    """

    def __init__(
        self, wiring: Wiring, options: SolverOptions, constraint: str = "softplus", layout: str = "auto"
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = wiring.inputs, wiring.neurons, (wiring.neurons,)
        self.wiring, self.options, self.constraint = wiring, options, constraint
        self.gleak = nn.Parameter(torch.empty(self.width).uniform_(0.001, 1.0))
        self.vleak = nn.Parameter(torch.empty(self.width).uniform_(-0.2, 0.2))
        self.cm = nn.Parameter(torch.empty(self.width).uniform_(0.4, 0.6))
        self.recurrent = Synapses(wiring.polarity, layout)
        self.sensory = Synapses(wiring.sensory_polarity, layout)
        self.input_w = nn.Parameter(torch.ones(wiring.inputs))
        self.input_b = nn.Parameter(torch.zeros(wiring.inputs))

    def raw(self) -> RawLTC:
        """Return the raw parameters; all that is computed reads them here."""
        own = self.cm, self.gleak, self.vleak, self.input_w, self.input_b
        return RawLTC(*own, self.sensory.raw(), self.recurrent.raw())

    def _tables(self) -> tuple[SourceTable | None, SourceTable | None]:
        """Return the tables of sensory and of recurrent sources for the plain path, None where it is dense."""
        return self.sensory.table(), self.recurrent.table()

    def start_as_published(self) -> None:
        """Draw the start of the LTC paper's code: gleak 1, cm 0.5, w U(0.01, 1); the rest is that of ncps."""
        with torch.no_grad():
            self.gleak.fill_(1.0)
            self.cm.fill_(0.5)
            for p in (self.recurrent.w, self.sensory.w):
                p.uniform_(0.01, 1.0)

    def least_values(self) -> list[tuple[Tensor, float]]:
        """Return under "clip" w, sensory w, gleak >= 0 and cm >= 1e-6; under "softplus" nothing is needed."""
        if self.constraint != "clip":
            return []
        conductances: list[tuple[Tensor, float]] = [(p, 0.0) for p in (self.recurrent.w, self.sensory.w, self.gleak)]
        return [*conductances, (self.cm, MIN_CAPACITANCE)]

    def structure(self) -> dict[str, int]:
        """Return the wiring's counts and the solver's steps per interval (absent for the adaptive dopri5)."""
        counts = self.wiring.structure()
        return counts if self.options.solver == "dopri5" else {**counts, "unfolds": self.options.unfolds}

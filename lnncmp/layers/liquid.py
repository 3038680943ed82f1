"""Liquid neurons with one gate each, wired as a neural circuit policy.

Neuron i follows Eq. 1 of the LTC paper (Hasani et al., AAAI 2021, arXiv 2006.04439) with a single gate f_i; W are the
recurrent weights, U those of the inputs, m the masks of the wiring (Lechner et al. 2020), k_i > 0 a conductance:
    f_i = k_i sigmoid(sum_j m_ji W_ji v_j + sum_k m_ki U_ki x_k + b_i)
    dv_i/dt = -(1/tau_i + f_i) v_i + f_i A_i
The effective time constant tau_i / (1 + tau_i f_i) changes with the input. One observation takes `unfolds` steps of
the paper's fused solver (Eq. 3), h = dt / unfolds, f anew from the old v at each, inputs held:
    v' = (v + h f A) / (1 + h (1/tau + f))
This is exact at dt = 0 and stays between v, 0 and A for any dt. All neurons move together, so a change of the inputs
reaches the motor neurons at the third solver step: inputs to inter, inter to command, command to motor.

Unlike the biophysical LTC (see ltc.py) it has one sigmoid per neuron, not one per synapse; a solver step is one
matrix product and four elementwise operations.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons, P sources, J targets, O outputs.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.kernels.common.sequence_function import run
from lnncmp.kernels.step.program import StepProgram
from lnncmp.layers.readout import LinearReadout
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding, guard_mask, stack_steps
from lnncmp.layers.sequence_model import State
from lnncmp.layers.wiring import Wiring

TAU_RANGE = (0.1, 3.0)
"""Initial leak time constants, log-uniform, in units of dt: three layers of slower neurons answer too late."""
CONDUCTANCE_RANGE = (1.0, 10.0)
"""Initial maximal conductances, log-uniform; k tau says how close to A an open gate takes a neuron."""
REVERSAL_RANGE = (0.5, 1.5)
"""Initial |A|, uniform; the sign is a coin flip. Away from 0, where a neuron could not move."""
GAIN = 2.0
"""Initial weights are U(0.5, 1.5) GAIN / sqrt(fan-in) in size."""


def _inverse_softplus(y: Tensor) -> Tensor:
    return y + torch.log(-torch.expm1(-y))


def _raw_log_uniform(count: int, low: float, high: float) -> nn.Parameter:
    """Return raw values (count,) whose softplus is log-uniform between low and high."""
    return nn.Parameter(_inverse_softplus(torch.empty(count).uniform_(math.log(low), math.log(high)).exp()))


class GateSynapses(nn.Module):
    """The weights from P sources to J targets' gates, for a wiring's `polarity` (P, J) in {-1, 0, 1}.

    The initial sign is the polarity; training may change it. Magnitudes are U(0.5, 1.5) GAIN / sqrt(fan_in), with
    `fan_in` (J,) counting all synapses of a target. Absent synapses neither act nor get a gradient.
    """

    mask: Tensor

    def __init__(self, polarity: np.ndarray, fan_in: np.ndarray) -> None:
        super().__init__()
        sign = torch.as_tensor(polarity, dtype=torch.get_default_dtype())
        scale = GAIN / torch.as_tensor(fan_in, dtype=sign.dtype).clamp(min=1.0).sqrt()
        self.weight = nn.Parameter(sign * scale * torch.empty_like(sign).uniform_(0.5, 1.5))
        self.register_buffer("mask", torch.as_tensor(polarity != 0))
        guard_mask(self, "mask")

    def masked(self) -> Tensor:
        """Return the weights (P, J), 0 for absent synapses."""
        return self.weight * self.mask


class RawLiquid(NamedTuple):
    """The raw parameters of liquid neurons in the order of their kernel: (H,), then (H, H), (I, H) and (I,)."""

    rate: Tensor
    conductance: Tensor
    reversal: Tensor
    bias: Tensor
    recurrent: Tensor
    recurrent_mask: Tensor
    sensory: Tensor
    sensory_mask: Tensor
    input_w: Tensor
    input_b: Tensor


class LiquidLayer(RecurrentLayer):
    """Wired liquid neurons over a sequence; state (v,) of shape (B, H), 0 at the start.

    1/tau and k are the softplus of raw parameters, so they stay positive. Inputs first pass an affine map each.
    """

    def __init__(self, wiring: Wiring, unfolds: int = 6) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = wiring.inputs, wiring.neurons, (wiring.neurons,)
        self.wiring, self.unfolds = wiring, unfolds
        low, high = TAU_RANGE
        self.raw_rate = _raw_log_uniform(self.width, 1.0 / high, 1.0 / low)
        self.raw_conductance = _raw_log_uniform(self.width, *CONDUCTANCE_RANGE)
        sign = 2.0 * torch.randint(2, (self.width,)) - 1.0
        self.reversal = nn.Parameter(sign * torch.empty(self.width).uniform_(*REVERSAL_RANGE))
        fan_in = np.count_nonzero(wiring.polarity, axis=0) + np.count_nonzero(wiring.sensory_polarity, axis=0)
        self.recurrent = GateSynapses(wiring.polarity, fan_in)
        self.sensory = GateSynapses(wiring.sensory_polarity, fan_in)
        self.input_w = nn.Parameter(torch.ones(wiring.inputs))
        self.input_b = nn.Parameter(torch.zeros(wiring.inputs))
        self.bias = nn.Parameter(self._centering_bias())

    def _centering_bias(self) -> Tensor:
        """Return the bias (H,) with which every neuron rests halfway between 0 and its farthest potential at x = 0.

        At rest v = A r sigmoid(z + ln(1 + k tau)), r = k tau / (1 + k tau), for a gate's argument z: the center of
        the curve, where a neuron answers its sources most, is at v = A r / 2 and z = -ln(1 + k tau).
        """
        with torch.no_grad():
            reach = softplus(self.raw_conductance) / softplus(self.raw_rate)
            rest = self.reversal * reach / (2.0 * (1.0 + reach))
            return -torch.log1p(reach) - rest @ self.recurrent.masked()

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel; only gradients of dt need the plain path."""
        return True

    def write_step(self, program: StepProgram) -> int:
        """Write one step for steppers."""
        from lnncmp.layers.step_programs import write_liquid

        return write_liquid(self, program)

    def initial_state(self, batch: int) -> State:
        """Return (v,) = 0 of shape (batch, H)."""
        return (self.bias.new_zeros(batch, self.width),)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return potentials (B, T, H) and (v,) for x (B, T, I), dt (B, T), valid (B, T).

        Padding needs no mask of the state: dt is set to 0 there, and the solver is exact at dt = 0.
        """
        if self.uses_kernel(dt):
            key, weights = self.kernel_call()
            hidden, final = run(key, self._twin, (x, dt, valid, *state, *weights))  # the kernel blanks padding itself
            return hidden, (final,)
        x, dt = blank_padding(x, dt, valid)
        return self._plain(self._raw(), x, dt, state[0])

    def kernel_call(self) -> KernelCall:
        """Return the operation, and the raw parameters and masks."""
        return KernelCall(f"liquid {self.unfolds}", list(self._raw()))

    def _raw(self) -> RawLiquid:
        """Return the raw parameters; all that is computed reads them here."""
        recurrent, sensory = self.recurrent, self.sensory
        neurons = self.raw_rate, self.raw_conductance, self.reversal, self.bias
        weights = recurrent.weight, recurrent.mask, sensory.weight, sensory.mask
        return RawLiquid(*neurons, *weights, self.input_w, self.input_b)

    def _twin(self, x: Tensor, dt: Tensor, valid: Tensor | None, v: Tensor, *raw: Tensor) -> tuple[Tensor, ...]:
        """Return what the kernel does, in plain PyTorch."""
        x, dt = blank_padding(x, dt, valid)
        hidden, (final,) = self._plain(RawLiquid(*raw), x, dt, v)
        return hidden, final

    def _plain(self, raw: RawLiquid, x: Tensor, dt: Tensor, v: Tensor) -> tuple[Tensor, State]:
        """Return what `sequence` does, in plain PyTorch, for blanked x (B, T, I), dt (B, T) and v (B, H)."""
        h = (dt / self.unfolds).t()[..., None]
        opened = h * softplus(raw.conductance)
        pulled = opened * raw.reversal
        leaked = 1.0 + h * softplus(raw.rate)
        weight = raw.recurrent * raw.recurrent_mask
        terms = (self._drive(raw, x).unbind(0), opened.unbind(0), pulled.unbind(0), leaked.unbind(0))
        outputs = []
        start = v
        for drive, hk, hka, leak in zip(*terms, strict=True):
            for _ in range(self.unfolds):
                gate = torch.addmm(drive, v, weight).sigmoid()
                v = torch.addcmul(v, gate, hka) / torch.addcmul(leak, gate, hk)
            outputs.append(v)
        return stack_steps(outputs, self.width, start), (v,)

    def _drive(self, raw: RawLiquid, x: Tensor) -> Tensor:
        """Return the part of bias and inputs in the gates' argument, (T, B, H), for x (B, T, I)."""
        batch, steps, inputs = x.shape
        mapped = (x * raw.input_w + raw.input_b).transpose(0, 1).reshape(steps * batch, inputs)
        return torch.addmm(raw.bias, mapped, raw.sensory * raw.sensory_mask).view(steps, batch, self.width)

    def structure(self) -> dict[str, int]:
        """Return the wiring's counts and the solver's steps per interval."""
        return {**self.wiring.structure(), "unfolds": self.unfolds}


class LeadingReadout(nn.Module):
    """Affine map of the first `neurons` units, in a wiring the motor and then the command neurons, to O outputs."""

    def __init__(self, neurons: int, outputs: int) -> None:
        super().__init__()
        self.neurons = neurons
        self.linear = LinearReadout(neurons, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (B, T, O) for hidden (B, T, H), H >= neurons."""
        y: Tensor = self.linear(hidden[..., : self.neurons])
        return y

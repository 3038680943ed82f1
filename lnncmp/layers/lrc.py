"""LRC: neurons of liquid resistance and liquid capacitance (Farsang, Neubauer and Grosu 2024, arXiv 2403.08791).

Per neuron i, with recurrent synapses j and sensory synapses k, and s the logistic function:
    f_i = gleak_i + sum_j w_ji s(sigma_ji (x_j - mu_ji)) + the same for inputs       (forget conductance, w >= 0)
    z_i = gleak_i + sum_j h_ji s(sigma_ji (x_j - mu_ji)) + the same for inputs       (update conductance, any sign)
    dx_i/dt = E_i [-s(f_i) x_i + tanh(z_i) vleak_i]
The elastance E, one over the capacitance, depends on eps_i = sum_j a_ji x_j + sum_k a_ki u_k + b_i:
    asymmetric  E = s(eps);    symmetric  E = s(eps + c) - s(eps - c), c >= 0;    none  E = 1, which is the STC
An interval dt is cut into steps h = dt / unfolds; inputs are held. With g = h E a step is
    x' = x + q (tanh(z) vleak - s(f) x),   explicit_euler  q = min(g, 1 / s(f)),   hybrid  q = g / (1 + g s(f))
The bound of q acts only where h E s(f) > 1, which is never so for h <= 1. Beyond it an explicit step overshoots and
may grow without bound; here it ends at the rest tanh(z) vleak / s(f), as the hybrid solver does for large h. So |x| <=
2 max |vleak| from the start 0, since s(f) >= 1/2.

Legend of shape suffixes: B batch, T steps, I inputs, H neurons, P sources, J targets.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lnncmp.kernels.common.sequence_function import run
from lnncmp.layers.activations import tanh
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding, stack_steps
from lnncmp.layers.sequence_model import State
from lnncmp.layers.synapses import OpenedSynapses, SourceTable, sums_of
from lnncmp.layers.wiring import Wiring


class RawLRCSynapses(NamedTuple):
    """The parameters of the synapses from P sources to J targets, each (P, J); the mask is bool.

    a: the weights of the elastance, absent where there is none.
    """

    mask: Tensor
    sigma: Tensor
    mu: Tensor
    w: Tensor
    h: Tensor
    a: Tensor | None


class RawLRC(NamedTuple):
    """The raw parameters of an LRC in the order of its kernel: neurons (H,), input map (I,), then the synapses.

    b, c: bias and half width of the elastance, absent where it has none.
    """

    gleak: Tensor
    vleak: Tensor
    b: Tensor | None
    c: Tensor | None
    input_w: Tensor
    input_b: Tensor
    sensory: RawLRCSynapses
    recurrent: RawLRCSynapses


class LRCSynapses(OpenedSynapses):
    """Synapses from P sources to J targets with conductances w and h, and their weights a in the elastance.

    h is orthogonal and a uniform in +-`reach`, as in the authors' code; the signs of the wiring are not used.
    """

    def __init__(self, polarity: np.ndarray, reach: float | None) -> None:
        super().__init__(polarity)
        self.h = nn.Parameter(nn.init.orthogonal_(torch.empty(polarity.shape)))
        if reach is not None:
            self.a = nn.Parameter(torch.empty(polarity.shape).uniform_(-reach, reach))

    def raw(self) -> RawLRCSynapses:
        """Return mask, sigma, mu, w, h and a, each (P, J), as the kernel takes them."""
        a = self.a if "a" in self._parameters else None
        return RawLRCSynapses(self.mask, self.sigma, self.mu, self.w, self.h, a)


class LRCLayer(RecurrentLayer):
    """LRC neurons over a sequence, fully connected or wired; state (x,) of shape (B, H), 0 at the start.

    elastance: "symmetric", "asymmetric" or "none". solver: "explicit_euler" or "hybrid". constraint: how w, gleak and c
    stay at 0 or above, "softplus" (mapped at use) or "clip" (clamped in `constrain`); w and gleak have the same raw
    start under both, c acts as 1 at the start. Synapses that a wiring lacks have no part in the elastance either.
    """

    def __init__(
        self,
        wiring: Wiring,
        elastance: str = "symmetric",
        unfolds: int = 1,
        solver: str = "explicit_euler",
        constraint: str = "clip",
    ) -> None:
        super().__init__()
        inputs, width = wiring.inputs, wiring.neurons
        self.inputs, self.width, self.state_widths = inputs, width, (width,)
        self.wiring, self.elastance, self.unfolds, self.solver = wiring, elastance, unfolds, solver
        self.constraint = constraint
        self.gleak = nn.Parameter(torch.empty(width).uniform_(0.001, 1.0))
        self.vleak = nn.Parameter(torch.empty(width).uniform_(-0.2, 0.2))
        reach = None if elastance == "none" else math.sqrt(6.0 / (inputs + 2 * width))  # glorot, of inputs and neurons
        self.recurrent = LRCSynapses(wiring.polarity, reach)
        self.sensory = LRCSynapses(wiring.sensory_polarity, reach)
        self.input_w = nn.Parameter(torch.ones(inputs))
        self.input_b = nn.Parameter(torch.zeros(inputs))
        if elastance != "none":
            self.b = nn.Parameter(torch.zeros(width))
        if elastance == "symmetric":
            self.c = nn.Parameter(torch.full((width,), 1.0 if constraint == "clip" else math.log(math.expm1(1.0))))

    def raw(self) -> RawLRC:
        """Return the raw parameters; all that is computed reads them here."""
        b, c = (self._parameters.get(name) for name in ("b", "c"))
        own = self.gleak, self.vleak, b, c, self.input_w, self.input_b
        return RawLRC(*own, self.sensory.raw(), self.recurrent.raw())

    def initial_state(self, batch: int) -> State:
        """Return (x,) = 0 of shape (batch, H)."""
        return (self.gleak.new_zeros(batch, self.width),)

    def _positive(self, p: Tensor) -> Tensor:
        return softplus(p) if self.constraint == "softplus" else p

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return potentials (B, T, H) and (x,) for inputs x (B, T, I), dt (B, T), valid (B, T).

        Padding needs no mask of the state: dt is set to 0 there, and both solvers are exact at dt = 0.
        """
        x, dt = blank_padding(x, dt, valid)
        if self.uses_kernel(dt):
            return self._fused(x, dt, state[0])
        return self._plain(self.raw(), (self.sensory.table(), self.recurrent.table()), x, dt, state[0])

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def kernel_call(self) -> KernelCall:
        """Return the operation, and the raw parameters and masks that there are."""
        *own, sensory, recurrent = self.raw()
        key = f"lrc {self.elastance} {self.solver} {self.unfolds} {int(self.constraint == 'softplus')}"
        return KernelCall(key, [p for p in (*own, *sensory, *recurrent) if p is not None])

    def _fused(self, x: Tensor, dt: Tensor, start: Tensor) -> tuple[Tensor, State]:
        """Return what `sequence` does, by the kernel, for blanked x (B, T, I), dt (B, T) and start (B, H)."""
        key, parameters = self.kernel_call()
        (hidden,) = run(key, self._twin, (x, dt, None, start, *parameters))
        return hidden, (hidden[:, -1] if hidden.shape[1] else start,)

    def _twin(self, x: Tensor, dt: Tensor, valid: None, start: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        """Return what the kernel does, in plain PyTorch; copies may have wirings of their own, so without tables."""
        rest, own = iter(parameters), self.raw()

        def replaced(synapses: RawLRCSynapses) -> RawLRCSynapses:
            return synapses._replace(**{name: next(rest) for name, p in synapses._asdict().items() if p is not None})

        neurons = {name: next(rest) for name, p in own._asdict().items() if isinstance(p, Tensor)}
        raw = own._replace(**neurons, sensory=replaced(own.sensory), recurrent=replaced(own.recurrent))
        hidden, _ = self._plain(raw, (None, None), x, dt, start)
        return (hidden,)

    def _plain(
        self,
        raw: RawLRC,
        tables: tuple[SourceTable | None, SourceTable | None],
        u: Tensor,
        dt: Tensor,
        start: Tensor,
    ) -> tuple[Tensor, State]:
        """Return what `sequence` does, in plain PyTorch, for blanked u (B, T, I), dt (B, T) and start (B, H)."""
        sensory_table, table = tables
        driven = [part.unbind(1) for part in self._sensory_drive(raw, sensory_table, u)]
        sums = self._sums(raw.recurrent, table)
        mixing = None if raw.recurrent.a is None else (raw.recurrent.a * raw.recurrent.mask).t()
        vleak = raw.vleak[:, None]
        # Every later potential inherits this layout, (H, B), which is that of the synapses.
        x = start.t().contiguous()
        outputs = []
        for z_in, f_in, eps_in, length in zip(*driven, (dt / self.unfolds).unbind(1), strict=True):
            for _ in range(self.unfolds):
                z, f = sums(x, z_in, f_in)
                forget = torch.sigmoid(f)
                scale = length if mixing is None else length * self._elastance_of(raw, torch.addmm(eps_in, mixing, x))
                x = x + self._step_size(scale, forget) * torch.addcmul(tanh(z) * vleak, forget, x, value=-1.0)
            outputs.append(x.t())
        return stack_steps(outputs, self.width, start), (x.t(),)

    def _step_size(self, scale: Tensor, forget: Tensor) -> Tensor:
        """Return q for g = h E (H, B) or h (B,) and s(f) (H, B)."""
        if self.solver == "hybrid":
            return scale / (1.0 + scale * forget)
        return torch.where(scale * forget > 1.0, 1.0 / forget, scale)

    def _elastance_of(self, raw: RawLRC, eps: Tensor) -> Tensor:
        """Return E (H, B)."""
        if raw.c is None:
            return torch.sigmoid(eps)
        c = self._positive(raw.c)[:, None]
        return torch.sigmoid(eps + c) - torch.sigmoid(eps - c)

    def _sums(self, raw: RawLRCSynapses, table: SourceTable | None) -> Callable[..., tuple[Tensor, Tensor]]:
        """Return the function that adds what synapses contribute to z and to f."""
        return sums_of((raw.mask, raw.sigma, raw.mu), raw.h, self._positive(raw.w), table)

    def _sensory_drive(self, raw: RawLRC, table: SourceTable | None, u: Tensor) -> list[Tensor]:
        """Return the parts (H, T, B) of leak and inputs in z, f and eps for u (B, T, I); eps is 0 without elastance."""
        batch, steps, inputs = u.shape
        mapped = (u * raw.input_w + raw.input_b).permute(2, 1, 0).reshape(inputs, steps * batch)
        leak = self._positive(raw.gleak)[:, None].expand(-1, steps * batch)
        parts = list(self._sums(raw.sensory, table)(mapped, leak, leak))
        if raw.b is None or raw.sensory.a is None:
            parts.append(torch.zeros_like(parts[0]))
        else:
            parts.append(torch.addmm(raw.b[:, None], (raw.sensory.a * raw.sensory.mask).t(), mapped))
        return [part.view(self.width, steps, batch) for part in parts]

    def least_values(self) -> list[tuple[Tensor, float]]:
        """Return under "clip" w, sensory w, gleak and c, all >= 0; under "softplus" nothing is needed."""
        if self.constraint != "clip":
            return []
        clamped: list[Tensor] = [self.recurrent.w, self.sensory.w, self.gleak]
        if self.elastance == "symmetric":
            clamped.append(self.c)
        return [(p, 0.0) for p in clamped]

    def structure(self) -> dict[str, int]:
        """Return the wiring's counts and the solver's steps per interval."""
        return {**self.wiring.structure(), "unfolds": self.unfolds}

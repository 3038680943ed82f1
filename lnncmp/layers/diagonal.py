"""S4D (arXiv 2206.11893): diagonal state-space models x' = A x + B u with B = 1, and one step of them.

A is complex, one row of P conjugate pairs for each of H features: -Re A = exp(log_decay), Im A = frequency. A step of
length s, the learned one of the feature times the elapsed time, multiplies x by `a` and adds `b` u:
    zoh        a = e^{sA},  b = (e^{sA} - 1) / A                     (inputs held)
    bilinear   a = (1 + sA/2) / (1 - sA/2),  b = s / (1 - sA/2)
Both give a = 1 and b = 0 at s = 0, |a| <= 1, and stay finite for any s.

Legend of shape suffixes: B batch, T steps, H features, P pairs.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lnncmp.kernels.common.sequence_function import run as run_kernel
from lnncmp.layers.blocks import MixingBlock
from lnncmp.layers.of_each import of_each
from lnncmp.layers.recurrent_layer import KernelCall
from lnncmp.layers.scan import Pair, complex_scan
from lnncmp.layers.sequence_model import State

SLOWEST = 1e-4
"""The least decay, as in the S4 code: a pair that neither decays nor turns would divide by 0."""
LONGEST = 1e30
"""Longer steps count as this one."""


def log_uniform_steps(features: int, low: float, high: float) -> nn.Parameter:
    """Return the logarithms (H,) of learned steps that are log-uniform between low and high."""
    return nn.Parameter(torch.empty(features).uniform_(math.log(low), math.log(high)))


def complex_normal(shape: tuple[int, ...]) -> tuple[nn.Parameter, nn.Parameter]:
    """Return the parts of numbers from the standard complex normal distribution: variance 1/2 each."""
    real, imaginary = math.sqrt(0.5) * torch.randn(2, *shape)
    return nn.Parameter(real.clone()), nn.Parameter(imaginary.clone())


def held(step: Tensor, decay: Tensor, frequency: Tensor) -> tuple[Pair, Pair]:
    """Return a and b of the zero-order hold for steps (..., 1), decay and frequency (H, P); see the module."""
    # cos p - 1 = -2 sin^2(p/2) and expm1 keep b right where a is nearly 1.
    shrink, half = torch.expm1(-step * decay), 0.5 * step * frequency
    sine, cosine = torch.sin(half), torch.cos(half)
    turned, scale = 2.0 * sine * sine, shrink + 1.0
    a = scale * (1.0 - turned), 2.0 * scale * sine * cosine
    change = shrink * (1.0 - turned) - turned
    size = decay * decay + frequency * frequency
    over_re, over_im = -decay / size, -frequency / size  # 1 / A
    return a, (change * over_re - a[1] * over_im, change * over_im + a[1] * over_re)


def bilinear(step: Tensor, decay: Tensor, frequency: Tensor) -> tuple[Pair, Pair]:
    """Return a and b of the bilinear rule for steps (..., 1), decay and frequency (H, P); see the module."""
    # Divided by 1 + s, so that nothing grows with s: r = 1 / (1 + s), q = s / (1 + s).
    r = 1.0 / (1.0 + step)
    q = step * r
    half_re, half_im = -0.5 * q * decay, 0.5 * q * frequency
    below = r - half_re
    size = below * below + half_im * half_im
    over_re, over_im = below / size, half_im / size
    above = r + half_re
    a = above * over_re - half_im * over_im, above * over_im + half_im * over_re
    return a, (q * over_re, q * over_im)


RULES = {"zoh": held, "bilinear": bilinear}
"""The discretisations, by their name."""


class RawDiagonal(NamedTuple):
    """The raw parameters in the order of their kernel: (H,), then (H, P)."""

    log_step: Tensor
    log_decay: Tensor
    frequency: Tensor
    c_real: Tensor
    c_imag: Tensor


def observe(x: Pair, c_real: Tensor, c_imag: Tensor) -> Tensor:
    """Return 2 Re(C x) (B, T, H): both numbers of each conjugate pair together."""
    return of_each(_observed, x, (c_real, c_imag))[0]


def _observed(x_real: Tensor, x_imag: Tensor, c_real: Tensor, c_imag: Tensor) -> tuple[Tensor]:
    return (2.0 * (c_real * x_real - c_imag * x_imag).sum(-1),)


class S4DBlock(MixingBlock):
    """S4D over a sequence: x_t = a x_{t-1} + b u_t, y = 2 Re(C x), then the mixing; state: two of (B, H P).

    Initial values as in the authors' minimal S4D: S4D-Lin (A_n = -1/2 + i pi n), C from the standard
    complex normal distribution, steps log-uniform.
    """

    has_kernel = True
    kind = "linear"
    """What the kernel knows the recurrence by."""

    def __init__(
        self,
        width: int,
        state: int,
        rule: str = "zoh",
        step_range: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        super().__init__(width)
        self.rule, self.pairs = rule, state // 2
        shape = width, self.pairs
        self.log_step = log_uniform_steps(width, *step_range)
        self.log_decay = nn.Parameter(torch.full(shape, math.log(0.5)))
        self.frequency = nn.Parameter((math.pi * torch.arange(self.pairs)).repeat(width, 1))
        self.c_real, self.c_imag = complex_normal(shape)
        self.state_widths = (width * self.pairs,) * 2

    def weights(self) -> RawDiagonal:
        """Return the raw parameters; all that is computed reads them here."""
        return RawDiagonal(self.log_step, self.log_decay, self.frequency, self.c_real, self.c_imag)

    def transition(self, raw: RawDiagonal, dt: Tensor) -> tuple[Pair, Pair]:
        """Return a and b, each a pair of (B, T, H, P), for elapsed times dt (B, T)."""
        step = (dt[..., None] * raw.log_step.exp()).clamp(max=LONGEST)[..., None]
        return RULES[self.rule](step, raw.log_decay.exp().clamp(min=SLOWEST), raw.frequency)

    def kernel_call(self) -> KernelCall | None:
        """Return the block's text and weights; None for the one kind without a kernel of its own."""
        key = self._key()
        own = [*self.weights(), *self.mixing_weights()]
        return None if key is None else KernelCall(f"{key} {self.width} {self.pairs}", own)

    def _key(self) -> str | None:
        """Return the key of the operation of the recurrence."""
        if (self.rule, self.kind) == ("bilinear", "bounded"):
            return None
        return f"diagonal {self.rule} {self.kind} {SLOWEST} {LONGEST}"

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        given, key = (*state, *self.weights()), self._key()
        if fused and key is not None:
            y, *final = run_kernel(key, self.twin, (u, dt, valid, *given))
        else:
            y, *final = self.twin(u, dt, valid, *given, fused=fused)
        return self.finish(y, u), tuple(final)

    def twin(
        self, u: Tensor, dt: Tensor, valid: Tensor | None, re: Tensor, im: Tensor, *weights: Tensor, fused: bool = False
    ) -> tuple[Tensor, ...]:
        """Return 2 Re(C x) (B, T, H) and the final state, as the kernel, in PyTorch; `fused`: but for the scan."""
        a, driven = self.factors(u, dt, weights)
        x, final = self.follow(a, driven, valid, (re, im), fused)
        return observe(x, *weights[-2:]), *final

    def factors(self, u: Tensor, dt: Tensor, weights: Sequence[Tensor]) -> tuple[Pair, Pair]:
        """Return what multiplies x and what is added to it, pairs of (B, T, H, P), for u (B, T, H) and dt (B, T)."""
        a_re, a_im, b_re, b_im = of_each(self.factors_of, (u, dt), weights)
        return (a_re, a_im), (b_re, b_im)

    def factors_of(self, u: Tensor, dt: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        """Return the four parts of `factors` for one copy: a and b u."""
        a, b = self.transition(RawDiagonal(*weights), dt)
        return *a, b[0] * u[..., None], b[1] * u[..., None]

    def follow(self, a: Pair, b: Pair, valid: Tensor | None, start: Pair, fused: bool = False) -> tuple[Pair, Pair]:
        """Return x (B, T, H, P) and the final one (B, H P), both pairs, of x_t = a x_{t-1} + b."""
        flat_a, flat_b = (a[0].flatten(2), a[1].flatten(2)), (b[0].flatten(2), b[1].flatten(2))
        x, final = complex_scan(flat_a, flat_b, valid, start, fused)
        shape = self.width, self.pairs
        return (x[0].unflatten(2, shape), x[1].unflatten(2, shape)), final

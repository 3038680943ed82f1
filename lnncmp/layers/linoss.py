"""LinOSS (arXiv 2410.03943, ICLR 2025): forced harmonic oscillators y'' = -A y + B u, then the mixing of S4D.

With z = y', A > 0 diagonal, and s the learned step of an oscillator times the elapsed time:
    im     z' = z + s (-A y' + B u),  y' = y + s z'      (both at the new time)
    imex   z' = z + s (-A y + B u),   y' = y + s z'      (y at the old time in the force)
With p = s sqrt(A) and z / sqrt(A) in place of z, im multiplies the complex number v = z / sqrt(A) + i y by
(1 + i p) / (1 + p^2) and adds B u / A times (p + i p^2) / (1 + p^2): a diagonal recurrence with |a| < 1 for any s.
imex keeps the energy of a free oscillator up to rounding where p < 2 and grows beyond; p is cut at 2 there.

D-LinOSS (arXiv 2505.12171) adds the damping -G y' to the force, at the new time: with g = G / sqrt(A), in both rules
    z' = (z + p (B u / A - y)) / S,  y' = y + p z',  S = 1 + p g (imex), 1 + p g + p^2 (im)
0 <= g <= 2, up to critical damping, and in imex p <= 2 + g: there the eigenvalues of a step are complex, of the size
1 / sqrt(S). They have no eigenvectors in common for steps of different lengths, so it is no diagonal recurrence.

B and C are complex and A is real: 2 P real oscillators in pairs of one frequency, B (2 P, H) and C (H, 2 P) real.

Legend of shape suffixes: B batch, T steps, H features, P oscillators.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.layers.blocks import MixingBlock
from lnncmp.layers.diagonal import LONGEST
from lnncmp.layers.of_each import of_each
from lnncmp.layers.recurrent_layer import KernelCall, hold, stack_steps, time_major
from lnncmp.layers.scan import Pair, complex_scan
from lnncmp.layers.sequence_model import State

SLACKEST = 1e-6
"""The least A: without a restoring force the scaled z would be infinite."""
CRITICAL = 2.0
"""The largest G / sqrt(A): beyond it nothing oscillates."""


def _uniform(rows: int, columns: int) -> nn.Parameter:
    bound = 1.0 / math.sqrt(columns)
    return nn.Parameter(torch.empty(rows, columns).uniform_(-bound, bound))


class LinOSSBlock(MixingBlock):
    """Oscillators over a sequence; state (z / sqrt(A), y), each (B, 2 P).

    Initial values as in the authors' code: A and the raw steps U(0, 1), whose sigmoid is the step, B and C uniform
    with bounds of one over the root of their columns' number; G U(0, 1).
    """

    def __init__(self, width: int, state: int, rule: str = "im", *, damped: bool = False) -> None:
        super().__init__(width)
        self.rule, self.has_kernel = rule, rule == "im" and not damped
        self.state_widths = (2 * state,) * 2
        self.stiffness, self.raw_step = nn.Parameter(torch.rand(state)), nn.Parameter(torch.rand(state))
        self.forcing, self.reading = _uniform(2 * state, width), _uniform(width, 2 * state)
        with torch.no_grad():
            self.reading.mul_(math.sqrt(2.0))  # each part of C is bounded by 1 / sqrt(P)
        self.damping = nn.Parameter(torch.rand(state)) if damped else None

    def kernel_call(self) -> KernelCall | None:
        """Return the block's text and weights; only im without damping has kernels."""
        if not self.has_kernel:
            return None
        weights = [self.stiffness, self.raw_step, self.forcing, self.reading, *self.mixing_weights()]
        return KernelCall(f"oscillators {SLACKEST} {LONGEST} {self.width} {len(self.stiffness)}", weights)

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        weights = self.stiffness, self.raw_step, self.forcing
        if self.rule == "im" and self.damping is None:
            # The kernel too for each copy: the factors of all copies together do not fit into the processor's cache.
            data = u, dt, *state, *(() if valid is None else (valid,))
            read, *final = of_each(_scanned if fused else _stepped, data, (*weights, self.reading))
            return self.finish(read, u), tuple(final)
        turn, rest = _driven(u, dt, *weights)
        y, end = _step_by_step(*self._damped(turn), rest, valid, (state[0], state[1]))
        return self.finish(linear(y, self.reading), u), end

    def _damped(self, turn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return p, 1 / S and p / S, each (B, T, 2 P), for p (B, T, P)."""
        if self.damping is None:
            loss = torch.zeros_like(self.stiffness)
        else:
            loss = (self.damping / self.stiffness.clamp(min=SLACKEST).sqrt()).clamp(0.0, CRITICAL)
        if self.rule == "imex":
            turn = torch.minimum(turn, CRITICAL + loss)
            size = 1.0 + turn * loss
            return _twice(turn), _twice(1.0 / size), _twice(turn / size)
        r, q = _bounded(turn)
        size = r * r + r * q * loss + q * q
        return _twice(turn), _twice(r * r / size), _twice(r * q / size)


def _driven(u: Tensor, dt: Tensor, stiffness: Tensor, raw_step: Tensor, forcing: Tensor) -> tuple[Tensor, Tensor]:
    """Return p (B, T, P) and B u / A (B, T, 2 P) for u (B, T, H) and dt (B, T)."""
    stiffness = stiffness.clamp(min=SLACKEST)
    step = (dt[..., None] * raw_step.sigmoid()).clamp(max=LONGEST)
    return step * stiffness.sqrt(), linear(u, forcing) / stiffness.repeat(2)


def _scanned(u: Tensor, dt: Tensor, z: Tensor, y: Tensor, *more: Tensor, fused: bool = True) -> tuple[Tensor, ...]:
    """Return C y (B, T, H) and the final state by im, for u, dt, the state, valid if there is one, and the weights."""
    *masks, stiffness, raw_step, forcing, reading = more
    turn, rest = _driven(u, dt, stiffness, raw_step, forcing)
    (_, hidden), final = complex_scan(*_implicit(turn, rest), masks[0] if masks else None, (z, y), fused)
    return linear(hidden, reading), *final


_stepped = partial(_scanned, fused=False)
"""The same in plain PyTorch."""


def _twice(x: Tensor) -> Tensor:
    """Return x of the oscillators (B, T, P) for the two parts of their force."""
    return torch.cat([x, x], -1)


def _bounded(turn: Tensor) -> Pair:
    """Return 1 / (1 + p) and p / (1 + p): what is divided by (1 + p)^2 does not overflow."""
    r = 1.0 / (1.0 + turn)
    return r, turn * r


def _implicit(turn: Tensor, rest: Tensor) -> tuple[Pair, Pair]:
    """Return a and b of the complex recurrence (B, T, 2 P) for p (B, T, P) and B u / A (B, T, 2 P)."""
    r, q = _bounded(turn)
    size = r * r + q * q
    turned = _twice(q * r / size)
    return (_twice(r * r / size), turned), (rest * turned, rest * _twice(q * q / size))


def _step_by_step(
    turn: Tensor, kept: Tensor, pushed: Tensor, rest: Tensor, valid: Tensor | None, start: Pair
) -> tuple[Tensor, Pair]:
    """Return y (B, T, 2 P) and the final (z / sqrt(A), y) for p, 1 / S, p / S and B u / A, all (B, T, 2 P)."""
    (z, y), outputs = start, []
    parts = (part.unbind(1) for part in (turn, kept, pushed, rest))
    for p, keep, push, goal, real in zip(*parts, time_major(valid, turn.shape[1]), strict=True):
        new_z = keep * z + push * (goal - y)
        z, y = hold(real, new_z, z), hold(real, y + p * new_z, y)
        outputs.append(y)
    return stack_steps(outputs, turn.shape[2], turn), (z, y)

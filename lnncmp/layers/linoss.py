"""LinOSS (arXiv 2410.03943, ICLR 2025): forced harmonic oscillators y'' = -A y + B u, then the mixing of S4D.

With z = y', A > 0 diagonal, and s the learned step of an oscillator times the elapsed time:
    im     z' = z + s (-A y' + B u),  y' = y + s z'      (both at the new time)
    imex   z' = z + s (-A y + B u),   y' = y + s z'      (y at the old time in the force)
With p = s sqrt(A) and z / sqrt(A) in place of z, im multiplies the complex number v = z / sqrt(A) + i y by
(1 + i p) / (1 + p^2) and adds B u / A times (p + i p^2) / (1 + p^2): a diagonal recurrence with |a| < 1 for any s.
imex keeps the energy of a free oscillator up to rounding where p < 2 and grows beyond; p is cut at 2 there.

B and C are complex and A is real: 2 P real oscillators in pairs of one frequency, B (2 P, H) and C (H, 2 P) real.

Legend of shape suffixes: B batch, T steps, H features, P oscillators.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.layers.blocks import MixingBlock
from lnncmp.layers.diagonal import LONGEST
from lnncmp.layers.recurrent_layer import hold, stack_steps, time_major
from lnncmp.layers.scan import Pair, complex_scan
from lnncmp.layers.sequence_model import State

SLACKEST = 1e-6
"""The least A: without a restoring force the scaled z would be infinite."""


def _uniform(rows: int, columns: int) -> nn.Parameter:
    bound = 1.0 / math.sqrt(columns)
    return nn.Parameter(torch.empty(rows, columns).uniform_(-bound, bound))


class LinOSSBlock(MixingBlock):
    """Oscillators over a sequence; state (z / sqrt(A), y), each (B, 2 P).

    Initial values as in the authors' code: A and the raw steps U(0, 1), whose sigmoid is the step, B and C uniform
    with bounds of one over the root of their columns' number.
    """

    def __init__(self, width: int, state: int, rule: str = "im") -> None:
        super().__init__(width)
        self.rule, self.has_kernel = rule, rule == "im"
        self.state_widths = (2 * state,) * 2
        self.stiffness, self.raw_step = nn.Parameter(torch.rand(state)), nn.Parameter(torch.rand(state))
        self.forcing, self.reading = _uniform(2 * state, width), _uniform(width, 2 * state)
        with torch.no_grad():
            self.reading.mul_(math.sqrt(2.0))  # each part of C is bounded by 1 / sqrt(P)

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        stiffness = self.stiffness.clamp(min=SLACKEST)
        step = (dt[..., None] * self.raw_step.sigmoid()).clamp(max=LONGEST)
        turn = (step * stiffness.sqrt()).repeat(1, 1, 2)
        moved = linear(u, self.forcing) / stiffness.repeat(2)
        start = state[0], state[1]
        if self.rule == "im":
            (_, y), final = complex_scan(*_implicit(turn, moved), valid, start, fused)
        else:
            y, final = _imex(turn.clamp(max=2.0), moved, valid, start)
        return self.finish(linear(y, self.reading), u), final


def _implicit(turn: Tensor, moved: Tensor) -> tuple[Pair, Pair]:
    """Return a and b of the complex recurrence for p and B u / A, both (B, T, 2 P)."""
    # Divided by (1 + p)^2, so that p^2 does not overflow.
    r = 1.0 / (1.0 + turn)
    q = turn * r
    size = r * r + q * q
    still, turned = r * r / size, q * r / size
    return (still, turned), (moved * turned, moved * (q * q / size))


def _imex(turn: Tensor, moved: Tensor, valid: Tensor | None, start: Pair) -> tuple[Tensor, Pair]:
    """Return y (B, T, 2 P) and the final (z / sqrt(A), y) for p and B u / A, both (B, T, 2 P)."""
    (z, y), outputs = start, []
    for p, rest, real in zip(turn.unbind(1), moved.unbind(1), time_major(valid, turn.shape[1]), strict=True):
        new_z = z + p * (rest - y)
        z, y = hold(real, new_z, z), hold(real, y + p * new_z, y)
        outputs.append(y)
    return stack_steps(outputs, turn.shape[2], turn), (z, y)

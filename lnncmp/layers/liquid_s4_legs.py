"""Liquid-S4 (arXiv 2209.12951) on its paper's base: S4-LegS, diagonal plus rank one; see liquid_s4 for the diagonal.

With A- and B- of one step (see lnncmp.layers.s4) and c = B- u, products with c elementwise where A is diagonal:
    recurrence   x_t = A- x_{t-1} + c x_{t-1} + c                                             (Eq. 9, "paper")
    kb, pb       the series of lnncmp.layers.liquid_s4, with A- in place of a; degree 1 is S4
"bounded": the bilinear rule of A + B w as a whole, w bent for each number of the state,
    B w = (B / |B|) d tanh(u |B| / d),  d = -Re L,  so that |B w| < d
No part of A + B w then makes any x larger, nor does its step, whatever the input and the length of the step. For short
steps and small inputs it is Eq. 9, but that an input's product with itself enters too, by half.

Legend of shape suffixes: B batch, T steps, H features, Q pairs.
"""

from functools import partial

import torch
from torch import Tensor

from lnncmp.layers.activations import tanh
from lnncmp.layers.liquid_s4 import STATES, sum_of_products
from lnncmp.layers.s4 import S4Block
from lnncmp.layers.scan import Pair
from lnncmp.layers.sequence_model import State

_SMALLEST = 1e-24
"""The least |B|^2, whose root has no slope at 0."""


class LiquidLegSBlock(S4Block):
    """Liquid-S4 over a sequence in plain PyTorch; its parameters are those of S4, its state as in LiquidS4Block."""

    def __init__(
        self,
        width: int,
        state: int,
        step_range: tuple[float, float] = (1e-3, 1e-1),
        *,
        kernel: str = "recurrence",
        degree: int = 2,
        transition: str = "bounded",
    ) -> None:
        super().__init__(width, state, step_range)
        self.kernel, self.degree, self.bounded = kernel, degree, transition == "bounded"
        self.state_widths = self.state_widths * STATES[kernel](degree)

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        if self.kernel != "recurrence":
            kept, driven, *rest = self.factors(u, dt)
            follow = partial(self._follow, (kept, *rest), valid)
            c = driven.real, driven.imag
            found, ends = sum_of_products(follow, c, state, self.degree, self.kernel == "pb")
            return self.finish(self.observe(torch.complex(*found)), u), ends
        kept, driven, *rest = self.factors(u, dt, self._bent(u) if self.bounded else None)
        kept = kept if self.bounded else kept + driven
        x, final = self.follow((kept, *rest), driven, valid, (state[0], state[1]))
        return self.finish(self.observe(x), u), final

    def _follow(
        self, step: tuple[Tensor, ...], valid: Tensor | None, added: Pair, start: Pair, still: bool
    ) -> tuple[Pair, Pair]:
        one, none = torch.ones_like(step[0]), torch.zeros_like(step[0])
        x, final = self.follow((one, none, none) if still else step, torch.complex(*added), valid, start)
        return (x.real, x.imag), final

    def _bent(self, u: Tensor) -> Tensor:
        """Return B w, complex (B, T, H, Q), for u (B, T, H); see the module."""
        size = (self.b_real.square() + self.b_imag.square()).clamp(min=_SMALLEST).sqrt()
        decay = self.decay
        return torch.complex(self.b_real, self.b_imag) * (decay / size * tanh(u[..., None] * (size / decay)))

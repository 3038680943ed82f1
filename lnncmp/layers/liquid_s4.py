"""Liquid-S4 (arXiv 2209.12951): x' = (A + B u) x + B u on the diagonal model of S4D, causal and step by step.

With a and b of one step (see lnncmp.layers.diagonal) and c = b u, all elementwise:
    recurrence   x_t = (a + c) x_{t-1} + c                                                    (Eq. 9)
    kb           x_t = sum over k of x^(k)_t,  x^(1)_t = a x^(1)_{t-1} + c,  x^(k)_t = a x^(k)_{t-1} + c x^(k-1)_{t-1}
    pb           the same, but x^(k), k >= 2, and what they are made of have a = 1
x^(k) has the products of k different inputs in it; their sum up to k = degree is the recurrence without the products of
more inputs (kb), of which pb neglects the decay between inputs. Degree 1 is S4D.

The recurrence has no bound: where |a + c| > 1, x grows by that factor at each step ("paper"). "bounded" has
b d tanh(u / d) in place of c in that factor, with |a| + |b| d <= 1: the same for small inputs, at most 1 for all. d is
the decay -Re A, since |b| <= (1 - |a|) / d by ZOH; for the bilinear rule it is smaller where steps are long.

Legend of shape suffixes: B batch, T steps, H features, P pairs.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from lnncmp.layers.activations import tanh
from lnncmp.layers.diagonal import SLOWEST, RawDiagonal, S4DBlock, observe
from lnncmp.layers.recurrent_layer import KernelCall
from lnncmp.layers.scan import Pair
from lnncmp.layers.sequence_model import State

_SMALL = 1e-12
STATES: dict[str, Callable[[int], int]] = {
    "recurrence": lambda degree: 1,
    "kb": lambda degree: degree,
    "pb": lambda degree: degree + 1 if degree > 1 else 1,
}
"""How many x each form keeps from step to step, by its degree."""
Follow = Callable[[Pair, Pair, bool], tuple[Pair, Pair]]
"""(added, start, still) -> x (B, T, H, P) and the final one (B, H P) of x_t = A- x_{t-1} + added; `still`: A- = 1."""


def sum_of_products(follow: Follow, c: Pair, state: State, degree: int, still: bool) -> tuple[Pair, State]:
    """Return the sum of x^(1) to x^(degree) (B, T, H, P) and all final states, for c (B, T, H, P); `still`: pb."""
    starts = list(zip(state[::2], state[1::2], strict=True))
    x, end = follow(c, starts[0], False)
    total, ends = x, [end]
    if degree == 1:
        return total, end
    if still:
        x, end = follow(c, starts[1], True)
        ends.append(end)
    for before, start in pairwise(starts[still:]):
        x, end = follow(_times(c, _delayed(x, before)), start, still)
        total = total[0] + x[0], total[1] + x[1]
        ends.append(end)
    return total, tuple(part for own in ends for part in own)


def _delayed(x: Pair, start: Pair) -> Pair:
    """Return x one step earlier, the start at the first step."""
    first = [own.unflatten(1, (1, *x[0].shape[2:])) for own in start]
    moved = [torch.cat([one, own], 1)[:, :-1] for one, own in zip(first, x, strict=True)]
    return moved[0], moved[1]


def _times(x: Pair, y: Pair) -> Pair:
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


class LiquidS4Block(S4DBlock):
    """Liquid-S4 over a sequence; its parameters are those of S4D.

    The state is two tensors (B, H P) for each of: x (recurrence), x^(1) to x^(degree) (kb); x^(1) and, for a degree
    above 1, x^(1) to x^(degree) without decay (pb).
    """

    def __init__(
        self,
        width: int,
        state: int,
        rule: str = "zoh",
        step_range: tuple[float, float] = (1e-3, 1e-1),
        *,
        kernel: str = "recurrence",
        degree: int = 2,
        transition: str = "bounded",
    ) -> None:
        super().__init__(width, state, rule, step_range)
        self.kernel, self.degree = kernel, degree
        self.kind = "bounded" if transition == "bounded" else "liquid"
        self.state_widths = self.state_widths * STATES[kernel](degree)

    def factors_of(self, u: Tensor, dt: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        """Return the four parts of `factors` for one copy: a + b u, or a + b d tanh(u / d), and b u; for a series a."""
        raw = RawDiagonal(*weights)
        a, b = self.transition(raw, dt)
        c = b[0] * u[..., None], b[1] * u[..., None]
        if self.kernel != "recurrence":
            return *a, *c
        return *self.liquid(raw, a, b, u), *c

    def liquid(self, raw: RawDiagonal, a: Pair, b: Pair, u: Tensor) -> Pair:
        """Return what multiplies x, for inputs u (B, T, H): a + b u, or a + b d tanh(u / d)."""
        entering = u[..., None]
        if self.kind == "bounded":
            most = self._most(raw, a)
            entering = most * tanh(entering / most)
        return a[0] + b[0] * entering, a[1] + b[1] * entering

    def _most(self, raw: RawDiagonal, a: Pair) -> Tensor:
        """Return d, with |a| + |b| d <= 1: the decay; for the bilinear rule decay |1 + a| / (1 + |a|)."""
        decay = raw.log_decay.exp().clamp(min=SLOWEST)
        if self.rule == "zoh":
            return decay
        beside, size = ((part + a[0]).square() + a[1].square() for part in (1.0, 0.0))
        # The root has no slope at 0, and inputs are divided by d.
        distance, length = (own.clamp(min=_SMALL**2).sqrt() for own in (beside, size))
        return (decay * distance / (1.0 + length)).clamp(min=_SMALL)

    def kernel_call(self) -> KernelCall | None:
        """Return the block's text and weights; None for the series of products, which are several recurrences."""
        return super().kernel_call() if self.kernel == "recurrence" else None

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        if self.kernel == "recurrence":
            return super().run(u, dt, valid, state, fused)
        weights = self.weights()
        a, c = self.factors(u, dt, weights)
        follow = partial(self._follow, a, valid, fused)
        x, final = sum_of_products(follow, c, state, self.degree, self.kernel == "pb")
        return self.finish(observe(x, weights.c_real, weights.c_imag), u), final

    def _follow(
        self, a: Pair, valid: Tensor | None, fused: bool, added: Pair, start: Pair, still: bool
    ) -> tuple[Pair, Pair]:
        kept = (torch.ones_like(a[0]), torch.zeros_like(a[1])) if still else a
        return self.follow(kept, added, valid, start, fused)

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

from itertools import pairwise

import torch
from torch import Tensor

from lnncmp.layers.activations import tanh
from lnncmp.layers.diagonal import SLOWEST, RawDiagonal, S4DBlock, observe
from lnncmp.layers.scan import Pair
from lnncmp.layers.sequence_model import State

_SMALL = 1e-12


def _times(x: Pair, y: Pair) -> Pair:
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def _plus(x: Pair, y: Pair) -> Pair:
    return x[0] + y[0], x[1] + y[1]


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
        states = {"recurrence": 1, "kb": degree, "pb": degree + 1 if degree > 1 else 1}[kernel]
        self.state_widths = self.state_widths * states

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

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return outputs (B, T, H) and the final state for u (B, T, H), dt (B, T)."""
        if self.kernel == "recurrence":
            return super().run(u, dt, valid, state, fused)
        raw = self.weights()
        a, b = self.transition(raw, dt)
        c = b[0] * u[..., None], b[1] * u[..., None]
        starts = list(zip(state[::2], state[1::2], strict=True))
        x, end = self.follow(a, c, valid, starts[0], fused)
        if self.degree > 1 and self.kernel == "pb":
            still = torch.ones_like(a[0]), torch.zeros_like(a[1])
            first, first_end = self.follow(still, c, valid, starts[1], fused)
            higher, ends = self._higher(still, c, first, valid, starts[1:], fused)
            ends = [end, first_end, *ends]
        else:
            higher, ends = self._higher(a, c, x, valid, starts, fused)
            ends = [end, *ends]
        for own in higher:
            x = _plus(x, own)
        return self.finish(observe(raw, x), u), tuple(part for own in ends for part in own)

    def _higher(
        self, a: Pair, c: Pair, x: Pair, valid: Tensor | None, starts: list[Pair], fused: bool
    ) -> tuple[list[Pair], list[Pair]]:
        """Return x^(k) for k = 2 to the degree, and their final states, from x = x^(1), all (B, T, H, P)."""
        found, ends = [], []
        for before, start in pairwise(starts):
            x, end = self.follow(a, _times(c, self._delayed(x, before)), valid, start, fused)
            found.append(x)
            ends.append(end)
        return found, ends

    def _delayed(self, x: Pair, start: Pair) -> Pair:
        """Return x one step earlier, the start at the first step."""
        first = [own.unflatten(1, (1, self.width, self.pairs)) for own in start]
        moved = [torch.cat([one, own], 1)[:, :-1] for one, own in zip(first, x, strict=True)]
        return moved[0], moved[1]

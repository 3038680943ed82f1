"""LrcSSM (arXiv 2505.21717, NeurIPS 2025): LRC neurons, each of which sees the inputs and its own state alone.

    f = g_leak + W sigmoid(sigma_u (u - mu_u)) + w sigmoid(sigma (x - mu))      (g with H and h in place of W and w)
    dx/dt = E (-sigmoid(f) x + e_leak tanh(g))
    E = sigmoid(k x + c), symmetric: sigmoid(k x + c + s) - sigmoid(k x + c - s); with inputs k x + K u + c
mu_u and sigma_u are shared by all neurons. One step of the length s, with f, g and E at the old x:
    semi_implicit    x' = (x + s E e_leak tanh(g)) / (1 + s E sigmoid(f)): between x and the rest state for any s
    explicit_euler   x' = x + s E (-sigmoid(f) x + e_leak tanh(g)): the authors' code, with s = 1

Legend of shape suffixes: B batch, T steps, I features in, H neurons.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lnncmp.kernels.common.sequence_function import run as run_kernel
from lnncmp.layers.activations import tanh
from lnncmp.layers.blocks import Block
from lnncmp.layers.diagonal import LONGEST
from lnncmp.layers.of_each import of_each
from lnncmp.layers.recurrent_layer import KernelCall, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


class LRCBlock(Block):
    """LRC neurons over a sequence; state (x,) of shape (B, H).

    All initial values are U(-1, 1) / sqrt(H), as in the authors' code. |s| is used, so that E is positive.
    """

    has_kernel = True

    def __init__(
        self, inputs: int, width: int, solver: str = "semi_implicit", *, symmetric: bool = False, reads: bool = False
    ) -> None:
        super().__init__()
        self.width, self.state_widths = width, (width,)
        self.solver, self.symmetric, self.reads = solver, symmetric, reads
        self.input_mu, self.input_sigma = self._drawn(inputs), self._drawn(inputs)
        self.forget_weight, self.update_weight = self._drawn(width, inputs), self._drawn(width, inputs)
        self.mu, self.sigma = self._drawn(width), self._drawn(width)
        self.forget, self.update = self._drawn(width), self._drawn(width)
        self.g_leak, self.e_leak = self._drawn(width), self._drawn(width)
        self.elastance, self.elastance_bias = self._drawn(width), self._drawn(width)
        self.shift = self._drawn(width) if symmetric else None
        self.elastance_weight = self._drawn(width, inputs) if reads else None

    def _drawn(self, *shape: int) -> nn.Parameter:
        bound = 1.0 / math.sqrt(self.width)
        return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

    def run(self, u: Tensor, dt: Tensor, valid: Tensor | None, state: State, fused: bool) -> tuple[Tensor, State]:
        """Return x (B, T, H) and (x,) for u (B, T, I), dt (B, T)."""
        f, g, e = self._drives(u)
        given = *state, g, e, *self._neurons()
        if fused:
            x, final = run_kernel(f"lrc_ssm {self._settings()}", self.twin, (f, dt, valid, *given))
        else:
            x, final = self.twin(f, dt, valid, *given)
        return x, (final,)

    def _settings(self) -> str:
        """Return the settings of the operation."""
        return f"{self.solver} {'symmetric' if self.symmetric else 'asymmetric'} {LONGEST}"

    def kernel_call(self) -> KernelCall:
        """Return the block's text and weights."""
        reads = "reads" if self.reads else "alone"
        own = [
            self.input_mu, self.input_sigma, self.forget_weight, self.update_weight, self.mu, self.sigma, self.forget,
            self.update, self.g_leak, self.e_leak, self.elastance, self.elastance_bias,
        ]  # fmt: skip
        more = [weight for weight in (self.shift, self.elastance_weight) if weight is not None]
        return KernelCall(f"neurons {self._settings()} {len(self.input_mu)} {self.width} {reads}", [*own, *more])

    def _neurons(self) -> list[Tensor]:
        """Return the weights of the neurons themselves (H,), in the order of the kernel."""
        own: list[Tensor] = [self.mu, self.sigma, self.forget, self.update, self.e_leak, self.elastance]
        return own if self.shift is None else [*own, self.shift.abs()]

    def twin(
        self, f: Tensor, dt: Tensor, valid: Tensor | None, x: Tensor, g: Tensor, e: Tensor, *neurons: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return x (B, T, H) and the final x for the drives (B, T, H), as the kernel, in plain PyTorch."""
        outputs = []
        lengths = dt.clamp(max=LONGEST)[..., None]
        drives = (part.unbind(1) for part in (f, g, e, lengths))
        for f_t, g_t, e_t, s, real in zip(*drives, time_major(valid, f.shape[1]), strict=True):
            x = hold(real, self.advance(x, f_t, g_t, e_t, s, neurons), x)
            outputs.append(x)
        return stack_steps(outputs, self.width, f), x

    def _drives(self, u: Tensor) -> tuple[Tensor, ...]:
        """Return what inputs and constants add to f, g and the elastance's argument, each (B, T, H)."""
        own = self.input_mu, self.input_sigma, self.forget_weight, self.update_weight, self.g_leak, self.elastance_bias
        reads = () if self.elastance_weight is None else (self.elastance_weight,)
        return of_each(_driven, (u,), (*own, *reads))

    def advance(self, x: Tensor, f: Tensor, g: Tensor, e: Tensor, s: Tensor, neurons: Sequence[Tensor]) -> Tensor:
        """Return x a step later for the drives (B, H) of f, g and the elastance and its length s (B, 1)."""
        mu, sigma, w, h, e_leak, k, *shift = neurons
        opened = torch.sigmoid(sigma * (x - mu))
        closing = torch.sigmoid(f + w * opened)
        pull = e_leak * tanh(g + h * opened)
        bent = e + k * x
        if shift:
            moved = s * (torch.sigmoid(bent + shift[0]) - torch.sigmoid(bent - shift[0]))
        else:
            moved = s * torch.sigmoid(bent)
        if self.solver == "explicit_euler":
            return x + moved * (pull - closing * x)
        return (x + moved * pull) / (1.0 + moved * closing)


def _driven(
    u: Tensor, mu: Tensor, sigma: Tensor, forget: Tensor, update: Tensor, leak: Tensor, constant: Tensor, *reads: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    opened = torch.sigmoid(sigma * (u - mu))
    f, g = linear(opened, forget, leak), linear(opened, update, leak)
    return f, g, linear(u, reads[0], constant) if reads else constant.expand_as(f)

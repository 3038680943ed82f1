"""Additive networks: dh/dt = c tanh(W x + U h + b) - r h, followed by steps of explicit Euler or Runge-Kutta.

Each observation takes `unfolds` solver steps of one length, inputs held. A step of length s is made of stages that
start at y_1 = h, with f_i = tanh(W x + U y_i + b):
    y_(i+1) = h + a_i s (c f_i - r y_i);    h' = h + s sum_i b_i (c f_i - r y_i)
Explicit Euler has one stage, the classical Runge-Kutta method (rk4) four. Special cases are the Elman network (one
Euler step with s = r = c = 1, see rnn.py), the CT-RNN (r = 1 / tau) and the neural ODE (r = 0).

Explicit methods diverge where s r is large. So each unit's step is limited: s r <= `limit`.

Legend of shape suffixes: B batch, T steps, I inputs, H hidden units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from lnncmp.kernels.additive.stages import MIN_RATE, STAGES
from lnncmp.kernels.common.sequence_function import run
from lnncmp.layers.activations import tanh
from lnncmp.layers.recurrent_layer import KernelCall, RecurrentLayer, blank_padding, hold, stack_steps, time_major
from lnncmp.layers.sequence_model import State


@dataclass(frozen=True)
class Scheme:
    """How an observation is followed: `unfolds` steps of `solver`, at most limit / r long.

    clip: the state is kept within +-clip after each step; infinity: it is not. step: the length of every solver step;
    None: the elapsed time over the number of unfolds.
    """

    unfolds: int = 1
    solver: str = "euler"
    limit: float = 2.0
    clip: float = math.inf
    step: float | None = None

    def lengths(self, dt: Tensor) -> Tensor:
        """Return the lengths of solver steps for elapsed times."""
        return dt / self.unfolds if self.step is None else torch.full_like(dt, self.step)

    def key(self, rate: float | None, biases: int, scaled: bool) -> str:
        """Return the key of the kernel that computes this; see there for the arguments. rate: None if it is learned."""
        of_step = "elapsed" if self.step is None else self.step
        of_rate = "learned" if rate is None else rate
        scheme = f"{self.unfolds} {self.solver} {self.limit} {self.clip} {of_step}"
        return f"additive {scheme} {of_rate} {biases} {int(scaled)}"


class AdditiveWeights(NamedTuple):
    """W (H, I), b (H,), U (H, H), c (H,) and r (H,), as they act."""

    input: Tensor
    bias: Tensor
    recurrent: Tensor
    scale: Tensor
    rate: Tensor


def additive_loop(
    scheme: Scheme, weights: AdditiveWeights, x: Tensor, lengths: Tensor, valid: Tensor | None, h: Tensor
) -> tuple[Tensor, State]:
    """Return hidden states (B, T, H) and (h,) in plain PyTorch.

    x: blanked inputs (B, T, I); lengths: of the solver steps (B, T); valid (B, T); h: the state at the start (B, H).
    """
    recurrent = weights.recurrent.t()
    longest = scheme.limit / weights.rate.clamp(min=MIN_RATE)
    drives = linear(x.transpose(0, 1), weights.input, weights.bias).unbind(0)
    terms = zip(drives, lengths.t()[..., None].unbind(0), time_major(valid, x.shape[1]), strict=True)
    outputs = []
    for drive, length, real in terms:
        s = torch.where(length > longest, longest, length)  # NaN stays NaN
        leaked, driven = s * weights.rate, s * weights.scale
        new = h
        for _ in range(scheme.unfolds):
            start, y = new, new
            for share, reach in zip(*STAGES[scheme.solver], strict=True):
                f = tanh(torch.addmm(drive, y, recurrent))
                new = _moved(new, share, leaked, y, driven, f)
                if reach:
                    y = _moved(start, reach, leaked, y, driven, f)
            if scheme.clip < math.inf:
                new = new.clamp(-scheme.clip, scheme.clip)
        h = hold(real, new, h)
        outputs.append(h)
    return stack_steps(outputs, recurrent.shape[0], x), (h,)


def _moved(base: Tensor, share: float, leaked: Tensor, y: Tensor, driven: Tensor, f: Tensor) -> Tensor:
    """Return base + share s (c f - r y); in this order s r = 1 cancels y = base exactly."""
    return torch.addcmul(torch.addcmul(base, leaked, y, value=-share), driven, f, value=share)


def run_additive(
    call: KernelCall,
    scheme: Scheme,
    acting: Callable[..., AdditiveWeights],
    x: Tensor,
    dt: Tensor,
    valid: Tensor | None,
    h: Tensor,
) -> tuple[Tensor, State]:
    """Return what `additive_loop` does by one kernel for the sequence; it blanks padding itself.

    acting: the weights as they act, from those of the call.
    """

    def twin(x: Tensor, dt: Tensor, valid: Tensor | None, h: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        x, dt = blank_padding(x, dt, valid)
        hidden, (final,) = additive_loop(scheme, acting(*weights), x, scheme.lengths(dt), valid, h)
        return hidden, final

    hidden, final = run(call.key, twin, (x, dt, valid, h, *call.weights))
    return hidden, (final,)


class AdditiveLayer(RecurrentLayer):
    """An additive network as an ODE over a sequence; state (h,) of shape (B, H), 0 at the start.

    `rate`: r of all units, at the start if `learns_rate`, where it is the softplus of a raw parameter. `has_scale`: c
    is a parameter, 1 at the start; else it is 1. `init`: `joint` is glorot for the matrix of [x, h] and zero biases,
    `apart` is glorot for W, orthogonal U and zero biases, `torch` is U(-1/sqrt H, 1/sqrt H) for all three.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        scheme: Scheme,
        *,
        rate: float,
        learns_rate: bool = False,
        has_scale: bool = False,
        init: str = "joint",
    ) -> None:
        super().__init__()
        self.inputs, self.width, self.state_widths = inputs, hidden, (hidden,)
        self.scheme, self.rate = scheme, rate
        self.input_weight = nn.Parameter(torch.empty(hidden, inputs))
        self.recurrent_weight = nn.Parameter(torch.empty(hidden, hidden))
        self.bias = nn.Parameter(torch.empty(hidden))
        self.scale = nn.Parameter(torch.ones(hidden)) if has_scale else None
        self.raw_rate = nn.Parameter(torch.full((hidden,), math.log(math.expm1(rate)))) if learns_rate else None
        draw_weights(init, self.bias, self.input_weight, self.recurrent_weight)

    def kernel_call(self) -> KernelCall:
        """Return the kernel and its weights."""
        rate = self.rate if self.raw_rate is None else None
        units = [own for own in (self.bias, self.scale, self.raw_rate) if own is not None]
        key = self.scheme.key(rate, 1, self.scale is not None)
        return KernelCall(key, [self.input_weight, self.recurrent_weight, *units])

    def _acting(self, input: Tensor, recurrent: Tensor, bias: Tensor, *rest: Tensor) -> AdditiveWeights:
        """Return the weights as they act, from those of the kernel."""
        scale = bias.new_ones(self.width) if self.scale is None else rest[0]
        rate = bias.new_full((self.width,), self.rate) if self.raw_rate is None else softplus(rest[-1])
        return AdditiveWeights(input, bias, recurrent, scale, rate)

    def has_kernel(self) -> bool:
        """Return True: every set-up has a fused kernel."""
        return True

    def initial_state(self, batch: int) -> State:
        """Return (h,) = 0 of shape (batch, H)."""
        return (self.bias.new_zeros(batch, self.width),)

    def _sequence(self, x: Tensor, dt: Tensor, valid: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Return hidden states (B, T, H) and (h,) for x (B, T, I), dt (B, T), valid (B, T)."""
        call, scheme = self.kernel_call(), self.scheme
        if self.uses_kernel(dt):
            return run_additive(call, scheme, self._acting, x, dt, valid, *state)
        x, dt = blank_padding(x, dt, valid)
        return additive_loop(scheme, self._acting(*call.weights), x, scheme.lengths(dt), valid, *state)

    def structure(self) -> dict[str, int]:
        """Return the solver's steps per observation."""
        return {"unfolds": self.scheme.unfolds}


def draw_weights(init: str, bias: Tensor, *matrices: Tensor) -> None:
    """Draw a bias and the matrices (J, I), (J, H) of what J units read; `init` as for AdditiveLayer."""
    with torch.no_grad():
        bias.zero_()
        if init == "apart":
            nn.init.xavier_uniform_(matrices[0])
            nn.init.orthogonal_(matrices[1])
            return
        fans = bias.numel() + sum(matrix.shape[1] for matrix in matrices)
        bound = math.sqrt(6.0 / fans) if init == "joint" else 1.0 / math.sqrt(matrices[1].shape[1])
        for own in matrices if init == "joint" else (*matrices, bias):
            own.uniform_(-bound, bound)

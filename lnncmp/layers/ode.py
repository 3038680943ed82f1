"""Solvers of dh/dt = f(h) over an interval that is each sample's own; inputs are held over it.

    euler   first order, one evaluation of f a step; heun: second order, two; rk4: classical Runge-Kutta, fourth, four
    dopri5  adaptive, by torchdiffeq, in s = t / dt over [0, 1], so that every sample has its own dt; the step size is
            chosen for the whole batch. Not for vmap.

The first three take `unfolds` equal steps of dt / unfolds. All are explicit: where f pulls h back to a bound, as a leak
does, a step longer than the time of the leak leaves the bound. `longest` limits the steps.

Legend of shape suffixes: B batch, H hidden units, N units of a field.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from lnncmp.layers.activations import tanh

Slope = Callable[[Tensor], Tensor]
"""h -> dh/dt, of the same shape."""


@dataclass(frozen=True)
class SolverChoice:
    """Which solver, its number of steps (solvers with fixed steps) and its tolerances (dopri5)."""

    solver: str = "euler"
    unfolds: int = 4
    rtol: float = 1e-5
    atol: float = 1e-6


def integrate(h: Tensor, slope: Slope, dt: Tensor, choice: SolverChoice, longest: float | None = None) -> Tensor:
    """Return h a time dt later; dt can be broadcast to h. longest: the longest fixed step that is taken."""
    if choice.solver == "dopri5":
        return _dopri5(h, slope, dt, choice)
    step, take = dt / choice.unfolds, _STEPS[choice.solver]
    if longest is not None:
        step = step.clamp(max=longest)
    for _ in range(choice.unfolds):
        h = take(h, slope, step)
    return h


def _euler(h: Tensor, slope: Slope, step: Tensor) -> Tensor:
    return h + step * slope(h)


def _heun(h: Tensor, slope: Slope, step: Tensor) -> Tensor:
    k1 = slope(h)
    return h + (0.5 * step) * (k1 + slope(h + step * k1))


def _rk4(h: Tensor, slope: Slope, step: Tensor) -> Tensor:
    k1 = slope(h)
    k2 = slope(h + 0.5 * step * k1)
    k3 = slope(h + 0.5 * step * k2)
    k4 = slope(h + step * k3)
    return h + (step / 6.0) * (k1 + 2.0 * (k2 + k3) + k4)


def _dopri5(h: Tensor, slope: Slope, dt: Tensor, choice: SolverChoice) -> Tensor:
    def rescaled(_: Tensor, state: Tensor) -> Tensor:
        return dt * slope(state)

    if h.numel() == 0:
        return h
    # Times in float64: in float32 a small adaptive step underflows.
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64, device=h.device)
    path: Tensor = odeint(rescaled, h, ends, rtol=choice.rtol, atol=choice.atol, method="dopri5")
    # The end is interpolated, which rounds h even where nothing moves. h + dt f is exact there, with the right slope.
    return torch.where(dt == 0, h + rescaled(ends[0], h), path[-1])


_STEPS = {"euler": _euler, "explicit_euler": _euler, "heun": _heun, "rk4": _rk4}


class TanhField(nn.Module):
    """An autonomous field f(h) = W2 tanh(W1 h + b1) + b2 with N units; its size is bounded, h grows at most by dt."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, units)
        self.outer = nn.Linear(units, width)

    def forward(self, h: Tensor) -> Tensor:
        """Return dh/dt (B, H) for h (B, H)."""
        slope: Tensor = self.outer(tanh(self.inner(h)))
        return slope

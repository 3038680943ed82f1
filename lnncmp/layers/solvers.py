"""Solvers of the LTC's differential equation cm dv/dt = num(v) - den(v) v over one interval dt.

num and den are the conductance-weighted reversal potentials and the total conductance, leak included; inputs are held
over the interval. `dt` (B,) is each sample's own interval, cut into `unfolds` equal steps h = dt / unfolds.

    semi_implicit   v' = v + h (num - den v) / (cm + h den + eps): num and den at the old v, v in the leak and synapse
                    terms at the new one. First order; stays between the old v and the reversal potentials for any dt
                    (LTC paper Eq. 3, its "fused" solver). Exact at dt = 0, where cm / h of the published form is NaN.
    explicit_euler  v' = v + h (num - den v) / cm. First order; unstable for h den > 2 cm.
    rk4             classical Runge-Kutta. Fourth order; unstable for large h too.
    dopri5          adaptive, by torchdiffeq, in s = t / dt over [0, 1], so that every sample has its own dt; the step
                    size is chosen for the whole batch. Not for vmap.

Legend of shape suffixes: B batch, H neurons.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchdiffeq import odeint

RightSide = Callable[[Tensor], tuple[Tensor, Tensor]]
"""v (H, B) -> num (H, B), den (H, B)."""


@dataclass(frozen=True)
class SolverOptions:
    """Which solver, its number of steps (fixed-step solvers) and its tolerances (dopri5)."""

    solver: str = "semi_implicit"
    unfolds: int = 6
    rtol: float = 1e-5
    atol: float = 1e-6
    epsilon: float = 1e-8


def advance(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    """Return the potentials (H, B) a time dt (B,) later, from v (H, B), with capacitances cm (H, 1)."""
    return _SOLVERS[options.solver](v, right_side, cm, dt, options)


def _semi_implicit(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    h = dt / options.unfolds
    capacitance = cm + options.epsilon
    for _ in range(options.unfolds):
        num, den = right_side(v)
        v = v + h * torch.addcmul(num, den, v, value=-1.0) / torch.addcmul(capacitance, h, den)
    return v


def _slope(v: Tensor, right_side: RightSide, cm: Tensor) -> Tensor:
    num, den = right_side(v)
    return torch.addcmul(num, den, v, value=-1.0) / cm


def _explicit_euler(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    h = dt / options.unfolds
    for _ in range(options.unfolds):
        v = v + h * _slope(v, right_side, cm)
    return v


def _rk4(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    h = dt / options.unfolds
    for _ in range(options.unfolds):
        k1 = _slope(v, right_side, cm)
        k2 = _slope(v + 0.5 * h * k1, right_side, cm)
        k3 = _slope(v + 0.5 * h * k2, right_side, cm)
        k4 = _slope(v + h * k3, right_side, cm)
        v = v + (h / 6.0) * (k1 + 2.0 * (k2 + k3) + k4)
    return v


def _dopri5(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    def rescaled(_: Tensor, state: Tensor) -> Tensor:
        return dt * _slope(state, right_side, cm)

    if v.numel() == 0:
        return v
    # Times in float64: in float32 a small adaptive step underflows.
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64, device=v.device)
    path: Tensor = odeint(rescaled, v, ends, rtol=options.rtol, atol=options.atol, method="dopri5")
    # The end is interpolated, which rounds v even where nothing moves. v + dt f is exact there, with the right slope.
    return torch.where(dt == 0, v + rescaled(ends[0], v), path[-1])


_SOLVERS = {"semi_implicit": _semi_implicit, "explicit_euler": _explicit_euler, "rk4": _rk4, "dopri5": _dopri5}

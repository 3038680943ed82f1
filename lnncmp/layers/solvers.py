"""Solvers of the LTC's differential equation cm dv/dt = num(v) - den(v) v over one interval dt.

num and den are the conductance-weighted reversal potentials and the total conductance, leak included; inputs are held
over the interval. `dt` (B,) is each sample's own interval, cut into `unfolds` equal steps h = dt / unfolds.

    semi_implicit   v' = v + h (num - den v) / (cm + h den + eps): num and den at the old v, v in the leak and synapse
                    terms at the new one. First order; stays between the old v and the reversal potentials for any dt
                    (LTC paper Eq. 3, its "fused" solver). Exact at dt = 0, where cm / h of the published form is NaN.
    explicit_euler  v' = v + h (num - den v) / cm. First order; unstable for h den > 2 cm.
    rk4, dopri5     see lnncmp.layers.ode; rk4 is unstable for large h too.

Legend of shape suffixes: B batch, H neurons.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lnncmp.layers.ode import SolverChoice, integrate

RightSide = Callable[[Tensor], tuple[Tensor, Tensor]]
"""v (H, B) -> num (H, B), den (H, B)."""


@dataclass(frozen=True)
class SolverOptions(SolverChoice):
    """A choice of solver, with the epsilon of the semi-implicit one."""

    solver: str = "semi_implicit"
    unfolds: int = 6
    epsilon: float = 1e-8


def advance(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    """Return the potentials (H, B) a time dt (B,) later, from v (H, B), with capacitances cm (H, 1)."""
    if options.solver == "semi_implicit":
        return _semi_implicit(v, right_side, cm, dt, options)

    def slope(v: Tensor) -> Tensor:
        num, den = right_side(v)
        return torch.addcmul(num, den, v, value=-1.0) / cm

    return integrate(v, slope, dt, options)


def _semi_implicit(v: Tensor, right_side: RightSide, cm: Tensor, dt: Tensor, options: SolverOptions) -> Tensor:
    h = dt / options.unfolds
    capacitance = cm + options.epsilon
    for _ in range(options.unfolds):
        num, den = right_side(v)
        v = v + h * torch.addcmul(num, den, v, value=-1.0) / torch.addcmul(capacitance, h, den)
    return v

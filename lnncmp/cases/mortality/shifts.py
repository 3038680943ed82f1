"""Perturbed stays: noise on what was measured, measurements that are missing. Outcomes stay.

Legend of shapes: V parameters.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.recording import Recording

Perturbation = Callable[[Recording, np.random.Generator], Recording]


def noise(level: float, std: NDArray[np.float64]) -> Perturbation:
    """Return Gaussian noise of `level` standard deviations `std` (V,) on every measured value."""

    def perturb(stay: Recording, rng: np.random.Generator) -> Recording:
        return replace(stay, values=stay.values + level * std * rng.standard_normal(stay.values.shape))

    return perturb


def missing(share: float) -> Perturbation:
    """Return a stay without a share of its measurements, which are missing completely at random."""

    def perturb(stay: Recording, rng: np.random.Generator) -> Recording:
        return replace(stay, observed=stay.observed & (rng.random(stay.observed.shape) >= share))

    return perturb

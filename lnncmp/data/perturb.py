"""Perturbations: wrappers that shift test windows. None of them depends on a case or a model."""

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.windows import Windows


def sensor_noise(windows: Windows, level: float, input_std: NDArray[np.float64], rng: np.random.Generator) -> Windows:
    """Add Gaussian noise to the observed inputs; targets stay clean.

    level: noise standard deviation in units of each input's own standard deviation `input_std` (F,),
    which is given in the units of windows.x.
    """
    noise = rng.standard_normal(windows.x.shape, dtype=np.float32)
    x = windows.x + noise * (level * input_std).astype(np.float32)
    return windows.with_inputs(np.where(windows.observed, x, windows.x).astype(np.float32))


def unit_timespans(windows: Windows) -> Windows:
    """Replace every elapsed time by 1, to see whether a model uses the times at all."""
    return windows.with_dt(np.ones_like(windows.dt))

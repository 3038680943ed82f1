"""Noise of unit variance for sampled waves: white, impulsive, colored.

Legend of shapes: N waves, T samples.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

IMPULSE_RATE = 0.05
"""Share of samples that impulsive noise hits."""

CORRELATION = 0.9
"""Correlation of colored noise after one unit of time."""


def gaussian(elapsed: Floats, rng: np.random.Generator) -> Floats:
    """Return independent standard normal noise (N, T)."""
    return rng.standard_normal(elapsed.shape)


def impulsive(elapsed: Floats, rng: np.random.Generator) -> Floats:
    """Return noise (N, T) that is 0 but for a share IMPULSE_RATE of the samples, normal there; variance 1 over all."""
    hit = rng.random(elapsed.shape) < IMPULSE_RATE
    return np.where(hit, rng.standard_normal(elapsed.shape) / np.sqrt(IMPULSE_RATE), 0.0)


def colored(elapsed: Floats, rng: np.random.Generator) -> Floats:
    """Return an Ornstein-Uhlenbeck process (N, T), stationary with variance 1.

    elapsed (N, T): time before each sample since the previous one; the correlation is CORRELATION ** elapsed.
    """
    shocks = rng.standard_normal(elapsed.shape)
    kept = CORRELATION**elapsed
    noise = np.empty_like(shocks)
    noise[:, 0] = shocks[:, 0]
    for t in range(1, shocks.shape[1]):
        noise[:, t] = kept[:, t] * noise[:, t - 1] + np.sqrt(1 - kept[:, t] ** 2) * shocks[:, t]
    return noise


KINDS: Mapping[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "gaussian": gaussian,
    "impulsive": impulsive,
    "colored": colored,
}
"""The kinds of noise by name: (elapsed times, generator) -> noise of variance 1."""

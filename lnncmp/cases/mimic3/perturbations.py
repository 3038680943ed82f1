"""Shifted versions of a stay's inputs: noise, missing values, sensor dropout, artefacts, late charting. Targets stay.

Each function takes a stay in units of standard deviations and a generator, and returns a stay with the same rows.

Legend of shapes: T rows, V variables.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lnncmp.cases.mimic3.features import Floats, Stay

Perturbation = Callable[[Stay, np.random.Generator], Stay]

SPIKE = 8.0
"""Size of an artefact in standard deviations, about that of a heart rate of 0 or a pressure read ten times too high."""


def noise(level: float) -> Perturbation:
    """Return Gaussian noise of `level` standard deviations on what was measured."""

    def perturb(stay: Stay, rng: np.random.Generator) -> Stay:
        drawn = level * rng.standard_normal(stay.values.shape)
        return replace(stay, values=np.where(stay.observed, stay.values + drawn, stay.values))

    return perturb


def missing(share: float) -> Perturbation:
    """Return a stay of which a share of the measurements was never taken, completely at random."""

    def perturb(stay: Stay, rng: np.random.Generator) -> Stay:
        return replace(stay, observed=stay.observed & (rng.random(stay.observed.shape) >= share))

    return perturb


def sensor_dropout(hours: float, core: int) -> Perturbation:
    """Return a stay in which on every day one sensor of the core, drawn anew, gives nothing for `hours` hours."""

    def perturb(stay: Stay, rng: np.random.Generator) -> Stay:
        observed = stay.observed.copy()
        for day in np.arange(stay.times[0], stay.times[-1] + 1e-9, 24.0):
            start = day + rng.uniform(0.0, max(24.0 - hours, 0.0))
            gone = (stay.times >= start) & (stay.times < start + hours)
            observed[gone, rng.integers(core)] = False
        return replace(stay, observed=observed)

    return perturb


def spikes(rate: float) -> Perturbation:
    """Return a stay with a share of its measurements replaced by artefacts, SPIKE sd above or below the mean."""

    def perturb(stay: Stay, rng: np.random.Generator) -> Stay:
        hit = stay.observed & (rng.random(stay.observed.shape) < rate)
        side = np.where(rng.random(stay.observed.shape) < 0.5, -SPIKE, SPIKE)
        return replace(stay, values=np.where(hit, side, stay.values))

    return perturb


def jitter(hours: float, width: float = 0.0) -> Perturbation:
    """Return a stay in which every measurement is charted late, by up to `hours` hours.

    width: hours that a row sums up, anywhere within which a measurement was taken. A measurement moves to the row that
    is nearest to its wrong time; where two coincide, the later row's stays. None is charted early: its row would
    reveal the hour that is to be predicted.
    """

    def perturb(stay: Stay, rng: np.random.Generator) -> Stay:
        place = rng.uniform(-width / 2, width / 2, stay.observed.shape)
        late = rng.uniform(0.0, hours, stay.observed.shape)
        own = np.arange(len(stay.times))[:, None]
        target = np.maximum(_nearest(stay.times, stay.times[:, None] + place + late), own)
        values, observed = np.array(stay.values), np.zeros_like(stay.observed)
        for variable in range(stay.observed.shape[1]):
            rows = np.flatnonzero(stay.observed[:, variable])
            values[target[rows, variable], variable] = stay.values[rows, variable]
            observed[target[rows, variable], variable] = True
        return replace(stay, values=values, observed=observed)

    return perturb


def _nearest(times: Floats, wanted: Floats) -> np.ndarray:
    """Return the row whose time is nearest to each wanted time."""
    after = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(times) - 1)
    return np.where(wanted - times[before] <= times[after] - wanted, before, after)

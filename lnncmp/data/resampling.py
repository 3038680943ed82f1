"""Bootstrap samples of the groups of test windows (rollouts, waves, subjects), the same for every predictor.

Windows of one group are alike, so groups are drawn again, not windows (cluster bootstrap).
Legend of shapes: N windows, G groups, R bootstrap samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLES = 200
"""How many bootstrap samples are drawn where a case does not say otherwise."""


@dataclass(frozen=True)
class Resampling:
    """numbers (N,): the group of each window, counted from 0. weights (R, G): see `bootstrap_weights`."""

    numbers: NDArray[np.intp]
    weights: Floats

    def __repr__(self) -> str:
        """Shapes only: who is in a sample may be patient data."""
        return f"Resampling{self.weights.shape}"

    def means(self, sums: Floats, counts: NDArray[np.floating] | NDArray[np.integer]) -> Floats:
        """Return (R, ...): sums (N, ...) of windows over their counts (N, ...) in each sample, NaN where none counts.

        An infinite sum makes only those samples infinite that contain it.
        """
        groups = self.weights.shape[1]
        total, count = (np.zeros((groups, *part.shape[1:])) for part in (sums, counts))
        np.add.at(total, self.numbers, sums)
        np.add.at(count, self.numbers, counts)
        return divide(weighted(self.weights, total), weighted(self.weights, count))


def resampling_of(groups: NDArray[np.str_], seed: int, samples: int = SAMPLES) -> Resampling:
    """Return bootstrap samples of the groups of windows; groups (N,): their names."""
    numbers = group_numbers(groups)
    return Resampling(numbers, bootstrap_weights(int(numbers.max(initial=-1)) + 1, samples, seed))


def group_numbers(groups: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return for each window the number of its group, counted from 0 in order of appearance."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(str(group), len(known)) for group in groups], np.intp)


def bootstrap_weights(groups: int, samples: int, seed: int) -> Floats:
    """Return (R, G): how often each of `groups` groups is in each of `samples` bootstrap samples."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1.0 / groups), size=samples).astype(np.float64)


def weighted(weights: Floats, sums: Floats) -> Floats:
    """Return (R, ...): the sums (G, ...) of each sample; an infinite sum makes only those infinite that contain it."""
    finite = np.isfinite(sums)
    out = np.tensordot(weights, np.where(finite, sums, 0.0), axes=1)
    if not finite.all():
        out[np.tensordot(weights, (~finite).astype(np.float64), axes=1) > 0] = np.inf
    return np.asarray(out)


def divide(sums: Floats, count: Floats) -> Floats:
    """Return sums / count, NaN where the count is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, sums / count, np.nan)


def mean_known(values: Floats) -> Floats:
    """Return the mean over the last axis of what is not NaN, NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, np.where(known, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)

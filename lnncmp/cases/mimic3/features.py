"""What a model is given of a stay: values carried forward, whether they were measured, and how long ago.

Legend of shapes: T rows of one stay (hours, or charted times), V variables, of which the first C are the core.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.carried import carried

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

AGE_CAP = 24.0
"""Hours after which a measurement does not count as older; ages are given as shares of this."""


@dataclass(frozen=True)
class Stay:
    """One stay, in standard deviations: values (T, V), observed (T, V), times (T,) in hours, and its subject."""

    values: Floats
    observed: Bools
    times: Floats
    group: str

    def __repr__(self) -> str:
        """Shapes only: all else is patient data."""
        return f"Stay({self.values.shape})"


def features_of(values: Floats, observed: Bools, times: Floats, core: int) -> Floats:
    """Return the features (T, 3 V): core values, their masks, their ages, then the same of the other variables.

    A value is the latest one measured in this stay, in the unit of `values` (T, V), NaN before the first. An age is
    the hours since it was measured, at most AGE_CAP, and AGE_CAP before the first. Nothing comes from the future of a
    row.
    """
    held, ages = carried(values, observed, times, AGE_CAP)
    parts = [part[:, rows] for rows in (slice(core), slice(core, None)) for part in (held, observed, ages)]
    return np.concatenate(parts, axis=1, dtype=np.float64)


def inputs_of(stay: Stay, core: int) -> NDArray[np.float32]:
    """Return the inputs (T, 3 V) of a stay: its features, unknown values the training mean (0), ages over AGE_CAP."""
    features = features_of(stay.values, stay.observed, stay.times, core)
    scaled = features / scale_of(np.ones(stay.values.shape[1]), 1.0, AGE_CAP, core)
    return np.where(np.isnan(scaled), 0.0, scaled).astype(np.float32)


def scale_of(values: Floats, mask: float, age: float, core: int) -> Floats:
    """Return one number for each feature (3 V,): those of `values` (V,), and the same one for all masks and ages."""
    parts = (values, np.full(len(values), mask), np.full(len(values), age))
    return np.concatenate([part[rows] for rows in (slice(core), slice(core, None)) for part in parts])


def beside_predictions(
    last: NDArray[np.float32], core: int, steps: int, measured: NDArray[np.bool_] | bool = False
) -> NDArray[np.float32]:
    """Return the inputs (N, steps, F - C) next to core values that a model has predicted itself, one hour apart.

    last (N, F): the inputs of the last true row. Nothing is measured any more, so masks are 0 and ages grow;
    `measured` (C,): whose predictions count as measured, mask 1 and age 0.
    """
    others = (last.shape[1] - 3 * core) // 3
    held = np.repeat(last[:, None, core:], steps, axis=1)
    grown = np.arange(1, steps + 1, dtype=np.float32)[:, None] / np.float32(AGE_CAP)
    masks, ages = slice(0, core), slice(core, 2 * core)
    other_masks, other_ages = slice(2 * core + others, 2 * core + 2 * others), slice(2 * core + 2 * others, None)
    for mask in (masks, other_masks):
        held[..., mask] = 0.0
    for age in (ages, other_ages):
        held[..., age] = np.minimum(held[..., age] + grown, 1.0)
    held[..., masks] = measured
    held[..., ages] = np.where(measured, 0.0, held[..., ages])
    return held


def next_hour(stay: Stay, core: int, at: Floats, first: float = 0.0) -> tuple[Floats, Bools]:
    """Return the core's means (A, C) of what was measured in (at + first, at + first + 1 h], and where they exist."""
    start = np.searchsorted(stay.times, at + first + 1e-6, side="right")
    end = np.searchsorted(stay.times, at + first + 1.0 + 1e-6, side="right")
    observed = stay.observed[:, :core]
    sums = np.concatenate([np.zeros((1, core)), np.cumsum(np.where(observed, stay.values[:, :core], 0.0), axis=0)])
    counts = np.concatenate([np.zeros((1, core), np.intp), np.cumsum(observed, axis=0)])
    count = counts[end] - counts[start]
    return (sums[end] - sums[start]) / np.maximum(count, 1), count > 0

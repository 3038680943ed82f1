"""Bands of predictions of a model that predicts with a spread: quantiles over its samples, for records.

Legend of shapes: S samples, K kept steps, C kept targets.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines import Predictor
from lnncmp.records.band import Band
from lnncmp.records.spread_metrics import LEVEL


@runtime_checkable
class SampledPredictor(Protocol):
    """A predictor that may be the mean of several; baselines are not."""

    def samples(self) -> Sequence[Predictor]:
        """Return the predictors of which it is the mean, empty if it gives one answer."""


def band_of(predictor: object, predicted: Callable[[Predictor], NDArray[np.float64]]) -> Band | None:
    """Return the central 90% of what the samples of a predictor give, None for one without samples.

    predicted: what one sample gives, (K, C) in raw units; a free-running sample is fed its own predictions.
    """
    samples = predictor.samples() if isinstance(predictor, SampledPredictor) else ()
    if len(samples) < 2:
        return None
    every = np.stack([predicted(one) for one in samples])
    every[:, ~np.isfinite(every).all(axis=0)] = np.nan
    lower, upper = np.quantile(every, (0.5 - LEVEL / 2, 0.5 + LEVEL / 2), axis=0)
    return Band(level=LEVEL, samples=len(samples), lower=lower.tolist(), upper=upper.tolist())

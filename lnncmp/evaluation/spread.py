"""Scores of predictions with a spread: coverage of intervals, CRPS and log likelihood of a Gaussian.

The predictive variance is the epistemic one, over the passes of the model, plus the variance of noise. The latter is
one number for each target, chosen on validation data alone. Everything is in units of the training standard deviation
of the targets, so that targets can be averaged.

Legend of shapes: N windows, T steps, O targets.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from lnncmp.data.windows import Splits, Windows
from lnncmp.evaluation.metrics import mean_of_known, squared_error
from lnncmp.records.spread_metrics import COVERAGE, CRPS, LEVEL, NLL

Floats = NDArray[np.float64]

LEAST_VARIANCE = 1e-12
"""Lower bound of the variance of noise, for a model whose spread on validation data is larger than its errors."""


@runtime_checkable
class SpreadPredictor(Protocol):
    """A predictor that may tell how unsure it is; baselines do not."""

    def spread(self, windows: Windows) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return mean and standard deviation (N, T, O) in scaled units, None without a spread."""


@dataclass(frozen=True)
class Forecast:
    """Means, variances and truth (N, T, O) in units of the training standard deviation, and which cells count."""

    mean: Floats
    variance: Floats
    truth: Floats
    counted: NDArray[np.bool_]

    def over_targets(self, values: Floats) -> float:
        """Return the mean over targets of their means of `values` (N, T, O) over cells that count; NaN if none do."""
        axes = tuple(range(values.ndim - 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            return mean_of_known(np.where(self.counted, values, 0.0).sum(axis=axes) / self.counted.sum(axis=axes))


def coverage(mean: Floats, variance: Floats, truth: Floats, level: float = LEVEL) -> Floats:
    """Return 1 where the truth lies within the central interval of probability `level` of a Gaussian, else 0."""
    return np.asarray(np.abs(truth - mean) <= ndtri(0.5 + level / 2) * np.sqrt(variance), np.float64)


def crps(mean: Floats, variance: Floats, truth: Floats) -> Floats:
    """Return the continuous ranked probability score of Gaussians: s (z (2 F(z) - 1) + 2 p(z) - 1 / sqrt(pi)).

    z = (truth - mean) / s; F and p are the standard normal distribution and density (Gneiting and Raftery 2007). Unit:
    that of the truth; for s -> 0 it is the absolute error.
    """
    s = np.sqrt(variance)
    z = (truth - mean) / s
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return np.asarray(s * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi)))


def gaussian_nll(mean: Floats, variance: Floats, truth: Floats) -> Floats:
    """Return -log of the Gaussian density at the truth, in nats."""
    return np.asarray(0.5 * (np.log(2 * math.pi * variance) + (truth - mean) ** 2 / variance))


def noise_variance(validation: Forecast) -> Floats:
    """Return for each target (O,) the squared error on validation data minus the mean variance there, at least 1e-12.

    NaN for a target that validation data do not hold.
    """
    axes = tuple(range(validation.mean.ndim - 1))
    error = squared_error(validation.mean, validation.truth, validation.counted)
    with np.errstate(invalid="ignore"):
        epistemic = np.where(validation.counted, validation.variance, 0.0).sum(axis=axes)
        return np.asarray(np.maximum(error - epistemic / validation.counted.sum(axis=axes), LEAST_VARIANCE))


def spread_values(predictor: object, splits: Splits) -> dict[str, float]:
    """Return the scores of a predictor's spread on the test windows by name; empty for one without a spread.

    Left out where predictions are not finite, and for tasks of classes.
    """
    if splits.task.kind != "values" or not isinstance(predictor, SpreadPredictor):
        return {}
    validation, test = (_forecast(predictor, part, splits) for part in (splits.validation, splits.test))
    if validation is None or test is None:
        return {}
    given = test.mean, test.variance + noise_variance(validation), test.truth
    found = {COVERAGE: coverage(*given), CRPS: crps(*given), NLL: gaussian_nll(*given)}
    values = {name: test.over_targets(value) for name, value in found.items()}
    return values if all(map(math.isfinite, values.values())) else {}


def _forecast(predictor: SpreadPredictor, windows: Windows, splits: Splits) -> Forecast | None:
    """Return the predictions on windows with their spread; None if there is none, or one that is not finite."""
    found = predictor.spread(windows)
    if found is None:
        return None
    scaler, unit = splits.target_scaler, splits.target_std
    mean, std = scaler.unscale(found[0]) / unit, found[1] * scaler.std / unit
    counted = windows.target_mask & windows.valid[..., None]
    if not (np.isfinite(mean[counted]).all() and np.isfinite(std[counted]).all()):
        return None
    return Forecast(mean, std**2, scaler.unscale(windows.y) / unit, counted)

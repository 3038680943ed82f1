"""How predictions of a task are scored: one object with the same calls for every kind of task.

Legend of shapes: N windows, T steps, O targets or classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines import Predictor
from lnncmp.data.resampling import Resampling
from lnncmp.data.windows import Splits, Windows
from lnncmp.evaluation.classes import Classified, by_class, class_metrics, classified, resampled_metrics
from lnncmp.evaluation.metrics import mse, nmse, resampled_errors, squared_error

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predicted:
    """Predictions (N, T, O) with their truth, in raw units, and which cells count."""

    values: Floats
    truth: Floats
    counted: NDArray[np.bool_]


def one_step(predictor: Predictor, windows: Windows, splits: Splits) -> Predicted:
    """Return predictions and truth (N, T, O) in raw units, and which of them count."""
    unscale = splits.target_scaler.unscale
    counted = windows.target_mask & windows.valid[..., None]
    return Predicted(unscale(predictor.predict(windows)), unscale(windows.y), counted)


@dataclass(frozen=True)
class Judged:
    """Scores of predictions: by name, and by name and target (or class)."""

    metrics: Mapping[str, float]
    per_target: Mapping[str, Mapping[str, float]]


class Errors(Protocol):
    """How predictions of one task are scored."""

    @property
    def scaled(self) -> str:
        """The name of the error without a unit."""

    def judge(self, predicted: Predicted) -> Judged:
        """Return the scores of predictions; the main error of the task is among the metrics."""

    def resampled(self, predicted: Predicted, resampling: Resampling) -> dict[str, list[float]]:
        """Return scores over bootstrap samples of the groups of windows."""


@dataclass(frozen=True)
class ErrorsOfValues:
    """Squared errors, raw and over the variance of the training targets. names: of the targets."""

    names: Sequence[str]
    target_std: Floats
    scaled: str = "nmse"

    def judge(self, predicted: Predicted) -> Judged:
        """Return MSE and NMSE."""
        errors = squared_error(predicted.values, predicted.truth, predicted.counted)
        each = {"mse": errors, "nmse": errors / self.target_std**2}
        return Judged(
            {"mse": mse(errors), "nmse": nmse(errors, self.target_std)},
            {name: dict(zip(self.names, values.tolist(), strict=True)) for name, values in each.items()},
        )

    def resampled(self, predicted: Predicted, resampling: Resampling) -> dict[str, list[float]]:
        """Return MSE and NMSE over bootstrap samples."""
        return resampled_errors(predicted.values, predicted.truth, predicted.counted, self.target_std, resampling)


@dataclass(frozen=True)
class ErrorsOfClasses:
    """Metrics of predicted classes (`lnncmp.evaluation.classes`) over the steps that have a label. names: of them."""

    names: Sequence[str]
    scaled: str = "log_loss"

    def judge(self, predicted: Predicted) -> Judged:
        """Return all metrics that are defined, and recall, F1 and share of the labels of each class."""
        found = _classified(predicted)
        each = by_class(found)
        return Judged(
            class_metrics(found),
            {name: dict(zip(self.names, values.tolist(), strict=True)) for name, values in each.items()},
        )

    def resampled(self, predicted: Predicted, resampling: Resampling) -> dict[str, list[float]]:
        """Return all metrics over bootstrap samples, without samples on which one is not defined."""
        window, _ = np.nonzero(predicted.counted[..., 0])
        return resampled_metrics(_classified(predicted), resampling.numbers[window], resampling.weights)


def _classified(predicted: Predicted) -> Classified:
    labelled = predicted.counted[..., 0]
    return classified(predicted.values[labelled], predicted.truth[labelled].argmax(axis=-1))


def errors_of(splits: Splits, names: Sequence[str]) -> Errors:
    """Return how predictions of the task of `splits` are scored; names: of the targets, which may be classes."""
    if splits.task.kind == "classes":
        return ErrorsOfClasses(names)
    return ErrorsOfValues(names, splits.target_std)

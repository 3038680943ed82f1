"""Untrained baselines, included in every accuracy table: a model that cannot beat them has learned nothing."""

from lnncmp.baselines.choice import trivial_predictors, yardstick
from lnncmp.baselines.predictor import Predictor
from lnncmp.baselines.values import LinearAutoregression, Persistence, TrainMean, fit_autoregression

BASELINES_VERSION = 2
"""Increased whenever a baseline's numbers change or get more; part of the identity of stored scores."""

__all__ = [
    "BASELINES_VERSION",
    "LinearAutoregression",
    "Persistence",
    "Predictor",
    "TrainMean",
    "fit_autoregression",
    "trivial_predictors",
    "yardstick",
]

"""Which baselines stand in the table of a task."""

from lnncmp.baselines.classes import fit_frequencies, fit_logistic
from lnncmp.baselines.predictor import Predictor
from lnncmp.baselines.values import Persistence, fit_autoregression, train_mean
from lnncmp.data.windows import Splits

_ORDER = 4
"""Last inputs that a regression uses."""


def trivial_predictors(splits: Splits) -> dict[str, Predictor]:
    """Return the untrained baselines of a task by name.

    Values among the inputs: persistence, mean, AR(4) ridge; other values: mean, ridge regression on the last 4 inputs.
    Classes: the most frequent one, logistic regressions on the last input and on the last 4, weighted as the task is.
    """
    train, task = splits.train, splits.task
    if task.kind == "classes":
        regression = fit_logistic(train, _ORDER, task.weights)
        return {
            "majority": fit_frequencies(train),
            "logistic1": regression.shortened(1),
            "logistic4": regression,
        }
    ridge = fit_autoregression(train, _ORDER)
    if not task.in_inputs:
        return {"mean": train_mean(train), "ridge4": ridge}
    return {"persistence": Persistence(train.y.shape[2]), "mean": train_mean(train), "ar4_ridge": ridge}


def yardstick(splits: Splits) -> Predictor:
    """Return what errors on shifted test sets are measured against.

    Persistence where the targets are inputs; else what training says without any input: the mean, the most frequent
    class.
    """
    if splits.task.kind == "classes":
        return fit_frequencies(splits.train)
    if splits.task.in_inputs:
        return Persistence(splits.train.y.shape[2])
    return train_mean(splits.train)

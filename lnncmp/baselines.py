"""Trivial predictors that stand in every accuracy table: a model that cannot beat them has learned nothing.

Legend of shapes: N windows, T steps, F inputs, O targets (the first O inputs), K steps of a future.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.windows import Futures, Splits, Windows

Floats = NDArray[np.float32]

BASELINES_VERSION = 1
"""Raised whenever a predictor gives other numbers; part of the identity of stored scores."""


class Predictor(Protocol):
    """What evaluation sees of anything that predicts, in scaled units."""

    def predict(self, windows: Windows) -> Floats:
        """Return one-step predictions (N, T, O)."""

    def roll_out(self, futures: Futures) -> Floats:
        """Return free-running predictions (N, K, O): each is fed back as the next input."""


@dataclass(frozen=True)
class Persistence:
    """Predicts that nothing changes: the target equals the current input."""

    targets: int

    def predict(self, windows: Windows) -> Floats:
        """Return the first O inputs (N, T, O)."""
        current: Floats = windows.x[..., : self.targets]
        return current

    def roll_out(self, futures: Futures) -> Floats:
        """Return the last true input, K times."""
        context = futures.context
        last = context.x[np.arange(len(context)), _ends(context) - 1, : self.targets]
        return np.repeat(last[:, None], futures.future.shape[1], axis=1)


@dataclass(frozen=True)
class TrainMean:
    """Predicts the mean of the training targets."""

    mean: Floats

    def predict(self, windows: Windows) -> Floats:
        """Return the mean (N, T, O)."""
        return np.broadcast_to(self.mean, windows.y.shape).astype(np.float32)

    def roll_out(self, futures: Futures) -> Floats:
        """Return the mean (N, K, O)."""
        return np.broadcast_to(self.mean, futures.future.shape).astype(np.float32)


@dataclass(frozen=True)
class LinearAutoregression:
    """Ridge regressions of the target on the last inputs and a constant; elapsed times are not used.

    weights[n - 1], of shape (n * F + 1, O), is the regression on n inputs, the newest first. Where a window has given
    fewer inputs than the order, the regression on as many as there are is used.
    """

    weights: tuple[NDArray[np.float64], ...] = field(repr=False)

    @property
    def order(self) -> int:
        """Return the greatest number of inputs that a prediction uses."""
        return len(self.weights)

    def predict(self, windows: Windows) -> Floats:
        """Return one-step predictions (N, T, O)."""
        out: Floats = np.empty(windows.y.shape, np.float32)
        for t in range(windows.x.shape[1]):
            out[:, t] = self._next(windows.x[:, max(t + 1 - self.order, 0) : t + 1])
        return out

    def roll_out(self, futures: Futures) -> Floats:
        """Return free-running predictions (N, K, O)."""
        context = futures.context
        out: Floats = np.empty(futures.future.shape, np.float32)
        ends = _ends(context)
        for end in np.unique(ends):
            rows = ends == end
            out[rows] = self._roll_out(context.x[rows, max(end - self.order, 0) : end], out.shape[1])
        return out

    def _roll_out(self, recent: Floats, steps: int) -> Floats:
        """Return (N, steps, O) after the inputs `recent` (N, n, F)."""
        targets = self.weights[0].shape[1]
        out: Floats = np.empty((len(recent), steps, targets), np.float32)
        for k in range(steps):
            out[:, k] = self._next(recent)
            following = recent[:, -1:].copy()
            following[:, 0, :targets] = out[:, k]
            recent = np.concatenate([recent, following], axis=1)[:, -self.order :]
        return out

    def _next(self, recent: Floats) -> NDArray[np.float64]:
        """Return the predictions (N, O) that follow the inputs `recent` (N, n, F), n <= order."""
        weights = self.weights[recent.shape[1] - 1]
        newest_first = recent[:, ::-1].reshape(len(recent), -1).astype(np.float64)
        return np.asarray(newest_first @ weights[:-1] + weights[-1])


def _ends(context: Windows) -> NDArray[np.intp]:
    """Return the number of real steps of each window (N,), at least 1."""
    ends: NDArray[np.intp] = np.maximum(context.step.sum(axis=1), 1)
    return ends


def fit_autoregression(train: Windows, order: int, penalty: float = 1.0) -> LinearAutoregression:
    """Return the AR(`order`) ridge fitted on the real, seen steps of the training windows.

    penalty is the ridge's, in squared units of the inputs, and not on the constant. The order is at most the number
    of inputs that stand before the last target of any window.
    """
    known = np.flatnonzero(_fitted_steps(train).any(axis=0))
    lengths = range(1, min(order, int(known.max(initial=0)) + 1) + 1)
    return LinearAutoregression(tuple(_ridge(train, inputs, penalty) for inputs in lengths))


def _fitted_steps(train: Windows) -> NDArray[np.bool_]:
    """Return (N, T): the real steps whose targets were all seen."""
    real: NDArray[np.bool_] = train.step & train.y_seen.all(axis=-1)
    return real


def _ridge(train: Windows, inputs: int, penalty: float) -> NDArray[np.float64]:
    """Return the weights (inputs * F + 1, O) of the regression on `inputs` inputs, over all steps that have so many."""
    steps = train.x.shape[1] - inputs + 1
    newest_first = [train.x[:, inputs - 1 - age : inputs - 1 - age + steps] for age in range(inputs)]
    real = _fitted_steps(train)[:, inputs - 1 :]
    design = np.concatenate(newest_first, axis=2, dtype=np.float64)[real]
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    gram = design.T @ design + penalty * np.diag([1.0] * (design.shape[1] - 1) + [0.0])
    return np.asarray(np.linalg.solve(gram, design.T @ train.y[:, inputs - 1 :][real]))


def trivial_predictors(splits: Splits) -> dict[str, Predictor]:
    """Return the predictors of the table by name: persistence, mean, AR(4) ridge."""
    train = splits.train
    mean = train.y.mean(axis=(0, 1), where=train.y_seen & train.step[..., None], dtype=np.float64)
    return {
        "persistence": Persistence(train.y.shape[2]),
        "mean": TrainMean(mean.astype(np.float32)),
        "ar4_ridge": fit_autoregression(train, 4),
    }

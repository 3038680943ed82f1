"""Trivial predictors that stand in every accuracy table: a model that cannot beat them has learned nothing.

Legend of shapes: N windows, T steps, F inputs, O targets (the first O inputs), K steps of a future.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.windows import Futures, Splits, Windows

Floats = NDArray[np.float32]


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
        last: Floats = np.repeat(futures.context.x[:, -1:, : self.targets], futures.future.shape[1], axis=1)
        return last


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
    """A ridge regression of the target on the last `order` inputs and a constant; elapsed times are not used.

    Before a window has `order` inputs, its first one stands in for the missing ones.
    Weights have shape (order * F + 1, O); penalty is the ridge's, on scaled inputs, not on the constant.
    """

    order: int
    weights: NDArray[np.float64] = field(repr=False)

    def predict(self, windows: Windows) -> Floats:
        """Return one-step predictions (N, T, O)."""
        return (_lags(windows.x, self.order) @ self.weights[:-1] + self.weights[-1]).astype(np.float32)

    def roll_out(self, futures: Futures) -> Floats:
        """Return free-running predictions (N, K, O)."""
        targets = self.weights.shape[1]
        recent = futures.context.x[:, -self.order :]
        recent = np.concatenate([np.repeat(recent[:, :1], self.order - recent.shape[1], axis=1), recent], axis=1)
        out: Floats = np.empty(futures.future.shape, np.float32)
        for k in range(futures.dt.shape[1]):
            newest_first = recent[:, ::-1].reshape(len(recent), -1)
            out[:, k] = newest_first @ self.weights[:-1] + self.weights[-1]
            following = recent[:, -1:].copy()
            following[:, 0, :targets] = out[:, k]
            recent = np.concatenate([recent[:, 1:], following], axis=1)
        return out


def _lags(x: Floats, order: int) -> NDArray[np.float64]:
    """Return (N, T, order * F): the current input first, then older ones."""
    shifted = [x]
    for _ in range(order - 1):
        shifted.append(np.concatenate([shifted[-1][:, :1], shifted[-1][:, :-1]], axis=1))
    return np.concatenate(shifted, axis=2).astype(np.float64)


def fit_autoregression(train: Windows, order: int, penalty: float = 1.0) -> LinearAutoregression:
    """Return the AR(`order`) ridge fitted on the real, seen steps of the training windows."""
    real = train.step & train.y_seen.all(axis=-1)
    design = _lags(train.x, order)[real]
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    gram = design.T @ design + penalty * np.diag([1.0] * (design.shape[1] - 1) + [0.0])
    return LinearAutoregression(order, np.linalg.solve(gram, design.T @ train.y[real]).astype(np.float64))


def trivial_predictors(splits: Splits) -> dict[str, Predictor]:
    """Return the predictors of the table by name: persistence, mean, AR(4) ridge."""
    train = splits.train
    mean = train.y.mean(axis=(0, 1), where=train.y_seen & train.step[..., None])
    return {
        "persistence": Persistence(train.y.shape[2]),
        "mean": TrainMean(mean.astype(np.float32)),
        "ar4_ridge": fit_autoregression(train, 4),
    }

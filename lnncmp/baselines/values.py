"""Untrained baselines of values: persistence, the mean, ridge regressions on the last inputs.

Legend of shapes: N windows, T steps, F inputs, O targets, K steps of a future. The baselines that predict a next value
from the one before take the first O inputs for the targets.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines.last_inputs import last_inputs, lengths
from lnncmp.baselines.predictor import Floats
from lnncmp.data.windows import Futures, Windows


@dataclass(frozen=True)
class Persistence:
    """Persistence: repeats the last value, so the prediction equals the current input."""

    targets: int

    def predict(self, windows: Windows) -> Floats:
        """Return the first O inputs (N, T, O)."""
        current: Floats = windows.x[..., : self.targets]
        return current

    def roll_out(self, futures: Futures) -> Floats:
        """Return the last true input, repeated K times."""
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

    weights[n - 1], of shape (n * C + 1, O), is the regression on the n last inputs, newest first. At the start of a
    window, where fewer inputs than the order are available, the regression on the available ones is used. columns: the
    number C of input columns that are used; None = all.
    """

    weights: tuple[NDArray[np.float64], ...] = field(repr=False)
    columns: int | None = None

    @property
    def order(self) -> int:
        """Return the largest number of past inputs that a prediction uses."""
        return len(self.weights)

    def predict(self, windows: Windows) -> Floats:
        """Return one-step predictions (N, T, O)."""
        out: Floats = np.empty(windows.y.shape, np.float32)
        for t in range(windows.x.shape[1]):
            out[:, t] = self._next(windows.x[:, max(t + 1 - self.order, 0) : t + 1, : self.columns])
        return out

    def roll_out(self, futures: Futures) -> Floats:
        """Return free-running predictions (N, K, O)."""
        context = futures.context
        out: Floats = np.empty(futures.future.shape, np.float32)
        ends = _ends(context)
        for end in np.unique(ends):
            rows = ends == end
            out[rows] = self._roll_out(context.x[rows, max(end - self.order, 0) : end], futures, rows)
        return out

    def _roll_out(self, recent: Floats, futures: Futures, rows: NDArray[np.bool_]) -> Floats:
        """Return (n, K, O) after the inputs `recent` (n, order, F) of the futures `rows`."""
        out: Floats = np.empty(futures.future[rows].shape, np.float32)
        others = None if futures.others is None else futures.others[rows]
        targets = out.shape[2]
        for k in range(out.shape[1]):
            out[:, k] = self._next(recent[..., : self.columns])
            covariates = recent[:, -1, targets:] if others is None else others[:, k]
            following = np.concatenate([out[:, k], covariates], axis=1)[:, None]
            recent = np.concatenate([recent, following], axis=1)[:, -self.order :]
        return out

    def _next(self, recent: Floats) -> NDArray[np.float64]:
        """Return the predictions (N, O) that follow the inputs `recent` (N, n, F), n <= order."""
        weights = self.weights[recent.shape[1] - 1]
        newest_first = recent[:, ::-1].reshape(len(recent), -1).astype(np.float64)
        return np.asarray(newest_first @ weights[:-1] + weights[-1])


def _ends(context: Windows) -> NDArray[np.intp]:
    """Return the number of valid steps of each window (N,), at least 1."""
    ends: NDArray[np.intp] = np.maximum(context.valid.sum(axis=1), 1)
    return ends


def fit_autoregression(
    train: Windows, order: int, penalty: float = 1.0, columns: int | None = None
) -> LinearAutoregression:
    """Return the AR(`order`) ridge fitted on the valid steps of the training windows, for each target where observed.

    penalty: of the ridge, in squared units of the inputs; the constant is not penalised. columns: number of input
    columns that are used. The order is limited to the number of inputs up to the last observed target of any window.
    """
    found = [_ridge(train, inputs, penalty, columns) for inputs in lengths(train, order)]
    return LinearAutoregression(tuple(found), columns)


def _ridge(train: Windows, inputs: int, penalty: float, columns: int | None) -> NDArray[np.float64]:
    """Return the weights (inputs * C + 1, O) of the regression on `inputs` past inputs, from steps that have them."""
    design = last_inputs(train.x, inputs, columns)
    observed = (train.target_mask & train.valid[..., None])[:, inputs - 1 :]
    targets = train.y[:, inputs - 1 :]
    if (observed == observed[..., :1]).all():
        return _solve(design[observed[..., 0]], targets[observed[..., 0]], penalty)
    each = [_solve(design[at], targets[..., o][at], penalty) for o, at in enumerate(np.moveaxis(observed, 2, 0))]
    return np.stack(each, axis=1)


def _solve(rows: NDArray[np.float64], targets: Floats, penalty: float) -> NDArray[np.float64]:
    """Return the ridge weights (P,) or (P, O) of targets (R,) or (R, O) on rows (R, P); the last is the constant."""
    if not len(rows):  # a target that is never observed: its mean in scaled units
        return np.zeros((rows.shape[1], *targets.shape[1:]))
    gram = rows.T @ rows + penalty * np.diag([1.0] * (rows.shape[1] - 1) + [0.0])
    return np.asarray(np.linalg.solve(gram, rows.T @ targets))


def train_mean(train: Windows) -> TrainMean:
    """Return the mean of the training targets that count."""
    counted = train.target_mask & train.valid[..., None]
    # Of a target that is never observed nothing counts; 0 is its mean in scaled units.
    count = np.maximum(counted.sum(axis=(0, 1)), 1)
    return TrainMean((train.y.sum(axis=(0, 1), where=counted, dtype=np.float64) / count).astype(np.float32))

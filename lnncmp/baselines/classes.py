"""Untrained baselines of classes: how frequent they are, and logistic regressions on the last inputs.

They predict log-probabilities, which are logits that already sum to one. Networks of classes feed nothing back, and so
do these: they do not roll out.
Legend of shapes: N windows, T steps, F inputs, K classes, R rows of a regression, P columns of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.baselines.last_inputs import last_inputs, lengths
from lnncmp.baselines.predictor import Floats
from lnncmp.data.windows import Futures, Windows

MOST_CELLS = 2**24
"""Largest number of cells of a regression's table; of more rows, evenly spaced ones are taken."""
_STEPS = 500
"""Most iterations of the optimiser."""


class _NoFutures:
    def roll_out(self, futures: Futures) -> Floats:
        """Raise: a class is no input, so that there is nothing to feed back."""
        raise NotImplementedError("classes are not fed back as inputs")


@dataclass(frozen=True)
class ClassFrequencies(_NoFutures):
    """Predicts the class frequencies of training, as log_p (K,), at every step: always the most frequent class."""

    log_p: Floats

    def predict(self, windows: Windows) -> Floats:
        """Return the log-probabilities (N, T, K)."""
        return np.broadcast_to(self.log_p, windows.y.shape).astype(np.float32)


@dataclass(frozen=True)
class LogisticRegression(_NoFutures):
    """Multinomial logistic regressions of the class on the last inputs and a constant; elapsed times are not used.

    weights[n - 1], of shape (n * F + 1, K), is the regression on the n last inputs, newest first. At the start of a
    window, where fewer inputs than the order are available, the regression on the available ones is used.
    """

    weights: tuple[NDArray[np.float64], ...] = field(repr=False)

    def predict(self, windows: Windows) -> Floats:
        """Return the log-probabilities (N, T, K)."""
        out: Floats = np.empty(windows.y.shape, np.float32)
        steps = windows.x.shape[1]
        for inputs, weights in enumerate(self.weights, 1):
            last = steps if inputs == len(self.weights) else inputs
            out[:, inputs - 1 : last] = _log_softmax(last_inputs(windows.x[:, :last], inputs) @ weights)
        return out

    def shortened(self, order: int) -> "LogisticRegression":
        """Return the regressions on at most `order` last inputs."""
        return LogisticRegression(self.weights[:order])


def fit_frequencies(train: Windows) -> ClassFrequencies:
    """Return the frequencies of the classes in training; one is added to each count, so that no class is impossible."""
    counts = train.y.sum(axis=(0, 1), where=_counted(train)[..., None], dtype=np.float64) + 1
    return ClassFrequencies(np.log(counts / counts.sum()).astype(np.float32))


def fit_logistic(
    train: Windows, order: int, class_weights: Sequence[float] = (), penalty: float = 1.0
) -> LogisticRegression:
    """Return the logistic regressions on up to `order` last inputs, fitted on the training steps that have a class.

    class_weights (K,): how much a step of each class counts, () = once. penalty: half of it times the sum of squares of
    the weights, but not of the constants, is added to the summed loss. Fitted by L-BFGS from zero, always alike.
    """
    found: list[NDArray[np.float64]] = []
    for inputs in lengths(train, order):
        rows, labels = _rows(train, inputs)
        start = np.zeros((rows.shape[1], train.y.shape[2]))
        if found:  # as without the oldest input
            start[: len(found[-1]) - 1], start[-1] = found[-1][:-1], found[-1][-1]
        weights = np.asarray(class_weights, np.float64)[labels] if class_weights else np.ones(len(labels))
        found.append(_fit(rows, labels, weights, penalty, start))
    return LogisticRegression(tuple(found))


def _rows(train: Windows, inputs: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the last inputs (R, P) and classes (R,) of the training steps that have both."""
    window, step = np.nonzero(_counted(train)[:, inputs - 1 :])
    most = max(1, MOST_CELLS // (inputs * train.x.shape[2] + 1))
    if len(window) > most:
        kept = np.linspace(0, len(window) - 1, most).astype(np.intp)
        window, step = window[kept], step[kept]
    recent = train.x[window[:, None], step[:, None] + np.arange(inputs)]
    return last_inputs(recent, inputs)[:, 0], train.y[window, step + inputs - 1].argmax(axis=-1)


def _fit(
    rows: NDArray[np.float64],
    labels: NDArray[np.intp],
    weights: NDArray[np.float64],
    penalty: float,
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weights (P, K) of the regression on rows (R, P), the last of which is the constant."""
    from scipy import optimize

    wanted = np.eye(start.shape[1])[labels] * weights[:, None]
    total = max(float(weights.sum()), 1.0)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        at = flat.reshape(start.shape)
        log_p = _log_softmax(rows @ at)
        gradient = rows.T @ (np.exp(log_p) * weights[:, None] - wanted)
        gradient[:-1] += penalty * at[:-1]
        value = 0.5 * penalty * float((at[:-1] ** 2).sum()) - float((wanted * log_p).sum())
        return value / total, gradient.ravel() / total

    found = optimize.minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return np.asarray(found.x).reshape(start.shape)


def _counted(windows: Windows) -> NDArray[np.bool_]:
    """Return which steps have a class that counts (N, T)."""
    return np.asarray(windows.valid & windows.target_mask[..., 0])


def _log_softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    from scipy.special import log_softmax

    return np.asarray(log_softmax(logits, axis=-1))

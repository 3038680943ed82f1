"""AR(2) fitted online to the same wave that it predicts: exact on clean, regularly sampled damped sines.

y(t) = A exp(-g t) sin(w t + phi), sampled at t = 0, 1, 2, ..., satisfies y_k = a1 y_(k-1) + a2 y_(k-2) with
a1 = 2 exp(-g) cos(w), a2 = -exp(-2 g), whatever A and phi are (Prony's method, G. R. de Prony, 1795; S. L. Marple,
"Digital Spectral Analysis", 1987, chapter 11). Four clean samples give two equations, and so the wave.

Elapsed times are not used, by definition: at irregular times the equation does not hold, and this predictor is
misspecified. With noise in the samples least squares is biased as well, because the regressors are noisy themselves.

Legend of shapes: N windows, T steps, K steps of a future.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.scaling import Scaler
from lnncmp.data.windows import Futures, Windows

Floats = NDArray[np.float64]

SINGULAR = 1e-12
"""Regressors count as parallel if the sine of the angle between them is not above this."""

LARGEST = 1e30
"""Raw predictions are held between -LARGEST and LARGEST, so that an unstable recursion never ends in inf - inf."""


@dataclass(frozen=True)
class OnlineAutoregression:
    """AR(2) without a constant, by least squares on the inputs 0..t of the same window, in raw units.

    Where fewer than two equations are known (t < 3), or where they do not determine the two coefficients, it predicts
    persistence. Windows have one input and one target, and all inputs count as observed. Predictions of padded steps
    are 0. Nothing is learned from training data.
    """

    scaler: Scaler = field(repr=False)

    def predict(self, windows: Windows) -> NDArray[np.float32]:
        """Return one-step predictions (N, T, 1) in scaled units."""
        y = _raw(windows, self.scaler)
        a1, a2 = ar2_coefficients(y)
        before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
        scaled = self._scaled(a1 * y + a2 * before)
        scaled[~windows.valid] = 0
        return scaled

    def roll_out(self, futures: Futures) -> NDArray[np.float32]:
        """Return free-running predictions (N, K, 1) in scaled units, with the coefficients that the context gave.

        The roots of a fitted AR(2) may lie outside the unit circle; then predictions grow without bound.
        """
        context = futures.context
        y = _raw(context, self.scaler)
        rows, last = np.arange(len(y)), np.maximum(context.valid.sum(axis=1) - 1, 0)
        a1, a2 = (part[rows, last] for part in ar2_coefficients(y))
        current, previous = y[rows, last], y[rows, np.maximum(last - 1, 0)]
        out: Floats = np.empty(futures.dt.shape)
        for k in range(out.shape[1]):
            out[:, k] = np.clip(a1 * current + a2 * previous, -LARGEST, LARGEST)
            current, previous = out[:, k], current
        return self._scaled(out)

    def _scaled(self, raw: Floats) -> NDArray[np.float32]:
        """Return raw values (N, K) as scaled ones (N, K, 1); what float32 cannot hold becomes infinite."""
        with np.errstate(over="ignore"):
            return self.scaler.scale(np.clip(raw, -LARGEST, LARGEST)[..., None])


def ar2_coefficients(y: Floats) -> tuple[Floats, Floats]:
    """Return a1, a2, each (N, T): at step t the least-squares fit of y_k = a1 y_(k-1) + a2 y_(k-2) over k = 2..t.

    y (N, T). Where the fit is not determined, a1, a2 = 1, 0, which is persistence.

    Each new equation enters a triangular system by Givens rotations (Golub and Van Loan, "Matrix Computations",
    section 5.1.8). Normal equations would square the condition number, which is large for slow waves: about 4 / w**2
    for w radians per step, when there are two equations.
    """
    a1, a2 = np.ones_like(y), np.zeros_like(y)
    r11, r12, r22, z1, z2 = np.zeros((5, len(y)))
    for k in range(2, y.shape[1]):
        after, before, rest = y[:, k - 1], y[:, k - 2], y[:, k]
        r11, cosine, sine = _rotation(r11, after)
        r12, before = cosine * r12 + sine * before, cosine * before - sine * r12
        z1, rest = cosine * z1 + sine * rest, cosine * rest - sine * z1
        r22, cosine, sine = _rotation(r22, before)
        z2 = cosine * z2 + sine * rest
        known = (r11 > 0) & (r22 > SINGULAR * np.hypot(r12, r22))  # never after one equation: r22 is 0 then
        a2[:, k] = np.divide(z2, r22, out=np.zeros_like(z2), where=known)
        a1[:, k] = np.divide(z1 - r12 * a2[:, k], r11, out=np.ones_like(z1), where=known)
    return a1, a2


def _rotation(kept: Floats, new: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the length of (kept, new), and cosine and sine of the rotation that brings `new` to 0, each (N,)."""
    length = np.hypot(kept, new)
    turns = length > 0
    cosine = np.divide(kept, length, out=np.ones_like(length), where=turns)
    return length, cosine, np.divide(new, length, out=np.zeros_like(length), where=turns)


def _raw(windows: Windows, scaler: Scaler) -> Floats:
    """Return the first input (N, T) in raw units."""
    return scaler.unscale(windows.x[..., :1])[..., 0]

"""Least-squares fits of a damped sine to predictions: their amplitude, delay and damping, against the exact wave.

The basis follows the true wave: E(t) sin(w t + phi) and E(t) cos(w t + phi) with an envelope E. It spans the same
space as exp(-g t) cos(w t) and exp(-g t) sin(w t), and the wave itself has the coefficients (1, 0).

Legend of shapes: N waves, T times. Times in steps. A wave is resolved if its scored times separate the two basis
functions; the others are left out of every result. That depends on no prediction.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.sine.waves import Floats, Waves

Flags = NDArray[np.bool_]

MOST_DAMPING_ERROR = 1.0
"""Largest damping error, per step: that of a prediction that is no wave at all."""

_ITERATIONS = 8
_LEAST_DISTANCE = 0.05
"""Least distance of the halves' mid times, as a share of the scored time: without a wave it may come out as any."""
_SINGULAR = 1e-10
"""Least ratio of the determinant of the normal equations to their squared trace (condition about 1e5)."""


def amplitude_and_lag(waves: Waves, times: Floats, predicted: Floats, scored: Flags) -> tuple[Floats, Floats]:
    """Return A'/A and the delay in steps, one for each resolved wave; arguments (N, T), finite where not scored too.

    A' and the phase are those of the least-squares fit at the true damping and frequency. The delay is the true phase
    minus the fitted one, in (-pi, pi], over w; a prediction without any part of the wave is half a period late.
    """
    start = _first(times, scored)
    sine, cosine = _basis(waves, times, scored, -waves.damping[:, None] * (times - start))
    kept = _resolved(sine, cosine)
    a, b = _solve(sine[kept], cosine[kept], predicted[kept] / waves.envelope(start)[kept])
    size, late = np.hypot(a, b), np.arctan2(-b, a)
    late = np.where((late <= -np.pi) | (size == 0), np.pi, late)
    return size, np.asarray(late / waves.frequency[kept])


def damping_errors(waves: Waves, times: Floats, predicted: Floats, scored: Flags) -> Floats:
    """Return |g' - g| in 1/step, one for each wave resolved in both halves; at most MOST_DAMPING_ERROR.

    g' is the damping at which the amplitudes A1, A2 that fit the first and the second half (by time) of the scored
    targets are equal. It is the limit of g' <- g' + ln(A1 / A2) / (t2 - t1), from g. The mid times t1, t2 are those
    of `_log_amplitude`, which make it a Newton iteration for a pure damped wave: its error is squared by each step.
    """
    first, last = _first(times, scored), np.where(scored, times, -np.inf).max(axis=1, keepdims=True)
    early = times < (first + last) / 2
    halves = [scored & early, scored & ~early]
    decay = -waves.damping[:, None] * (times - first)
    both = [_resolved(*_basis(waves, times, half, decay)) for half in halves]
    kept = np.flatnonzero(both[0] & both[1])
    waves, elapsed, times, predicted = waves.take(kept), (times - first)[kept], times[kept], predicted[kept]
    found, shortest = waves.damping, _LEAST_DISTANCE * (last - first)[kept, 0]
    for _ in range(_ITERATIONS):
        (log1, t1), (log2, t2) = (_log_amplitude(waves, times, elapsed, predicted, h[kept], found) for h in halves)
        step = (log1 - log2) / np.maximum(t2 - t1, shortest)
        found = np.clip(found + step, waves.damping - MOST_DAMPING_ERROR, waves.damping + MOST_DAMPING_ERROR)
    error = np.abs(found - waves.damping)
    return np.where(np.isnan(error), MOST_DAMPING_ERROR, error)


def _log_amplitude(
    waves: Waves, times: Floats, elapsed: Floats, predicted: Floats, scored: Flags, damping: Floats
) -> tuple[Floats, Floats]:
    """Return ln of the amplitude fitted at `damping` (N,), and the mid time of `elapsed` (N, T) for it, (N,) each.

    The amplitude is the one at elapsed time 0. With the fitted wave q, the mid time is the coefficient of q in the
    fit of t q: the derivative of ln A by the damping if the prediction is q.
    """
    exponent = np.where(scored, -damping[:, None] * elapsed, -np.inf)
    largest = exponent.max(axis=1, keepdims=True)
    sine, cosine = _basis(waves, times, scored, exponent - largest)
    a, b = _solve(sine, cosine, predicted)
    fitted = a[:, None] * sine + b[:, None] * cosine
    ta, tb = _solve(sine, cosine, elapsed * fitted)
    size = np.hypot(a, b)
    middle = (ta * (a / size) + tb * (b / size)) / size
    return np.log(size) - largest[:, 0], middle


def _first(times: Floats, scored: Flags) -> Floats:
    """Return the first scored time of each wave (N, 1), 0 if it has none."""
    first = np.where(scored, times, np.inf).min(axis=1, keepdims=True)
    return np.where(np.isfinite(first), first, 0.0)


def _basis(waves: Waves, times: Floats, scored: Flags, exponent: Floats) -> tuple[Floats, Floats]:
    """Return exp(exponent) times sine and cosine of the waves' angles, (N, T) each, 0 where not scored."""
    envelope = np.where(scored, np.exp(np.where(scored, exponent, 0.0)), 0.0)
    angle = waves.angle(times)
    return envelope * np.sin(angle), envelope * np.cos(angle)


def _resolved(sine: Floats, cosine: Floats) -> Flags:
    """Return which rows (N,) of the basis functions (N, T) are far enough from linearly dependent."""
    own, other, both = (sine**2).sum(axis=1), (cosine**2).sum(axis=1), (sine * cosine).sum(axis=1)
    return np.asarray(own * other - both**2 > _SINGULAR * (own + other) ** 2)


def _solve(sine: Floats, cosine: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients (N,), (N,) of the least-squares fit of `values` (N, T), by Gram-Schmidt."""
    own = (sine**2).sum(axis=1)
    share = (sine * cosine).sum(axis=1) / own
    rest = cosine - share[:, None] * sine
    b = (rest * values).sum(axis=1) / (rest**2).sum(axis=1)
    a = (sine * values).sum(axis=1) / own - share * b
    return np.asarray(a), np.asarray(b)

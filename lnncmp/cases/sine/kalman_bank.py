"""A bank of Kalman filters for damped sines: close to the best that any predictor can do from noisy samples.

For a known damping g and frequency w, y(t) = A exp(-g t) sin(w t + phi) = exp(-g t) (a cos w t + b sin w t) is linear
in (a, b). A Kalman filter with a constant state (R. E. Kalman, 1960), which is recursive Bayesian regression, is
then exact at any times of sampling. One filter runs for each (g, w) of a grid over the training ranges; the likelihoods
of their innovations give the posterior of the grid, and the prediction is the mean under the whole posterior: the bank
of D. T. Magill, "Optimal adaptive estimation of sampled stochastic processes", IEEE Trans. Automatic Control, 1965.

It is near-optimal, not optimal: a and b are given independent normal priors with the right variance, where in truth
(a, b) lies on a ring; g and w take the values of a grid only; noise is taken as white and normal.
It is a reference predictor and not a competitor: it knows the family, the ranges, and the standard deviation of each
wave's noise, which no model is given. Outside the training ranges its prior is wrong, and it may lose to anything.

Legend of shapes: N windows, T steps, K steps of a future, n windows of a chunk, G grid points. Values are in raw
units, times in steps.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.common.cores import available_cores
from lnncmp.data.scaling import Scaler
from lnncmp.data.windows import Futures, Windows
from lnncmp.errors import DataError
from lnncmp.sources.sine.waves import Range, Ranges

Floats = NDArray[np.float64]
NoiseStd = Callable[[NDArray[np.str_]], Floats]

CELLS = 2**14
"""Windows times grid points that are worked on at once; bounds memory, and keeps the arrays in a CPU's cache."""


@dataclass(frozen=True)
class KalmanBank:
    """Posterior mean of a damped sine whose parameters are drawn from `ranges`, one step after each noisy input.

    noise_std_of: maps the groups (N,) of windows to the standard deviations (N,) of their noise, raw units, at least 0.
    grid: how many frequencies and dampings; they are the midpoints of equal cells of the ranges.
    floor: standard deviation, relative to the root mean square of A, that is added (in squares) to the noise. It
    allows for waves that lie between grid points; without it a bank that reads clean inputs is too sure of one point.
    The defaults suit about 50 steps and frequencies of a tenth to a half radian a step: with noise of a tenth of A or
    more, a finer grid or another floor changes nothing that counts. Where inputs are almost clean the grid limits the
    bank, to a mean square error of about 6e-5 A**2, and a trained model may beat it; if sampling is regular as well,
    OnlineAutoregression is exact there.

    Windows have one input and one target. Unobserved inputs and padded steps are not filtered; predictions of
    padded steps are 0. Time counts from a window's first input, so its dt is ignored.
    Raises DataError if the grid is empty, the floor is not above 0, or noise_std_of gives no standard deviations.
    """

    scaler: Scaler = field(repr=False)
    ranges: Ranges
    noise_std_of: NoiseStd = field(repr=False)
    grid: tuple[int, int] = (64, 16)
    floor: float = 0.02

    def __post_init__(self) -> None:
        if min(self.grid) < 1 or not self.floor > 0:
            raise DataError(
                f"Kalman bank: expected a grid of at least (1, 1) and a floor above 0, got {self.grid}, {self.floor}"
            )

    def predict(self, windows: Windows) -> NDArray[np.float32]:
        """Return one-step predictions (N, T, 1) in scaled units."""
        out: Floats = np.zeros(windows.dt.shape)

        def fill(rows: slice, tracker: _Tracker) -> None:
            for t in range(out.shape[1]):
                tracker.observe(t)
                out[rows, t] = tracker.expect(tracker.time[:, t] + 1)

        self._in_chunks(windows, fill)
        scaled = self.scaler.scale(out[..., None])
        scaled[~windows.valid] = 0
        return scaled

    def roll_out(self, futures: Futures) -> NDArray[np.float32]:
        """Return predictions (N, K, 1) in scaled units, straight from the posterior after the context's last step."""
        out: Floats = np.zeros(futures.dt.shape)
        ahead = np.cumsum(futures.dt, axis=1, dtype=np.float64)

        def fill(rows: slice, tracker: _Tracker) -> None:
            for t in range(tracker.time.shape[1]):
                tracker.observe(t)
            for k in range(out.shape[1]):
                out[rows, k] = tracker.expect(tracker.time[:, -1] + ahead[rows, k])

        self._in_chunks(futures.context, fill)
        return self.scaler.scale(out[..., None])

    def _in_chunks(self, windows: Windows, work: Callable[[slice, "_Tracker"], None]) -> None:
        """Do some work on rows of the windows, with a tracker that has not yet read any of their inputs.

        Threads share the chunks: large arrays are computed without the interpreter lock.
        """
        y = self.scaler.unscale(windows.x[..., :1])[..., 0]
        real_dt = np.where(windows.valid, windows.dt, 0).astype(np.float64)
        real_dt[:, :1] = 0
        time = np.cumsum(real_dt, axis=1)
        used = windows.valid & windows.observed.all(axis=-1)
        mean_square = _mean_square(self.ranges.amplitude)
        variance = self._noise_variance(windows) + self.floor**2 * mean_square
        frequency, damping = (
            _midpoints(limits, count)
            for limits, count in zip((self.ranges.frequency, self.ranges.damping), self.grid, strict=True)
        )
        size = max(CELLS // (len(frequency) * len(damping)), 1)

        def chunk(start: int) -> None:
            rows = slice(start, start + size)
            own = y[rows], time[rows], used[rows], variance[rows]
            work(rows, _Tracker(*own, frequency, damping, mean_square / 2))

        with ThreadPoolExecutor(available_cores()) as pool:
            for _ in pool.map(chunk, range(0, len(y), size)):
                pass

    def _noise_variance(self, windows: Windows) -> Floats:
        """Return the variances (N,) of the noise."""
        std = np.asarray(self.noise_std_of(windows.group), np.float64)
        if std.shape != (len(windows),) or not (np.isfinite(std).all() and (std >= 0).all()):
            raise DataError(
                f"Kalman bank: expected {len(windows)} finite standard deviations of noise, at least 0, got {std}"
            )
        return std**2


class _Tracker:
    """The filters of n windows on G grid points, G the frequencies times the dampings.

    a, b (n, G): means of the state. aa, ab, bb (n, G): its covariance. log_weight (n, G): the log posterior of the
    grid, up to a constant of each window.
    """

    def __init__(
        self,
        y: Floats,
        time: Floats,
        used: NDArray[np.bool_],
        variance: Floats,
        frequency: Floats,
        damping: Floats,
        prior: float,
    ) -> None:
        """y, time, used (n, T); variance (n,) of noise; prior: variance of a and of b."""
        self.y, self.time, self.used, self.variance = y, time, used.astype(np.float64), variance
        self.frequency, self.damping = frequency, damping
        shape = (len(y), len(frequency) * len(damping))
        self.a, self.b, self.ab, self.log_weight = np.zeros((4, *shape))
        self.aa, self.bb = np.full((2, *shape), prior)

    def observe(self, t: int) -> None:
        """Filter the inputs of step t, where they are used."""
        cosine, sine = self._basis(self.time[:, t])
        used = self.used[:, t, None]
        to_a, to_b = self.aa * cosine + self.ab * sine, self.ab * cosine + self.bb * sine
        expected = cosine * to_a + sine * to_b + self.variance[:, None]
        surprise = self.y[:, t, None] - (self.a * cosine + self.b * sine)
        precision = used / expected
        scaled = precision * surprise
        self.log_weight -= 0.5 * (scaled * surprise + used * np.log(expected))
        self.a += to_a * scaled
        self.b += to_b * scaled
        self.aa -= precision * to_a**2
        self.ab -= precision * to_a * to_b
        self.bb -= precision * to_b**2

    def expect(self, time: Floats) -> Floats:
        """Return the posterior mean (n,) of the waves at times (n,), given what has been observed."""
        cosine, sine = self._basis(time)
        weight = np.exp(self.log_weight - self.log_weight.max(axis=1, keepdims=True))
        values = self.a * cosine + self.b * sine
        return np.asarray(np.einsum("ng,ng->n", weight, values) / weight.sum(axis=1))

    def _basis(self, time: Floats) -> tuple[Floats, Floats]:
        """Return exp(-g t) cos w t and exp(-g t) sin w t, each (n, G), at times (n,)."""
        decay = np.exp(-self.damping * time[:, None])[:, None, :]
        angle = self.frequency * time[:, None]
        shape = self.a.shape
        return (np.cos(angle)[..., None] * decay).reshape(shape), (np.sin(angle)[..., None] * decay).reshape(shape)


def _midpoints(limits: Range, count: int) -> Floats:
    """Return the midpoints (count,) of `count` equal cells between the limits."""
    return np.asarray(limits[0] + (limits[1] - limits[0]) * (np.arange(count) + 0.5) / count)


def _mean_square(limits: Range) -> float:
    """Return the mean of A**2 for A uniform between the limits."""
    low, high = limits
    return (low * low + low * high + high * high) / 3

"""Damped sine waves in closed form: y(t) = A exp(-g t) sin(w t + phi).

Everything that is asked of a prediction, when the wave peaks, crosses zero, how large it is, is known exactly.

Legend of shapes: N waves, T times. Times in any unit s; g and w are per s (w in radians).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True)
class Ranges:
    """Where amplitude A, damping g and angular frequency w are drawn from, uniformly; phases lie in [0, 2 pi)."""

    amplitude: Range
    damping: Range
    frequency: Range


@dataclass(frozen=True)
class Waves:
    """N damped sines: amplitude A > 0, damping g >= 0, angular frequency w > 0, phase phi in radians, each (N,)."""

    amplitude: Floats
    damping: Floats
    frequency: Floats
    phase: Floats

    def __len__(self) -> int:
        return len(self.amplitude)

    def take(self, rows: NDArray[np.intp] | slice) -> "Waves":
        """Return the waves `rows`, in that order."""
        return Waves(self.amplitude[rows], self.damping[rows], self.frequency[rows], self.phase[rows])

    def angle(self, times: Floats) -> Floats:
        """Return w t + phi (N, T), in radians, at times (N, T)."""
        return self.frequency[:, None] * times + self.phase[:, None]

    def envelope(self, times: Floats) -> Floats:
        """Return A exp(-g t) (N, T) at times (N, T)."""
        return np.asarray(self.amplitude[:, None] * np.exp(-self.damping[:, None] * times))

    def values(self, times: Floats) -> Floats:
        """Return y (N, T) at times (N, T)."""
        return self.envelope(times) * np.sin(self.angle(times))

    def peak_angle(self) -> Floats:
        """Return the angle (N,) in (0, pi/2] at which |y| peaks: dy/dt = 0 where tan(w t + phi) = w / g."""
        return np.arctan2(self.frequency, self.damping)

    def zero_crossings(self, start: Floats, end: Floats) -> list[Floats]:
        """Return for each wave its times of y = 0 in [start, end), start and end (N,), in order."""
        return self._times_of(np.zeros(len(self)), start, end)

    def peaks(self, start: Floats, end: Floats) -> list[Floats]:
        """Return for each wave its times of maxima and minima of y in [start, end), start and end (N,), in order."""
        return self._times_of(self.peak_angle(), start, end)

    def _times_of(self, angle: Floats, start: Floats, end: Floats) -> list[Floats]:
        """Return for each wave the times in [start, end) at which w t + phi = angle + k pi for an integer k."""
        found = []
        for n in range(len(self)):
            first = (self.frequency[n] * start[n] + self.phase[n] - angle[n]) / np.pi
            last = (self.frequency[n] * end[n] + self.phase[n] - angle[n]) / np.pi
            halves = np.arange(np.ceil(first), np.ceil(last))
            found.append((angle[n] + halves * np.pi - self.phase[n]) / self.frequency[n])
        return found


def draw(count: int, ranges: Ranges, rng: np.random.Generator) -> Waves:
    """Return `count` waves drawn uniformly from `ranges`; one wave's numbers do not depend on how many are drawn."""
    unit = rng.random((count, 4))

    def between(column: int, limits: Range) -> Floats:
        return np.asarray(limits[0] + (limits[1] - limits[0]) * unit[:, column])

    return Waves(
        between(0, ranges.amplitude),
        between(1, ranges.damping),
        between(2, ranges.frequency),
        between(3, (0.0, 2 * np.pi)),
    )

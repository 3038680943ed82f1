"""When a sampled prediction of a damped sine peaks and crosses zero, against the exact wave.

Around every true event (extremum or zero crossing) lies its neighborhood, a quarter of a period to each side. Only
events whose neighborhood lies within the scored times of their wave count; which do depends on no prediction.

Legend of shapes: N waves, T times, S scored targets of one wave, E events. Times in steps.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.sine.waves import Floats, Waves

Flags = NDArray[np.bool_]
FindEvents = Callable[[Waves, Floats, Floats], list[Floats]]
OneWave = Callable[[Floats, Floats, Floats, float, Floats], Floats]


def peak_errors(waves: Waves, times: Floats, predicted: Floats, scored: Flags) -> Floats:
    """Return |predicted - true time| (E,), in steps, of all extrema of all waves that count; arguments (N, T).

    The predicted extremum is the sample with the largest value (times the sign of the true extremum) within the
    neighborhood, the first of equal ones, refined by `_vertex`. A neighborhood without a sample does not count.
    Samples of an exact prediction are not exactly parabolic: about 0.01 steps remain at 12 samples a period.
    """
    return _over_waves(waves, times, predicted, scored, Waves.peaks, _peaks_of_one)


def crossing_errors(waves: Waves, times: Floats, predicted: Floats, scored: Flags) -> Floats:
    """Return the timing errors (E,), in steps, of all zero crossings of all waves that count; arguments (N, T).

    It is the time within the neighborhood during which the linearly interpolated prediction does not have the sign
    of the wave. A prediction that crosses once, in the true direction, gives exactly |its time - true time|. One that
    crosses often is charged for all its detours, and one that never does so a quarter of a period, or half a period
    with the wrong sign throughout; picking the crossing nearest to the truth would flatter noise.
    """
    return _over_waves(waves, times, predicted, scored, Waves.zero_crossings, _crossings_of_one)


def _over_waves(
    waves: Waves, times: Floats, predicted: Floats, scored: Flags, find: FindEvents, errors_of: OneWave
) -> Floats:
    """Return the errors (E,) that `errors_of` finds at the events that `find` finds, wave after wave.

    errors_of: (times (S,), predictions (S,), events (E,), quarter period, the wave's angles w t + phi there (E,)).
    """
    some = scored.any(axis=1)
    waves, times, predicted, scored = waves.take(np.flatnonzero(some)), times[some], predicted[some], scored[some]
    quarter = np.pi / 2 / waves.frequency
    start = np.where(scored, times, np.inf).min(axis=1, initial=np.inf) + quarter
    end = np.where(scored, times, -np.inf).max(axis=1, initial=-np.inf) - quarter
    errors = [np.empty(0)]
    for n, events in enumerate(find(waves, start, end)):
        if len(events):
            kept, angle = scored[n], waves.frequency[n] * events + waves.phase[n]
            errors.append(errors_of(times[n, kept], predicted[n, kept], events, float(quarter[n]), angle))
    return np.concatenate(errors)


def _peaks_of_one(times: Floats, predicted: Floats, events: Floats, quarter: float, angle: Floats) -> Floats:
    """Return the errors (E,) of one wave's extrema."""
    first = np.searchsorted(times, events - quarter, side="left")
    end = np.searchsorted(times, events + quarter, side="right")
    sampled = first < end
    if not sampled.any():
        return np.empty(0)
    events, first, end, sign = events[sampled], first[sampled], end[sampled], np.sign(np.sin(angle))[sampled]
    place = first[:, None] + np.arange((end - first).max())
    inside = place < end[:, None]
    height = np.where(inside, sign[:, None] * predicted[np.minimum(place, len(times) - 1)], -np.inf)
    top = first + height.argmax(axis=1)
    return np.abs(_vertex(times, predicted, top, sign) - events)


def _vertex(times: Floats, predicted: Floats, top: NDArray[np.intp], sign: Floats) -> Floats:
    """Return the times (E,) of the vertices of the parabolas through the samples `top` and their two neighbors.

    With slopes r to the sample before and s to the one after, the parabola's slope is r midway to the former and s
    midway to the latter, t3 - t1 over 2 later: it is 0 at (t1 + t2) / 2 + r (t3 - t1) / (2 (r - s)). The time of the
    sample itself is kept at the ends of the row, where the parabola does not bend the extremum's way, and where its
    vertex lies beyond the neighbors.
    """
    inner = (top > 0) & (top < len(times) - 1)
    middle = np.where(inner, top, 1) if len(times) > 2 else np.zeros_like(top)
    t1, t2, t3 = (times[(middle + k) % len(times)] for k in (-1, 0, 1))
    p1, p2, p3 = (sign * predicted[(middle + k) % len(times)] for k in (-1, 0, 1))
    rise, fall = (p2 - p1) / (t2 - t1), (p3 - p2) / (t3 - t2)
    vertex = (t1 + t2) / 2 + rise * (t3 - t1) / (2 * (rise - fall))
    refined = inner & (fall < rise) & (vertex > t1) & (vertex < t3)
    return np.where(refined, vertex, times[top])


def _crossings_of_one(times: Floats, predicted: Floats, events: Floats, quarter: float, angle: Floats) -> Floats:
    """Return the errors (E,) of one wave's crossings: from the sign -cos(angle) the wave changes to the other."""
    knots, above, below = _time_with_sign(times, predicted)
    before = -np.sign(np.cos(angle))

    def right(start: Floats, end: Floats, sign: Floats) -> Floats:
        spent = [np.interp(end, knots, total) - np.interp(start, knots, total) for total in (above, below)]
        return np.where(sign > 0, *spent)

    spent_right = right(events - quarter, events, before) + right(events, events + quarter, -before)
    return np.maximum(2 * quarter - spent_right, 0.0)


def _time_with_sign(times: Floats, predicted: Floats) -> tuple[Floats, Floats, Floats]:
    """Return knots (K,), and the time up to each that the linear interpolation spent above 0 and below 0, (K,) each.

    The knots are the samples and the zeros between them: in between, both times grow linearly or not at all.
    """
    changes = np.flatnonzero(np.sign(predicted[:-1]) * np.sign(predicted[1:]) < 0)
    size = np.abs(predicted)
    share = size[changes] / (size[changes] + size[changes + 1])
    zeros = times[changes] + share * (times[changes + 1] - times[changes])
    knots = np.insert(times, changes + 1, zeros)
    heights = np.insert(predicted, changes + 1, 0.0)
    between = np.sign(np.sign(heights[:-1]) + np.sign(heights[1:]))
    lengths = np.diff(knots)
    above, below = (np.concatenate([[0.0], np.cumsum(lengths * (between == sign))]) for sign in (1, -1))
    return knots, above, below

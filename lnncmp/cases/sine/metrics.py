"""What one-step predictions of damped sine waves get right and wrong, against the exact, clean wave.

Which metrics are defined for given waves and times depends on no prediction: one for which there are too few scored
targets is left out, and one that uses a prediction which is not finite is infinite, never NaN.

Legend of shapes: N waves, T targets. Times in steps, the nominal distance of two samples; w and g are per step.
"""

import math

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.sine.fit import MOST_DAMPING_ERROR, amplitude_and_lag, damping_errors
from lnncmp.cases.sine.timing import crossing_errors, peak_errors
from lnncmp.records.metric import Metric
from lnncmp.sources.sine.waves import Floats, Waves

Flags = NDArray[np.bool_]

NEIGHBORHOOD = np.pi / 8
"""How far, in radians, a peak and a zero crossing reach to each side: a sixteenth of a period."""


def _lower(name: str, heading: str, unit: str, formula: str) -> Metric:
    return Metric(name=name, heading=heading, unit=unit, better="lower", formula=formula)


def _ideal(name: str, heading: str, unit: str, ideal: float, formula: str) -> Metric:
    return Metric(name=name, heading=heading, unit=unit, better="ideal", ideal=ideal, formula=formula)


MEASURES: tuple[Metric, ...] = (
    _lower(
        "mse_clean",
        "MSE to\nclean wave",
        "y^2",
        "Mean over all scored targets of (p - c)^2, with the prediction p and the clean wave c.",
    ),
    _lower(
        "mse_peak",
        "MSE near\npeaks",
        "y^2",
        "Mean of (p - c)^2 over scored targets within 1/16 of a period of a maximum or minimum of the wave "
        "(where a zero crossing is as near as that too, the nearer one counts).",
    ),
    _lower(
        "mse_zero_crossing",
        "MSE near\nzeros",
        "y^2",
        "Mean of (p - c)^2 over scored targets within 1/16 of a period of a zero crossing of the wave "
        "(where a maximum or minimum is as near as that too, the nearer one counts).",
    ),
    _lower(
        "mse_elsewhere",
        "MSE\nelsewhere",
        "y^2",
        "Mean of (p - c)^2 over scored targets that lie near neither a maximum or minimum nor a zero crossing.",
    ),
    _lower(
        "peak_timing",
        "Peak\ntiming",
        "steps",
        "Mean |t' - t| over the wave's maxima and minima at t, where t' is the time of the largest (at minima: lowest) "
        "prediction within a quarter of a period of t, refined by the parabola through it and its two neighbors "
        "if that bends the right way and its vertex lies between them.",
    ),
    _lower(
        "crossing_timing",
        "Crossing\ntiming",
        "steps",
        "Mean over the wave's zero crossings of the time, within a quarter of a period of the crossing, at which the "
        "linearly interpolated prediction does not have the wave's sign: |t' - t| if it crosses once, at t'.",
    ),
    _lower(
        "amplitude_error",
        "Amplitude\nerror",
        "",
        "Mean over waves of |A'/A - 1|, where A' is the amplitude of the least-squares fit of exp(-g t) cos(w t) and "
        "exp(-g t) sin(w t), with the wave's own g and w, to its scored predictions.",
    ),
    _ideal(
        "lag",
        "Lag",
        "steps",
        0.0,
        "Mean over waves of (phase of the wave - phase of the fit of the amplitude error), in (-pi, pi], over w: "
        "positive if the prediction comes late. Early and late waves cancel.",
    ),
    _lower(
        "lag_size",
        "Lag\nsize",
        "steps",
        "Mean over waves of the absolute lag: early and late waves do not cancel.",
    ),
    _lower(
        "damping_error",
        "Damping\nerror",
        "1/step",
        "Mean over waves of |g' - g|, where g' is the damping at which the amplitudes A', fitted with g' to the first "
        f"and to the second half of the scored targets, are equal; at most {MOST_DAMPING_ERROR:g} a wave.",
    ),
    _lower(
        "noise_gain",
        "Noise\ngain",
        "",
        "Mean over waves of the mean (p - c)^2 over the wave's scored targets, over the variance of the noise in its "
        "inputs: 1 passes all noise on.",
    ),
    _ideal(
        "roughness",
        "Roughness",
        "",
        1.0,
        "Sum over all waves and scored targets of the squared second divided difference "
        "2 [(p3 - p2) / (t3 - t2) - (p2 - p1) / (t2 - t1)] / (t3 - t1) of the prediction at three targets in a row, "
        "over the same sum for the clean wave: 1 is as rough as the wave, 0 a straight line: "
        "read it with the wave lost.",
    ),
)
"""The metrics, in the order in which tables show them."""


def phases(waves: Waves, times: Floats) -> dict[str, Flags]:
    """Return which times (N, T) lie near a "peak" (maximum or minimum), near a "zero_crossing", or "elsewhere".

    Near is within NEIGHBORHOOD, in angle. Under strong damping a peak follows so soon on a crossing that a time may
    be near both: then the nearer one counts, the peak if they are equally near. Each time lies in just one phase.
    """
    angle = waves.angle(times)
    to_peak = _distance(angle - waves.peak_angle()[:, None])
    to_crossing = _distance(angle)
    peak = (to_peak <= NEIGHBORHOOD) & (to_peak <= to_crossing)
    crossing = (to_crossing <= NEIGHBORHOOD) & (to_crossing < to_peak)
    return {"peak": peak, "zero_crossing": crossing, "elsewhere": ~(peak | crossing)}


def measure_all(
    *, waves: Waves, times: Floats, predicted: NDArray[np.floating], scored: Flags, noise_std: Floats
) -> dict[str, float]:
    """Return the MEASURES by name, in their order, of the predictions of N waves.

    times (N, T): of the targets, in steps, increasing along each row. predicted (N, T): in the unit of the waves.
    scored (N, T): which targets count, False in a warm-up at the start and at padding at the end, where times and
    predictions may be anything. noise_std (N,): standard deviation of the noise in each wave's inputs, 0 = clean.
    Left out: noise_gain if any wave is clean, and whatever has too few scored targets (no extremum with its whole
    neighborhood scored, say). Predictions that are not finite make all metrics that use them infinite.
    """
    finite = np.isfinite(predicted)
    times = np.where(scored, times, 0.0)
    truth = waves.values(times)
    usable = np.where(scored & finite, predicted, 0.0).astype(np.float64)
    with np.errstate(all="ignore"):
        squared = np.where(scored, np.where(finite, usable - truth, np.inf) ** 2, 0.0)
        found = _mean_squares(waves, times, squared, scored) | _noise_gain(squared, scored, noise_std)
        shapes = _shapes(waves, times, usable, scored) | _roughness(times, usable, truth, scored)
    if not finite[scored].all():
        shapes = dict.fromkeys(shapes, math.inf)
    found |= shapes
    values = {measure.name: found[measure.name] for measure in MEASURES if measure.name in found}
    return {name: value if math.isfinite(value) else math.inf for name, value in values.items()}


def _distance(angle: Floats) -> Floats:
    """Return how far `angle` lies from the nearest multiple of pi, in [0, pi/2]."""
    return np.abs((angle + np.pi / 2) % np.pi - np.pi / 2)


def _mean_squares(waves: Waves, times: Floats, squared: Floats, scored: Flags) -> dict[str, float]:
    """Return the mean squared errors, over all targets and by phase; without phases that have no scored target."""
    places = {"mse_clean": scored} | {f"mse_{name}": scored & at for name, at in phases(waves, times).items()}
    return {name: float(squared[at].mean()) for name, at in places.items() if at.any()}


def _noise_gain(squared: Floats, scored: Flags, noise_std: Floats) -> dict[str, float]:
    """Return the noise gain, over waves with scored targets; nothing if no wave has any, or any input is clean."""
    some = scored.any(axis=1)
    if not some.any() or (noise_std == 0).any():
        return {}
    return {"noise_gain": float((squared[some].sum(axis=1) / scored[some].sum(axis=1) / noise_std[some] ** 2).mean())}


def _shapes(waves: Waves, times: Floats, predicted: Floats, scored: Flags) -> dict[str, float]:
    """Return the metrics of timing, amplitude, lag and damping; without those that no wave allows."""
    size, lag = amplitude_and_lag(waves, times, predicted, scored)
    each = {
        "peak_timing": peak_errors(waves, times, predicted, scored),
        "crossing_timing": crossing_errors(waves, times, predicted, scored),
        "amplitude_error": np.abs(size - 1.0),
        "lag": lag,
        "lag_size": np.abs(lag),
        "damping_error": damping_errors(waves, times, predicted, scored),
    }
    return {name: float(values.mean()) for name, values in each.items() if len(values)}


def _roughness(times: Floats, predicted: Floats, truth: Floats, scored: Flags) -> dict[str, float]:
    """Return the roughness; nothing if no three targets in a row are scored."""
    inner = scored[:, :-2] & scored[:, 1:-1] & scored[:, 2:]
    own, wave = (np.where(inner, _second_difference(y, times), 0.0) for y in (predicted, truth))
    scale = float((wave**2).sum())
    return {"roughness": float((own**2).sum()) / scale} if scale > 0 else {}


def _second_difference(values: Floats, times: Floats) -> Floats:
    """Return the second divided differences (N, T - 2) of values (N, T)."""
    slopes = np.diff(values, axis=1) / np.diff(times, axis=1)
    return np.asarray(2 * np.diff(slopes, axis=1) / (times[:, 2:] - times[:, :-2]))

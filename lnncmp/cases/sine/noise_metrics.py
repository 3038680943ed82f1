"""What of the noise in its inputs a predictor passes on, and what of the wave it loses: apart, from repeated noise.

The noise gain holds both: a predictor that ignores its inputs passes no noise on, and its gain is all bias. The same
waves with several draws of the noise tell the two apart: what differs between draws is noise, what is left of the
mean's error is bias.

Legend of shapes: D draws of the noise, N waves, T targets.
"""

import math

import numpy as np
from numpy.typing import NDArray

from lnncmp.records.metric import Metric
from lnncmp.sources.sine.waves import Floats

DRAWS = 4
"""How often the test waves get new noise. The estimates are unbiased for any number above 1."""


def _lower(name: str, heading: str, formula: str) -> Metric:
    return Metric(name=name, heading=heading, unit="", better="lower", formula=formula)


NOISE_MEASURES: tuple[Metric, ...] = (
    _lower(
        "noise_passed_on",
        "Noise\npassed on",
        "Mean over waves of the variance of the prediction at a scored target over draws of the noise "
        f"({DRAWS}, on the same waves), over the variance of the noise in the inputs: 1 passes all noise on.",
    ),
    _lower(
        "bias",
        "Bias",
        "Mean over waves of the squared error of the mean prediction over draws of the noise, less the "
        "noise that a mean of few draws keeps, over the variance of the noise in the inputs: with the noise passed on, "
        "it makes up the noise gain.",
    ),
    _lower(
        "wave_lost",
        "Wave\nlost",
        "The same squared error, summed over all waves and scored targets, over the sum of the squared clean wave: 0 "
        "keeps the whole wave, 1 is as far from it as a prediction of 0. What is smooth and keeps nothing loses here.",
    ),
)
"""The metrics, in the order in which tables show them."""


def noise_parts(
    *, predicted: NDArray[np.floating], truth: Floats, scored: NDArray[np.bool_], noise_std: Floats
) -> dict[str, float]:
    """Return NOISE_MEASURES by name from predictions (D, N, T) of the same N waves with D >= 2 draws of the noise.

    truth (N, T): the clean wave. scored (N, T): which targets count. noise_std (N,): standard deviation of the noise,
    above 0. Nothing if no target is scored; infinite if a prediction that counts is not finite.
    """
    if not scored.any():
        return {}
    if not np.isfinite(predicted[:, scored]).all():
        return {metric.name: math.inf for metric in NOISE_MEASURES}
    usable = np.where(scored, predicted, 0.0).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        passed = usable.var(axis=0, ddof=1)
        lost = np.where(scored, (usable.mean(axis=0) - truth) ** 2 - passed / len(usable), 0.0)
        found = _over_waves(passed, lost, truth, scored, noise_std)
    return {name: max(value, 0.0) if math.isfinite(value) else math.inf for name, value in found.items()}


def _over_waves(
    passed: Floats, lost: Floats, truth: Floats, scored: NDArray[np.bool_], noise_std: Floats
) -> dict[str, float]:
    """Return the means over waves of variance and squared bias (N, T); no error of a mean is below 0 but by chance."""
    some = scored.any(axis=1)
    weight = np.where(some, 1 / (np.maximum(scored.sum(axis=1), 1) * noise_std**2), 0.0)
    return {
        "noise_passed_on": float((passed.sum(axis=1) * weight).sum() / some.sum()),
        "bias": float((lost.sum(axis=1) * weight).sum() / some.sum()),
        "wave_lost": float(lost.sum() / np.where(scored, truth**2, 0.0).sum()),
    }

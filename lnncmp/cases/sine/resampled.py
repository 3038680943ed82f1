"""Mean squared errors of predicted waves over bootstrap samples of the test waves.

Legend of shapes: N waves, T targets, R bootstrap samples.
"""

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.sine.metrics import Flags, phases
from lnncmp.data.resampling import Resampling
from lnncmp.sources.sine.waves import Floats, Waves


def error_replicates(
    waves: Waves, times: Floats, predicted: NDArray[np.floating], scored: Flags, resampling: Resampling
) -> dict[str, list[float]]:
    """Return "mse_clean" and the errors by phase over the samples, R values each; see `metrics.measure_all`.

    Left out is what a sample has no scored target for. A prediction that is not finite makes those samples infinite
    that contain its wave.
    """
    times = np.where(scored, times, 0.0)
    finite = np.isfinite(predicted)
    distance = np.where(finite, np.where(finite, predicted, 0.0) - waves.values(times), np.inf)
    places = {"clean": scored} | {name: scored & at for name, at in phases(waves, times).items()}
    found = {}
    for name, at in places.items():
        values = resampling.means((np.where(at, distance, 0.0) ** 2).sum(axis=1), at.sum(axis=1))
        if not np.isnan(values).any():
            found[f"mse_{name}"] = values.tolist()
    return found

"""From stays to windows: one each, whose last row has the outcome.

Legend of shapes: N stays, T rows of a stay, V parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.carried import carried
from lnncmp.data.recording import Recording
from lnncmp.data.scaling import Scaler, fit
from lnncmp.data.windows import Windows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def features_of(values: Floats, observed: Bools, times: Floats) -> Floats:
    """Return the features (T, 2 V): the latest values, NaN before the first, then 1 where measured in this row."""
    held, _ = carried(values, observed, times, cap=np.inf)
    return np.concatenate([held, observed], axis=1, dtype=np.float64)


def of_features(values: Scaler) -> Scaler:
    """Return the scaler of all features (2 V): that of the values (V,), and none of the masks."""
    ones = np.ones(len(values.std))
    return Scaler(np.append(values.mean, 0 * ones), np.append(values.std, ones), values.fitted)


def training_scaler(stays: Sequence[Recording]) -> Scaler:
    """Return means and standard deviations (V,) of the measured cells."""
    values = np.concatenate([stay.values for stay in stays])
    observed = np.concatenate([stay.observed for stay in stays])
    return fit(np.where(observed, values, 0.0), observed)


def published_scaler(stays: Sequence[Recording]) -> Scaler:
    """Return the smallest values (V,) in place of means, the largest in place of standard deviations (0 becomes 1).

    As in raminmh/CfC, duv_physionet.py: (value - smallest) / largest. A parameter without any value keeps its unit.
    """
    values = np.concatenate([np.where(stay.observed, stay.values, np.nan) for stay in stays])
    known = ~np.isnan(values).all(axis=0)
    low, high = np.zeros(len(known)), np.ones(len(known))
    low[known], high[known] = np.nanmin(values[:, known], axis=0), np.nanmax(values[:, known], axis=0)
    return Scaler(low, np.where(high == 0, 1.0, high), fitted=True)


@dataclass(frozen=True)
class Frame:
    """How windows are made. rows: of each window; shorter stays are padded, of longer ones the last rows are kept.

    first: hours before the first row of a stay. features: scaler of all features.
    """

    rows: int
    first: float
    features: Scaler


def cut(stays: Sequence[Recording], died: Bools, frame: Frame) -> Windows:
    """Return a window of each stay; died (N,): its outcome, which counts in its last row."""
    shape = (len(stays), frame.rows)
    x = np.zeros((*shape, len(frame.features.std)), np.float32)
    dt, valid = np.ones(shape, np.float32), np.zeros(shape, bool)
    for number, stay in enumerate(stays):
        features = frame.features.scale(features_of(stay.values, stay.observed, stay.times))[-frame.rows :]
        count = len(features)
        x[number, :count], valid[number, :count] = np.nan_to_num(features, nan=0.0), True
        dt[number, :count] = np.diff(stay.times, prepend=stay.times[0] - frame.first)[-frame.rows :]
    last = np.arange(frame.rows) == valid.sum(axis=1)[:, None] - 1
    y = np.broadcast_to(np.stack([~died, died], axis=1)[:, None].astype(np.float32), (*shape, 2))
    groups = np.array([stay.group for stay in stays], np.str_)
    # A parameter that was never measured is the training mean with mask 0, so all of x is given.
    given = np.broadcast_to(np.True_, x.shape)
    return Windows(x, dt, valid, given, y, np.repeat(last[..., None], 2, axis=2), groups)

"""Standardisation of columns, fitted on training cells only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scaler:
    """Maps a column's raw value v to (v - mean) / std; mean and std have shape (F,). `fitted` False = identity."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    fitted: bool

    def scale(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return (..., F) raw values in scaled units, float32."""
        return ((values - self.mean) / self.std).astype(np.float32)

    def unscale(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (..., F) scaled values in raw units, float64."""
        return values.astype(np.float64) * self.std + self.mean


@dataclass(frozen=True)
class Scalers:
    """What joins raw units to a network: `inputs` (F features) on the way in, `outputs` (O targets) on the way out.

    A std may be infinite: training had no value of this quantity, so it is never read, and its prediction is NaN.
    """

    inputs: Scaler
    outputs: Scaler


def identity(columns: int) -> Scaler:
    """Return the scaler that changes nothing."""
    return Scaler(np.zeros(columns), np.ones(columns), fitted=False)


_ROUNDING = 1e-12
"""Spread of a column, as a share of its largest value, up to which it is constant but for rounding."""


def fit(values: NDArray[np.floating], observed: NDArray[np.bool_]) -> Scaler:
    """Return the scaler of (..., F) training values, using only `observed` cells; constant columns keep their unit.

    What is constant does not depend on the unit of a column.
    """
    flat, cells = values.reshape(-1, values.shape[-1]).astype(np.float64), observed.reshape(-1, values.shape[-1])
    count = np.maximum(cells.sum(axis=0), 1)
    mean = np.sum(flat, axis=0, where=cells) / count
    variance = np.sum((flat - mean) ** 2, axis=0, where=cells) / count
    std = np.sqrt(variance)
    low, high = np.min(flat, 0, where=cells, initial=np.inf), np.max(flat, 0, where=cells, initial=-np.inf)
    varies = (high - low > _ROUNDING * np.maximum(np.abs(low), np.abs(high))) & (std > 0)
    return Scaler(mean, np.where(varies, std, 1.0), fitted=True)

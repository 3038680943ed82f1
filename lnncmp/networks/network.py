"""A trained network with its scalers: raw values in, raw predictions out.

Legend of shapes: B series, T steps, V columns, F input features, O outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from lnncmp.data.encoding import Encoding
from lnncmp.data.scaling import Scalers
from lnncmp.errors import DataError, UsageError
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.run_recipe import RunRecipe
from lnncmp.records.schema import RunRecord

Floats = NDArray[np.float64]
_STEPS_AT_ONCE = 2**17
"""Steps of all series in one call, which bounds memory."""


@dataclass(frozen=True)
class Network:
    """A network as a run chose it.

    module: in evaluation mode, on the CPU. record: of the run. inputs, outputs: names of the features of a step that
    the module reads (F), and of what it predicts (O). columns: names of the raw columns that `predict` reads (V).
    units: of all of them, by name. time_unit: what one unit of elapsed time is. scaler: between raw features and the
    module's inputs, and between its outputs and raw values. encoding: how columns become features. classes: what it
    tells apart, whose logits are then its outputs; empty where it predicts values.
    """

    module: SequenceModel
    record: RunRecord
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    units: Mapping[str, str]
    time_unit: str
    scaler: Scalers
    encoding: Encoding
    classes: tuple[str, ...] = ()

    @property
    def recipe(self) -> RunRecipe:
        """The resolved recipe of the run."""
        return self.record.recipe

    @property
    def is_plain(self) -> bool:
        """Whether the input features are the columns as measured, nothing carried forward."""
        return self.inputs == self.columns

    def predict(
        self,
        values: ArrayLike,
        times: ArrayLike | None = None,
        dt: ArrayLike | None = None,
        observed: ArrayLike | None = None,
    ) -> Floats:
        """Return the prediction after each step, (T, O) or (B, T, O) in raw units, from the initial state on.

        Of classes these are logits: see `probabilities`.

        values: (T, V) or (B, T, V) in the columns' raw units, NaN where nothing was observed.
        times: (T,) or (B, T), rising, in `time_unit`; or dt: the time elapsed since the step before, above 0. With
        times the first dt is 1, as in training; without either every dt is 1.
        observed: of the shape of values, False where a value is to be ignored.
        Raises UsageError for unequal shapes, DataError for times that do not rise and for infinite values.
        """
        given = np.asarray(values, np.float64)
        if given.ndim not in (2, 3) or given.shape[-1] != len(self.columns):
            raise UsageError(
                f"values should be (T, {len(self.columns)}) or (B, T, {len(self.columns)}), one column for each of "
                f"{', '.join(self.columns)}; got {given.shape}"
            )
        shape = given.shape[:-1]
        elapsed = _elapsed(times, dt, shape)
        seen = ~np.isnan(given)
        if observed is not None:
            seen &= _shaped(observed, given.shape, "observed", np.bool_)
        if np.isinf(given[seen]).any():
            raise DataError("values must be finite, or NaN where nothing was observed", "Leave such cells empty.")
        single = given.ndim == 2
        parts = (given[None], elapsed[None], seen[None]) if single else (given, elapsed, seen)
        out = self._predict(*parts)
        return out[0] if single else out

    def probabilities(
        self,
        values: ArrayLike,
        times: ArrayLike | None = None,
        dt: ArrayLike | None = None,
        observed: ArrayLike | None = None,
    ) -> Floats:
        """Return the probability of each of `classes` after each step, (T, O) or (B, T, O); arguments as of `predict`.

        Raises UsageError for a network that predicts values, and as `predict` does.
        """
        if not self.classes:
            raise UsageError("this network predicts values, not classes", "Use predict.")
        logits = torch.from_numpy(self.predict(values, times, dt, observed))
        return np.asarray(torch.softmax(logits, dim=-1))

    def _predict(self, values: Floats, dt: Floats, observed: NDArray[np.bool_]) -> Floats:
        out = np.empty((*dt.shape, len(self.outputs)))
        rows = max(1, _STEPS_AT_ONCE // max(dt.shape[1], 1))
        for first in range(0, len(dt) if dt.shape[1] else 0, rows):
            part = slice(first, first + rows)
            x, elapsed = self.encode(values[part], dt[part], observed[part])
            with torch.no_grad():
                scaled = self.module(torch.from_numpy(x), torch.from_numpy(elapsed)).numpy()
            with np.errstate(invalid="ignore"):
                out[part] = self.scaler.outputs.unscale(scaled)
        out[..., np.isinf(self.scaler.outputs.std)] = np.nan  # training had no value, and so no unit
        return out

    def encode(
        self, values: Floats, dt: Floats, observed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what the module is given, x (B, T, F) and dt (B, T), for raw values (B, T, V), dt, and what counts."""
        std = dict(zip(self.inputs, self.scaler.inputs.std, strict=True))
        # A column of classes has no feature of its own name: each of its classes has one.
        known = np.array([np.isfinite(std.get(name, 1.0)) for name in self.columns])
        times = np.cumsum(dt, axis=1)
        features = np.stack(
            [self.encoding.encode(*one) for one in zip(values, observed & known, times, strict=True)]
        ).reshape(*dt.shape, len(self.inputs))
        x = self.scaler.inputs.scale(features)
        x[np.isnan(features)] = 0.0
        shown = np.ones_like(dt) if self.recipe.withholds_time else dt
        return x, shown.astype(np.float32)


def _elapsed(times: ArrayLike | None, dt: ArrayLike | None, shape: tuple[int, ...]) -> Floats:
    """Return the elapsed time before each step. Raises UsageError and DataError."""
    if times is not None and dt is not None:
        raise UsageError("times and dt say the same: give one of them")
    if times is None:
        elapsed = np.ones(shape) if dt is None else _shaped(dt, shape, "dt", np.float64)
    else:
        at = _shaped(times, shape, "times", np.float64)
        elapsed = np.concatenate([np.ones_like(at[..., :1]), np.diff(at, axis=-1)], axis=-1)
    if not (np.isfinite(elapsed).all() and (elapsed > 0).all()):
        bad = tuple(int(place[0]) for place in np.nonzero(~(np.isfinite(elapsed) & (elapsed > 0))))
        rule = "elapsed times must be finite and above 0" if times is None else "times must be finite and rise"
        raise DataError(f"{rule} from step to step: that is not so at step {bad[-1]}", "Sort or correct the times.")
    return elapsed


def _shaped(given: ArrayLike, shape: tuple[int, ...], name: str, kind: type[np.generic]) -> NDArray:  # type: ignore[type-arg]
    array = np.asarray(given, kind)
    if array.shape != shape:
        raise UsageError(f"{name} should have shape {shape} to fit the values, got {array.shape}")
    return array

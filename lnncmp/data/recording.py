"""One recording: a rollout, a series, a patient stay, as a source delivers it (raw units, no windows)."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import DataError


@dataclass(frozen=True)
class Recording:
    """A multivariate time series of one group (the unit that must not be split between train and test).

    values: (T, F) float64, raw units, finite wherever `observed`.
    times: (T,) float64, strictly increasing, in the case's time unit.
    observed: (T, F) bool, False where nothing was measured.
    group: name of the rollout, series or subject. Never written to logs.

    Raises DataError on unequal shapes, times that do not increase, or observed values that are not finite.
    """

    values: NDArray[np.float64]
    times: NDArray[np.float64]
    observed: NDArray[np.bool_]
    group: str

    def __post_init__(self) -> None:
        steps = len(self.values)
        if self.values.ndim != 2 or self.observed.shape != self.values.shape or self.times.shape != (steps,):
            raise DataError(
                f"a recording needs values (T, F), observed (T, F) and times (T,), got {self.values.shape}, "
                f"{self.observed.shape} and {self.times.shape}"
            )
        if steps > 1 and not np.all(np.diff(self.times) > 0):
            raise DataError("the times of a recording must increase from row to row")
        if not np.all(np.isfinite(self.values[self.observed])):
            raise DataError("a recording has NaN or infinite values where it claims to have measured something")

    def __repr__(self) -> str:
        """Shapes only: values and group may be patient data."""
        return f"Recording(values={self.values.shape}, observed={self.observed.mean():.2f})"


def regular(values: NDArray[np.float64], group: str) -> Recording:
    """Return a fully observed recording of `values` (T, F) sampled at times 0, 1, 2, ... (unit: one step)."""
    return Recording(values, np.arange(len(values), dtype=np.float64), np.ones(values.shape, bool), group)


def recordings_hash(recordings: Sequence[Recording]) -> str:
    """Return 16 hexadecimal digits over shapes, values, times and masks of `recordings`, in order (names left out)."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(repr(recording.values.shape).encode())
        digest.update(np.ascontiguousarray(recording.values, "<f8").tobytes())
        digest.update(np.ascontiguousarray(recording.times, "<f8").tobytes())
        digest.update(np.packbits(recording.observed).tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class AttritionStep:
    """One step: what was done and why, and how many rows, recordings and groups are left after it.

    A count that does not apply is None. Counts only, never an identity or a value of a patient.
    """

    step: str
    reason: str
    rows: int | None = None
    recordings: int | None = None
    groups: int | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the step as a plain mapping."""
        return asdict(self)

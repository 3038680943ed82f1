"""Windows and splits as the code of the LTC paper makes them: overlapping windows that are split at random.

Hasani, Lechner, Amini, Rus and Grosu, Liquid time-constant networks, AAAI 2021; raminmh/liquid_time_constant_networks,
experiments_with_ltcs/gesture.py, traffic.py, ozone.py. Kept as they are, to reproduce the published numbers: windows of
the test share rows with windows of the training, and what is standardised is so over all windows.
Legend of shapes: R rows, N windows, T steps, F features, O targets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.scaling import Scaler, Scalers, fit, identity
from lnncmp.data.task import Task
from lnncmp.data.windows import Splits, Windows

Floats = NDArray[np.float64]

WINDOW = 32
SEED = 23489
"""Of the permutation of windows, in all three files."""
_VALIDATION, _TEST = 0.1, 0.15
_SOLVER_STEPS = 6.0
"""The elapsed time of every step: the authors' LTC makes six solver steps of length 1 whatever time has passed."""


@dataclass(frozen=True)
class Cut:
    """Windows before they are split: x (N, T, F), y (N, T, O), and what made them of raw columns."""

    x: Floats
    y: Floats
    scalers: Scalers


def interleaved(rows: Floats, window: int = WINDOW) -> Floats:
    """Return windows (N, T, F) of rows (R, F), end to end, and between any two of them one that has half of each."""
    starts = range(0, (len(rows) // window - 1) * window + 1, window // 2)
    return np.stack([rows[start : start + window] for start in starts])


def strided(rows: Floats, window: int = WINDOW, stride: int = 4) -> Floats:
    """Return windows (N, T, F) of rows (R, F), `stride` apart; one that would end at the last row is left out."""
    return np.stack([rows[start : start + window] for start in range(0, len(rows) - window, stride)])


def columns_scaler(values: Floats) -> Scaler:
    """Return the scaler that gives each column of values (..., F) mean 0 and variance 1."""
    return fit(values, np.ones(values.shape, bool))


def one_hot(codes: Floats, classes: int) -> Floats:
    """Return (..., classes) of codes (...)."""
    return np.asarray(codes[..., None] == np.arange(classes), np.float64)


def parts(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the windows of training, validation and test: of a permutation the rest, the first, the next ones."""
    order = np.random.RandomState(SEED).permutation(count)
    validation, test = int(_VALIDATION * count), int(_TEST * count)
    return order[validation + test :], order[:validation], order[validation : validation + test]


def splits_of(cut: Cut, task: Task) -> Splits:
    """Return the splits of windows; targets keep the unit that `cut` gives them, each window is a group of its own."""
    outputs = cut.y.shape[2]
    rows = parts(len(cut.x))
    train, validation, test = (_windows(cut, part) for part in rows)
    std = np.ones(outputs) if task.kind == "classes" else columns_scaler(cut.y[rows[0]]).std
    return Splits(train, validation, test, identity(cut.x.shape[2]), identity(outputs), std, task)


def _windows(cut: Cut, rows: NDArray[np.intp]) -> Windows:
    x, y = (part[rows].astype(np.float32) for part in (cut.x, cut.y))
    return Windows(
        x,
        np.full(x.shape[:2], _SOLVER_STEPS, np.float32),
        np.broadcast_to(np.True_, x.shape[:2]),
        np.broadcast_to(np.True_, x.shape),
        y,
        np.broadcast_to(np.True_, y.shape),
        np.array([f"window {row}" for row in rows], np.str_),
    )

"""Windows and splits as the code of the LTC paper makes them: overlapping windows that are split at random.

Hasani, Lechner, Amini, Rus and Grosu, Liquid time-constant networks, AAAI 2021; raminmh/liquid_time_constant_networks,
experiments_with_ltcs/gesture.py, traffic.py, ozone.py. Kept as they are, to reproduce the published numbers: windows of
the test share rows with windows of the training, and where inputs are standardised, it is over all windows.
Legend of shapes: R rows, N windows, T steps, F features, O targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.scaling import Scaler, identity
from lnncmp.data.task import Task
from lnncmp.data.windows import Splits, Windows

Floats = NDArray[np.float64]

SEED = 23489
"""Of the permutation of windows, in all three files."""
VALIDATION, TEST = 0.1, 0.15
SOLVER_STEPS = 6.0
"""The elapsed time of every step: the authors' LTC makes six solver steps of length 1 whatever time has passed."""


@dataclass(frozen=True)
class Cut:
    """Windows before they are split: x (N, T, F), y (N, T, O); scaler: what made x of raw columns."""

    x: Floats
    y: Floats
    scaler: Scaler


def interleaved(rows: Floats, window: int) -> Floats:
    """Return windows (N, T, ...) of rows (R, ...), end to end, and between any two of them one that has half of each."""
    count = len(rows) // window
    starts = []
    for number in range(count):
        starts.append(number * window)
        if number < count - 1:
            starts.append(number * window + window // 2)
    return np.stack([rows[start : start + window] for start in starts])


def strided(rows: Floats, window: int, stride: int) -> Floats:
    """Return windows (N, T, ...) of rows (R, ...), `stride` apart; one that would end at the last row is left out."""
    return np.stack([rows[start : start + window] for start in range(0, len(rows) - window, stride)])


def standardised(x: Floats) -> tuple[Floats, Scaler]:
    """Return windows (N, T, F) of which each feature has mean 0 and variance 1 over all of them, and their scaler."""
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    return (x - mean) / std, Scaler(mean, std, fitted=True)


def one_hot(codes: Floats, classes: int) -> Floats:
    """Return (..., classes) of codes (...)."""
    return (codes[..., None] == np.arange(classes)).astype(np.float64)


def parts(count: int, seed: int = SEED) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the windows of training, validation and test: of a permutation the rest, the first, the next ones."""
    order = np.random.RandomState(seed).permutation(count)
    validation, test = int(VALIDATION * count), int(TEST * count)
    return order[validation + test :], order[:validation], order[validation : validation + test]


def splits_of(cut: Cut, task: Task, seed: int = SEED) -> Splits:
    """Return the splits of windows; targets keep their unit, and each window is a group of its own."""
    outputs = cut.y.shape[2]
    train, validation, test = (_windows(cut, rows) for rows in parts(len(cut.x), seed))
    std = np.ones(outputs) if task.kind == "classes" else cut.y.std(axis=(0, 1))
    return Splits(train, validation, test, identity(cut.x.shape[2]), identity(outputs), std, task)


def _windows(cut: Cut, rows: Sequence[int] | NDArray[np.intp]) -> Windows:
    x, y = (part[rows].astype(np.float32) for part in (cut.x, cut.y))
    return Windows(
        x,
        np.full(x.shape[:2], SOLVER_STEPS, np.float32),
        np.broadcast_to(np.True_, x.shape[:2]),
        np.broadcast_to(np.True_, x.shape),
        y,
        np.broadcast_to(np.True_, y.shape),
        np.array([f"window {row}" for row in rows], np.str_),
    )

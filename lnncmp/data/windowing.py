"""From recordings to windows of (input, elapsed time, target) at irregular times.

The published preparation of the Walker2d data (raminmh/CfC, irregular_sampled_datasets.py) is one setting of these
functions: `thin` with keep 0.9 drops (input, target) pairs together, so a target always lies one original
step after its input and the elapsed time only says how old the previous input is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.recording import Recording
from lnncmp.data.windows import Windows

Floats64 = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Next-step pairs of one recording, in raw units.

    x: (S, F) inputs; y: (S, F) the values one original step later; dt: (S,) time since the previous kept input;
    index: (S,) row of each input in the recording; recording: where they come from.
    """

    x: Floats64
    y: Floats64
    dt: Floats64
    index: NDArray[np.intp]
    recording: Recording


def thin(recording: Recording, keep: float, rng: np.random.RandomState) -> Pairs:
    """Return the next-step pairs of `recording`, each kept with probability `keep` (drawn from `rng`).

    One uniform number is drawn per pair, in order, whatever `keep` is. The first kept pair has an elapsed
    time counted from one step before the recording begins, as in the published preparation.
    """
    steps = len(recording.values) - 1
    index = np.flatnonzero(rng.random_sample(max(steps, 0)) < keep)
    unit = float(recording.times[1] - recording.times[0]) if len(recording.times) > 1 else 1.0
    times = recording.times[index]
    before = np.concatenate([[recording.times[0] - unit], times[:-1]]) if len(times) else times
    return Pairs(recording.values[index], recording.values[index + 1], times - before, index, recording)


def starts(length: int, window: int, stride: int) -> range:
    """Return where windows begin in a sequence of `length` steps.

    A window that would end exactly at the last step is left out: the published code does so.
    """
    return range(0, length - window, stride)


@dataclass(frozen=True)
class Cut:
    """Raw windows: x, y (N, T, F), dt (N, T), group (N,).

    last: (N,) row of the last input in its recording; source: (N,) number of that recording.
    """

    x: Floats64
    y: Floats64
    dt: Floats64
    last: NDArray[np.intp]
    group: NDArray[np.str_]
    source: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.dt)


def cut(pairs: list[Pairs], window: int, stride: int) -> Cut:
    """Return all windows of `window` steps, `stride` apart, of each recording in order."""
    x, y, dt, last, group, source = [], [], [], [], [], []
    for number, part in enumerate(pairs):
        for start in starts(len(part.x), window, stride):
            rows = slice(start, start + window)
            x.append(part.x[rows])
            y.append(part.y[rows])
            dt.append(part.dt[rows])
            last.append(part.index[start + window - 1])
            group.append(part.recording.group)
            source.append(number)
    features = pairs[0].x.shape[1] if pairs else 0
    shape = (len(x), window, features)
    return Cut(
        np.array(x).reshape(shape),
        np.array(y).reshape(shape),
        np.array(dt).reshape(shape[:2]),
        np.array(last, np.intp),
        np.array(group, np.str_),
        np.array(source, np.intp),
    )


def to_windows(raw: Cut, x: NDArray[np.float32], y: NDArray[np.float32]) -> Windows:
    """Return fully observed, unpadded windows with the scaled inputs `x` and targets `y`."""
    full = np.broadcast_to(np.True_, x.shape)
    return Windows(
        x,
        raw.dt.astype(np.float32),
        np.broadcast_to(np.True_, raw.dt.shape),
        full,
        y,
        full[..., : y.shape[2]],
        raw.group,
    )


def futures_of(raw: Cut, pairs: list[Pairs], steps: int) -> tuple[NDArray[np.intp], Floats64]:
    """Return the rows of `raw` followed by at least `steps` original steps, and their raw futures (rows, steps, F)."""
    rows, future = [], []
    for row in range(len(raw)):
        values = pairs[int(raw.source[row])].recording.values
        first = int(raw.last[row]) + 1
        if first + steps <= len(values):
            rows.append(row)
            future.append(values[first : first + steps])
    features = raw.x.shape[2]
    return np.array(rows, np.intp), np.array(future).reshape(len(rows), steps, features)

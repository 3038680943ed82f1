"""From pieces of a table to windows, and to what follows them.

Legend of shapes: N windows, T rows, V input columns, F features, O targets, K rows ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table.features import Layout
from lnncmp.cases.table.parts import Place
from lnncmp.cases.table.pieces import Piece
from lnncmp.data.scaling import Scaler
from lnncmp.data.windows import Futures, Windows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Raw:
    """Windows in raw units, padded at the end: features (N, T, F), NaN where not known; dt, valid (N, T); groups (N,).

    targets (N, T, O): NaN where there is none, one column for each class if they are classes.
    """

    features: Floats
    dt: Floats
    valid: Bools
    targets: Floats
    groups: NDArray[np.str_]

    def __repr__(self) -> str:
        """Shapes only."""
        return f"Raw({self.features.shape})"


@dataclass(frozen=True)
class Frame:
    """How windows are made of pieces. inputs (V): places of the input columns in a piece; targets: those of targets.

    classes: number of classes of the only target, 0 for targets that are numbers. ahead: rows from an input to its
    target. last_only: a window has one target, in its last row.
    """

    layout: Layout
    window: int
    inputs: NDArray[np.intp]
    targets: NDArray[np.intp]
    ahead: int
    classes: int = 0
    last_only: bool = False

    @property
    def outputs(self) -> int:
        """Return the number of quantities that are predicted."""
        return self.classes or len(self.targets)

    def targets_of(self, piece: Piece) -> Floats:
        """Return the target (T, O) of each row of a piece, NaN where there is none."""
        found = np.full((len(piece), self.outputs), np.nan)
        ahead = piece.values[self.ahead :][:, self.targets]
        if self.classes:
            ahead = np.where(np.isnan(ahead), np.nan, ahead == np.arange(self.classes))
        found[: len(ahead)] = ahead
        return found


def features_of(piece: Piece, frame: Frame) -> Floats:
    """Return the features (T, F) of a piece; values are carried forward from its first row on."""
    values = piece.values[:, frame.inputs]
    return frame.layout.encode(values, ~np.isnan(values), piece.times)


def cut(pieces: Sequence[Piece], inputs: Sequence[Piece], places: Sequence[Place], frame: Frame, name: str) -> Raw:
    """Return the windows at `places`: features of the pieces `inputs`, targets of `pieces`, which have the same rows.

    name: of the part; groups of different parts have different names.
    """
    used = {place.piece for place in places}
    features = {number: features_of(inputs[number], frame) for number in used}
    targets = {number: frame.targets_of(pieces[number]) for number in used}
    shape = (len(places), frame.window)
    made = Raw(
        np.full((*shape, len(frame.layout.quantities)), np.nan),
        np.ones(shape),
        np.zeros(shape, bool),
        np.full((*shape, frame.outputs), np.nan),
        np.array([f"{name}: {pieces[place.piece].group}" for place in places], np.str_),
    )
    for row, place in enumerate(places):
        rows = slice(place.first, place.last + 1)
        count = rows.stop - rows.start
        made.features[row, :count] = features[place.piece][rows]
        made.dt[row, :count], made.valid[row, :count] = inputs[place.piece].dt[rows], True
        first = count - 1 if frame.last_only else 0
        made.targets[row, first:count] = targets[place.piece][rows][first:]
    return made


def to_windows(raw: Raw, inputs: Scaler, outputs: Scaler) -> Windows:
    """Return the windows in scaled units; what is not known is 0, the mean of the training windows."""
    x = inputs.scale(raw.features)
    x[np.isnan(raw.features)] = 0.0
    counted = ~np.isnan(raw.targets)
    y = outputs.scale(np.where(counted, raw.targets, outputs.mean))
    given = np.broadcast_to(np.True_, x.shape)
    return Windows(x, raw.dt.astype(np.float32), raw.valid, given, y, counted, raw.groups)


def futures_of(
    pieces: Sequence[Piece],
    places: Sequence[Place],
    raw: Raw,
    context: Windows,
    frame: Frame,
    scalers: tuple[Scaler, Scaler],
    steps: int,
) -> Futures | None:
    """Return the `steps` rows after those windows that have so many rows after them, None if none has.

    raw, context: the windows at `places`, in raw and in scaled units. Elapsed times are the true ones; other inputs
    than the targets are held.
    """
    rows = np.flatnonzero(rows_after(pieces, places) >= steps)
    if not len(rows):
        return None
    after = [(pieces[places[row].piece], places[row].last + 1) for row in rows.tolist()]
    future = np.stack([piece.values[first : first + steps][:, frame.targets] for piece, first in after])
    dt = np.stack([piece.dt[first : first + steps] for piece, first in after])
    observed = ~np.isnan(future)
    inputs, outputs = scalers
    count = raw.valid[rows].sum(axis=1)
    last = raw.features[rows, count - 1]
    others = frame.layout.beside_predictions(last, np.cumsum(dt, axis=1), frame.outputs)
    rest = Scaler(inputs.mean[frame.outputs :], inputs.std[frame.outputs :], fitted=True)
    scaled = rest.scale(others)
    scaled[np.isnan(others)] = 0.0
    truth = outputs.scale(np.where(observed, future, outputs.mean))
    return Futures(context.take(rows), truth, dt.astype(np.float32), observed, scaled)


def rows_after(pieces: Sequence[Piece], places: Sequence[Place]) -> NDArray[np.intp]:
    """Return how many rows of the same part follow each window (N,) without a gap."""
    return np.array([len(pieces[place.piece]) - 1 - place.last for place in places], np.intp)

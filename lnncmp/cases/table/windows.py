"""From pieces of a table to windows, and to what follows them.

Legend of shapes: N windows, T rows, V input columns, F features, O targets, K rows ahead.
"""

import itertools
from collections.abc import Iterator, Sequence
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

    def targets_of(self, pieces: Sequence[Piece], place: Place) -> Floats:
        """Return the targets (rows, O) of a window, NaN where there is none; classes are one-hot."""
        rows = slice(place.first + self.ahead, place.last + 1 + self.ahead)
        found = pieces[place.piece].values[rows][:, self.targets]
        if self.classes:
            found = np.where(np.isnan(found), np.nan, found == np.arange(self.classes))
        if self.last_only:
            found = np.where(np.arange(len(found))[:, None] == len(found) - 1, found, np.nan)
        return found


_ROWS_AT_ONCE = 2**16
"""Rows whose features are in memory at once, but for those that values are carried forward from."""


def _features(pieces: Sequence[Piece], places: Sequence[Place], frame: Frame) -> Iterator[tuple[int, Floats]]:
    """Yield the number of each window and its features (rows, F), in an order of its own.

    Values are carried forward from the first row of a piece on.
    """
    order = sorted(range(len(places)), key=lambda row: (places[row].piece, places[row].first))
    for _, group in itertools.groupby(order, lambda row: (places[row].piece, places[row].first // _ROWS_AT_ONCE)):
        rows = list(group)
        piece = pieces[places[rows[0]].piece]
        first = _carried_from(piece, places[rows[0]].first, frame)
        block = slice(first, max(places[row].last for row in rows) + 1)
        values = piece.values[block][:, frame.inputs]
        features = frame.layout.encode(values, ~np.isnan(values), piece.times[block])
        for row in rows:
            yield row, features[places[row].first - first : places[row].last + 1 - first]


def _carried_from(piece: Piece, row: int, frame: Frame) -> int:
    """Return the first row that the inputs of `row` are carried forward from."""
    observed = ~np.isnan(piece.values[: row + 1][:, frame.inputs])
    seen = observed.any(axis=0)
    latest = row - np.argmax(observed[::-1], axis=0)
    return int(min(latest[seen], default=row))


def cut(pieces: Sequence[Piece], inputs: Sequence[Piece], places: Sequence[Place], frame: Frame, name: str) -> Raw:
    """Return the windows at `places`: features of the pieces `inputs`, targets of `pieces`, which have the same rows.

    name: of the part; groups of different parts have different names.
    """
    shape = (len(places), frame.window)
    made = Raw(
        np.full((*shape, len(frame.layout.quantities)), np.nan),
        np.ones(shape),
        np.zeros(shape, bool),
        np.full((*shape, frame.outputs), np.nan),
        np.array([f"{name}: {pieces[place.piece].group}" for place in places], np.str_),
    )
    for row, features in _features(inputs, places, frame):
        place, count = places[row], len(features)
        made.features[row, :count], made.valid[row, :count] = features, True
        made.dt[row, :count] = inputs[place.piece].dt[place.first : place.last + 1]
        made.targets[row, :count] = frame.targets_of(pieces, place)
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

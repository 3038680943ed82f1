"""Which rows and windows are for training, validation and test.

No row is in windows of two parts, and no target of one part lies in another, unless windows are drawn at random.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table.pieces import Piece, lengths
from lnncmp.cases.table.settings import AUTO, GROUP, RANDOM, TIME, TableSettings
from lnncmp.errors import DataError

PARTS = ("training", "validation", "test")
GROUPS_ENOUGH = 10
"""From this many groups on, whole groups are split unless a recipe says otherwise."""
RANDOM_WORDS = (
    "windows that are drawn at random overlap: most rows of a test window are in training windows too, so that test "
    "errors are too low; use --split time or group, or a --stride as long as the window"
)
WINDOWS = (64, 32, 16, 8)
"""Windows to choose from, in rows, the best first."""
_ENOUGH = (60, 12, 12)
"""Windows of each part that make a length of windows good enough."""
_FEW = 200
"""Training windows up to which windows overlap more."""
_WORDS = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("valid", "validation", "val", "dev"), 1),
    **dict.fromkeys(("test", "testing"), 2),
}
"""What a split column may say, in small letters."""


@dataclass(frozen=True)
class Place:
    """A window: the piece's place in the list, its first and its last input row in the piece."""

    piece: int
    first: int
    last: int


@dataclass(frozen=True)
class Parts:
    """The pieces that windows are cut from, and the windows of training, validation and test."""

    pieces: Sequence[Piece]
    places: tuple[Sequence[Place], Sequence[Place], Sequence[Place]]

    def __repr__(self) -> str:
        """Return counts only: groups may be patient data."""
        return f"Parts(pieces={len(self.pieces)}, windows={[len(places) for places in self.places]})"

    def rows(self, part: int) -> int:
        """Return how many rows are in the windows of a part, each counted once."""
        found: dict[int, NDArray[np.bool_]] = {}
        for place in self.places[part]:
            inside = found.setdefault(place.piece, np.zeros(len(self.pieces[place.piece]), bool))
            inside[place.first : place.last + 1] = True
        return sum(int(inside.sum()) for inside in found.values())

    def group_of(self, place: Place) -> str:
        """Return the group of a window."""
        return self.pieces[place.piece].group


def way_to_split(settings: TableSettings, groups: int) -> str:
    """Return the way to split a table of this many groups: the settings' own, if they have one."""
    if settings.split != AUTO:
        return settings.split
    return GROUP if groups >= GROUPS_ENOUGH else TIME


def parts_of(pieces: Sequence[Piece], settings: TableSettings) -> Parts:
    """Return the windows of each part; settings: with window, stride and way to split. Raises DataError."""
    if settings.split == RANDOM:
        return _at_random(pieces, settings)
    split = {TIME: _by_time, GROUP: _by_group}.get(settings.split, _by_column)
    parted = split(pieces, settings)
    kept = [piece for part in parted for piece in part]
    edges = np.cumsum([0, *map(len, parted)]).tolist()
    places = [
        _thinned(_places(kept[first:end], settings, first), _most(settings, number))
        for number, (first, end) in enumerate(itertools.pairwise(edges))
    ]
    return Parts(kept, (places[0], places[1], places[2]))


def starts(rows: int, window: int, stride: int) -> list[int]:
    """Return where windows begin in `rows` rows; if they overlap, a last one ends at the last row.

    >>> starts(10, 4, 2), starts(11, 4, 2), starts(11, 4, 4)
    ([0, 2, 4, 6], [0, 2, 4, 6, 7], [0, 4])
    """
    found = list(range(0, rows - window + 1, stride))
    if found and stride < window and found[-1] < rows - window:
        found.append(rows - window)
    return found


def _places(pieces: Sequence[Piece], settings: TableSettings, offset: int = 0) -> list[Place]:
    """Return the windows of these pieces; one that is shorter than a window, but not than a quarter, is a window."""
    window, found = settings.window or 1, []
    for number, piece in enumerate(pieces, offset):
        rows = len(piece) - settings.ahead
        if rows >= window:
            begins = starts(rows, window, settings.stride or window)
            found += [Place(number, first, first + window - 1) for first in begins]
        elif rows >= max(2, window // 4):
            found.append(Place(number, 0, rows - 1))
    return found


def _most(settings: TableSettings, part: int) -> int | None:
    """Return the largest number of windows of a part."""
    return settings.at_most if settings.at_most is None or part == 0 else max(settings.at_most // 2, 1)


def _thinned(places: Sequence[Place], at_most: int | None) -> list[Place]:
    if at_most is None or len(places) <= at_most:
        return list(places)
    return [places[row] for row in np.linspace(0, len(places) - 1, at_most).round().astype(int)]


def _by_time(pieces: Sequence[Piece], settings: TableSettings) -> list[list[Piece]]:
    """Return each series in three consecutive parts, a window's rows left out between them."""
    train, validation, _ = settings.fractions
    gap, parted = settings.window or 1, []
    rows = lengths(pieces)
    for part in range(3):
        found = []
        for piece in pieces:
            count = rows[piece.series]
            ends = (0, int(count * train + 1e-9), int(count * (train + validation) + 1e-9), count)
            first = ends[part] + (gap if part else 0)
            found.append(piece.rows(first, ends[part + 1]))
        parted.append([piece for piece in found if len(piece)])
    return parted


def _by_group(pieces: Sequence[Piece], settings: TableSettings) -> list[list[Piece]]:
    """Return whole groups, drawn from the seed; their order in the files does not matter."""
    names = sorted({piece.group for piece in pieces})
    if len(names) < len(PARTS):
        raise DataError(
            f"to split by group takes at least 3 groups (series), this table has {len(names)}",
            "Use --split time, or name the column of the groups with --group.",
        )
    order = np.random.default_rng(settings.seed).permutation(len(names))
    _, validation, test = (max(1, round(share * len(names))) for share in settings.fractions)
    validation = min(validation, len(names) - 2)
    test = min(test, len(names) - validation - 1)
    part_of = {names[n]: 2 if place < test else 1 if place < test + validation else 0 for place, n in enumerate(order)}
    return _parted(pieces, lambda piece: part_of[piece.group])


def _by_column(pieces: Sequence[Piece], settings: TableSettings) -> list[list[Piece]]:
    strange = sum(len(piece) for piece in pieces if (piece.label or "").strip().casefold() not in _WORDS)
    if strange:
        raise DataError(
            f"column '{settings.split}' should say train, validation or test in each row; in {strange:,} of "
            f"{sum(map(len, pieces)):,} rows it says something else or nothing",
            "Correct the column, or use --split time, group or random.",
        )
    parted = _parted(pieces, lambda piece: _WORDS[(piece.label or "").strip().casefold()])
    if len({piece.group for piece in pieces}) > 1:
        groups = [{piece.group for piece in part} for part in parted]
        shared = len((groups[0] & groups[1]) | (groups[0] & groups[2]) | (groups[1] & groups[2]))
        if shared:
            raise DataError(
                f"column '{settings.split}' has rows of {shared} groups in more than one part",
                "Give all rows of a group the same word, or leave out --group.",
            )
    return parted


def _parted(pieces: Sequence[Piece], part_of: Callable[[Piece], int]) -> list[list[Piece]]:
    parted: list[list[Piece]] = [[], [], []]
    for piece in pieces:
        parted[part_of(piece)].append(piece)
    return parted


def _at_random(pieces: Sequence[Piece], settings: TableSettings) -> Parts:
    """Return windows of all pieces in an order drawn from the seed: first validation, then test, then training.

    As in raminmh/liquid_time_constant_networks (gesture.py, traffic.py), whose windows overlap.
    """
    every = _places(pieces, settings)
    order = np.random.RandomState(settings.seed).permutation(len(every))
    _, validation, test = (int(share * len(every) + 1e-9) for share in settings.fractions)
    rows = (order[validation + test :], order[:validation], order[validation : validation + test])
    places = [_thinned([every[n] for n in part], _most(settings, number)) for number, part in enumerate(rows)]
    return Parts(pieces, (places[0], places[1], places[2]))


def overlap(settings: TableSettings) -> bool:
    """Tell whether windows share rows."""
    return (settings.stride or 1) < (settings.window or 1)


def series_without_windows(parts: Parts) -> Mapping[str, int]:
    """Return how many of the series that have windows in some part have none in each."""
    by_part = [{parts.pieces[place.piece].series for place in places} for places in parts.places]
    every = set.union(*by_part)
    return {name: len(every - own) for name, own in zip(PARTS, by_part, strict=True)}


def require_windows(parts: Parts, settings: TableSettings) -> None:
    """Raise DataError if a part has no window."""
    for name, places in zip(PARTS, parts.places, strict=True):
        if not places:
            ahead = f", with targets {settings.ahead} rows ahead," if settings.ahead > 1 else ""
            raise DataError(
                f"no {name} windows of {settings.window} rows{ahead} can be cut from this table "
                f"(split by {settings.split}, {sum(map(len, parts.pieces)):,} rows in {len(parts.pieces)} stretches "
                "without a gap)",
                f"Use a smaller --window{' or --horizon' if ahead else ''}, another --split, other data.fractions, or "
                "data.gaps = 'keep'.",
            )


def with_sizes(settings: TableSettings, pieces: Sequence[Piece]) -> TableSettings:
    """Return the settings with a window and a stride, chosen by the size of the data where they are not given.

    The window is the largest of WINDOWS that leaves enough windows in every part, the stride half of it, or less where
    there are few training windows. Raises DataError if the table cannot be split.
    """
    tries = WINDOWS if settings.window is None else (settings.window,)
    for window in tries:
        sized = settings.model_copy(update={"window": window, "stride": settings.stride or window // 2})
        counts = _counts(sized, pieces)
        if all(count >= least for count, least in zip(counts, _ENOUGH, strict=True)):
            break
    stride = sized.stride or 1
    while settings.stride is None and 0 < counts[0] < _FEW and stride > 1:
        stride //= 2
        sized = sized.model_copy(update={"stride": stride})
        counts = _counts(sized, pieces)
    return sized


def _counts(settings: TableSettings, pieces: Sequence[Piece]) -> list[int]:
    """Return the number of windows of each part, without a limit."""
    parts = parts_of(pieces, settings.model_copy(update={"at_most": None}))
    return [len(places) for places in parts.places]

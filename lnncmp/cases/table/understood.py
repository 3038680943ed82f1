"""What is understood of a table: settings that the data decide, the windows of each part, and sentences about both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table import classes as of_classes
from lnncmp.cases.table.columns import in_order, with_columns
from lnncmp.cases.table.features import layout_of
from lnncmp.cases.table.parts import (
    PARTS,
    RANDOM_WORDS,
    Parts,
    overlap,
    parts_of,
    require_windows,
    way_to_split,
    with_sizes,
)
from lnncmp.cases.table.pieces import in_words, median_step, pieces_of
from lnncmp.cases.table.settings import AUTO, RANDOM, TableSettings
from lnncmp.cases.table.windows import Frame, rows_after
from lnncmp.errors import DataError
from lnncmp.sources.table.table import Table

HORIZONS = (1, 5, 20)
"""Free-running steps in the table, as far as the data allow them."""
_FEW_WINDOWS = 32


@dataclass(frozen=True)
class Understood:
    """A table with complete settings, its windows, and what to say of them.

    counts (3, classes): targets of each class by part, None of numbers.
    """

    table: Table
    settings: TableSettings
    parts: Parts
    frame: Frame
    notes: Sequence[str]
    counts: NDArray[np.intp] | None

    def __repr__(self) -> str:
        """Return counts only: values and groups may be patient data."""
        return f"Understood({self.settings.conditions}, {self.parts!r})"

    def free_running(self, most: int) -> int:
        """Return the longest free-running prediction, up to `most` rows, that enough test windows have rows for."""
        after = np.sort(rows_after(self.parts.pieces, self.parts.places[2]))[::-1]
        enough = max(1, min(len(after) // 2, 10), len(after) // 10)
        return int(min(most, after[enough - 1]))


def understand(table: Table, settings: TableSettings, warn: Callable[[str], None]) -> Understood:
    """Return what these settings mean for this table; complete settings stay as they are.

    Warns of what a user should know before anything is trained. Raises DataError and UsageError.
    """
    settings = with_columns(table, settings)
    table = in_order(table, settings)
    unit = settings.unit or median_step(table)
    words = in_words(unit, table.time_kind, table.time) if settings.unit is None else settings.unit_words
    pieces = pieces_of(table, unit, settings.max_gap if settings.gaps == "split" else None)
    way = way_to_split(settings, len({piece.group for piece in pieces}))
    settings = with_sizes(settings.model_copy(update={"unit": unit, "unit_words": words, "split": way}), pieces)
    parts = parts_of(pieces, settings)
    require_windows(parts, settings)
    settings, gone = _without_unseen(table, settings, parts)
    if gone:
        table = in_order(table, settings)
        pieces = pieces_of(table, unit, settings.max_gap if settings.gaps == "split" else None)
        parts = parts_of(pieces, settings)
    notes = [f"column '{name}' has no value in training and is left out" for name in gone]
    frame = frame_of(table, settings)
    _require_targets(parts, frame, settings)
    counts = of_classes.counts(parts, frame) if frame.classes else None
    if counts is not None:
        for sentence in of_classes.require_classes(counts, settings.classes[settings.target[0]], settings.target[0]):
            warn(sentence)
    main = settings.main if settings.main != AUTO else "nmse" if counts is None else of_classes.main_error(counts)
    found = Understood(table, settings, parts, frame, (*table.notes, *notes), counts)
    steps = found.free_running(HORIZONS[-1]) if settings.task == "forecast" and settings.ahead == 1 else 0
    horizons = settings.horizons or tuple(step for step in HORIZONS if step <= steps)
    _warn_of_windows(parts, settings, warn)
    return replace(found, settings=settings.model_copy(update={"main": main, "horizons": horizons}))


def _without_unseen(table: Table, settings: TableSettings, parts: Parts) -> tuple[TableSettings, list[str]]:
    """Return the settings without features that have no value in training windows, and the names of these."""
    names = [column.name for column in table.columns]
    seen = np.zeros(len(names), bool)
    for place in parts.places[0]:
        seen |= ~np.isnan(parts.pieces[place.piece].values[place.first : place.last + 1]).all(axis=0)
    gone = [name for name in settings.features or () if not seen[names.index(name)]]
    kept = {
        "features": tuple(name for name in settings.features or () if name not in gone),
        "missing": tuple(name for name in settings.missing if name not in gone),
        "classes": {name: found for name, found in settings.classes.items() if name not in gone},
    }
    return settings.model_copy(update=kept), gone


def frame_of(table: Table, settings: TableSettings) -> Frame:
    """Return how complete settings make windows of this table."""
    places = {column.name: place for place, column in enumerate(table.columns)}
    return Frame(
        layout=layout_of(settings),
        window=settings.window or 1,
        inputs=np.array([places[name] for name in settings.inputs], np.intp),
        targets=np.array([places[name] for name in settings.target], np.intp),
        ahead=settings.ahead,
        classes=len(settings.classes[settings.target[0]]) if settings.task == "classify" else 0,
        last_only=settings.label == "window",
    )


def _require_targets(parts: Parts, frame: Frame, settings: TableSettings) -> None:
    """Raise DataError for a target that has no value in some part, or, of numbers, does not vary in training."""
    for name, places in zip(PARTS, parts.places, strict=True):
        low, high = np.full(len(frame.targets), np.inf), np.full(len(frame.targets), -np.inf)
        for place in places:
            rows = slice((place.last if frame.last_only else place.first) + frame.ahead, place.last + 1 + frame.ahead)
            found = parts.pieces[place.piece].values[rows][:, frame.targets]
            low, high = np.fmin(low, np.fmin.reduce(found)), np.fmax(high, np.fmax.reduce(found))
        for target, lowest, highest in zip(settings.target, low, high, strict=True):
            if lowest > highest:
                raise DataError(f"target '{target}' has no value in the {name} windows", "Use another --split.")
            if name == "training" and not frame.classes and not highest > lowest:
                raise DataError(
                    f"target '{target}' never varies in the training windows: there is nothing to learn",
                    "Use another --target or another --split.",
                )


def _warn_of_windows(parts: Parts, settings: TableSettings, warn: Callable[[str], None]) -> None:
    if settings.split == RANDOM and overlap(settings):
        warn(RANDOM_WORDS)
    count = len(parts.places[0])
    if count < _FEW_WINDOWS:
        warn(f"training windows: only {count}; a smaller --window or --stride gives more")
    lengths = [place.last - place.first + 1 for places in parts.places for place in places]
    if sum(length < (settings.window or 1) for length in lengths) > len(lengths) // 2:
        warn(f"most windows are shorter than {settings.window} rows and padded: use a smaller --window")

"""The cells that were read become series of arrays; what carries no information is left out, and said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import DataError
from lnncmp.sources.table.cells import Settled, ValueCells
from lnncmp.sources.table.gathering import Gathered
from lnncmp.sources.table.ordering import MOST_REPEATED, Ordered, ordered, steps_forwards
from lnncmp.sources.table.roles import listed
from lnncmp.sources.table.table import Column, Floats, Roles, Series, Table
from lnncmp.sources.table.time_cells import Moments

MOST_FEATURE_CLASSES = 32
MOST_TARGET_CLASSES = 100


@dataclass(frozen=True)
class Kept:
    """A column that goes into the table: what it is, and its cells (T,) in the order of `Ordered.rows`."""

    column: Column
    values: Floats


def assembled(
    gathered: Gathered, roles: Roles, guessed: bool, unnamed: set[str], warn: Callable[[str], None]
) -> tuple[Table, list[str]]:
    """Return the table, and notes. guessed: the features were; unnamed: columns without a name of their own.

    Raises DataError for text among numbers, a target that is missing or never varies, too many classes.
    """
    notes: list[str] = []
    if roles.group:
        groups, names = gathered.labels[roles.group].settle()
    else:
        groups, names = gathered.series()
    moments = gathered.time.settle(lambda times: steps_forwards(groups, times)) if gathered.time else None
    plan = ordered(groups, moments.values if moments else None)
    _refuse_repeats(plan, len(groups), roles)
    doubts = [*(moments.doubts if moments else ()), *_of_order(plan)]
    for doubt in doubts:
        warn(doubt)
    notes += [*(moments.notes if moments else ()), *doubts]
    columns = _columns(gathered.values, roles, guessed, unnamed, np.concatenate(plan.rows), notes)
    if not columns:
        raise DataError("no column of numbers or of few classes is left", "; ".join(notes))
    described = tuple(kept.column for kept in columns)
    # By columns, so that memory is taken column by column while that of the copied ones is given back.
    values = np.empty((sum(len(rows) for rows in plan.rows), len(columns)), order="F")
    for place in range(len(columns)):
        values[:, place] = columns.pop(0).values
    split = gathered.labels[roles.split].settle() if roles.split else None
    series = _series(plan, names, moments, values, split)
    kind = moments.kind if moments else "row"
    clocks = _clocks(described, series) if moments is None and guessed else []
    if clocks:
        warn(f"rises by one step in every row, as a clock does: {listed(clocks)}; name it with --time or leave it out")
    return Table(described, series, kind, (), roles.time), notes


def _clocks(columns: Sequence[Column], series: Sequence[Series]) -> list[str]:
    """Return the features that rise by one and the same step from row to row of every series."""
    found = []
    for place, column in enumerate(columns):
        steps = [np.diff(one.values[:, place]) for one in series if len(one.times) > 2]
        if column.role == "feature" and column.kind == "number" and steps:
            low, high = min(own.min() for own in steps), max(own.max() for own in steps)
            if low > 0 and high - low <= 1e-6 * high:
                found.append(column.name)
    return found


def _refuse_repeats(plan: Ordered, rows: int, roles: Roles) -> None:
    if plan.repeated > MOST_REPEATED * rows:
        raise DataError(
            f"{plan.repeated:,} of {rows:,} rows have a time in column '{roles.time}' that their series already has",
            "Name the column that tells the series apart (--group), or another --time.",
        )


def _of_order(plan: Ordered) -> list[str]:
    notes = []
    if plan.backwards:
        notes.append(f"times go backwards at {_rows(plan.backwards)}: rows are sorted by time")
    if plan.repeated:
        notes.append(f"{_rows(plan.repeated)} left out, as the time was taken: the first row of each time is kept")
    return notes


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count > 1 else ''}"


def _series(
    plan: Ordered,
    names: Sequence[str],
    moments: Moments | None,
    values: Floats,
    split: tuple[NDArray[np.int32], tuple[str, ...]] | None,
) -> tuple[Series, ...]:
    series, start = [], 0
    for group, rows in zip(plan.groups, plan.rows, strict=True):
        times = moments.since(int(rows[0]), rows) if moments else np.arange(len(rows), dtype=np.float64)
        parts = np.array(split[1])[split[0][rows]] if split else None
        series.append(Series(names[group], times, values[start : start + len(rows)], parts))
        start += len(rows)
    return tuple(series)


def _columns(
    cells: Mapping[str, ValueCells],
    roles: Roles,
    guessed: bool,
    unnamed: set[str],
    rows: NDArray[np.int64],
    notes: list[str],
) -> list[Kept]:
    """Return targets, then features; those that are left out go to the notes, by reason."""
    found: list[Kept] = []
    left: dict[str, list[str]] = {}
    for name in (*roles.targets, *roles.features):
        target = name in roles.targets
        settled = cells[name].settle(MOST_TARGET_CLASSES if target else MOST_FEATURE_CLASSES)
        if isinstance(settled, str):
            if target or not guessed:
                raise DataError(f"column '{name}' {settled}, expected numbers or few classes", _leave_out(target))
            left.setdefault(settled, []).append(name)
            continue
        kept = _kept(name, "target" if target else "feature", settled, rows)
        useless = _useless(kept.values, name in unnamed and guessed)
        if useless and target:
            raise DataError(f"the target '{name}' {useless}: nothing can be learned of it", "Name another --target.")
        if useless:
            left.setdefault(useless, []).append(name)
            continue
        found.append(kept)
        words = cells[name].words
        if settled.kind == "category" and words:
            said = ", ".join(f"{count:,} that say {word}" for word, count in sorted(words.items()))
            notes.append(f"cells of column '{name}' are read as missing: {said}")
    notes += [f"left out, as a column {reason}: {listed(names)}" for reason, names in left.items()]
    return found


def _leave_out(target: bool) -> str:
    return "Name another --target." if target else "Leave it out (--features names those that are read)."


def _kept(name: str, role: str, settled: Settled, rows: NDArray[np.int64]) -> Kept:
    values = settled.values[rows]
    missing = float(np.isnan(values).mean())
    return Kept(Column(name, role, settled.kind, settled.classes, missing), values)


def _useless(values: Floats, may_count: bool) -> str:
    """Return why a column says nothing, in words; empty if it does."""
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)  # of what is not NaN
    if np.isnan(low):
        return "has no values"
    if low == high:
        return "never varies"
    if may_count and values[0] in (0, 1) and (np.diff(values) == 1).all():
        return "counts the rows and has no name"
    return ""

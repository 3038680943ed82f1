"""What was understood of a table, in tables and sentences, to be read before anything is trained."""

from collections.abc import Sequence

import numpy as np

from lnncmp.cases.base import Described
from lnncmp.cases.table.parts import PARTS, Parts, series_without_windows
from lnncmp.cases.table.pieces import gaps
from lnncmp.cases.table.settings import GROUP, RANDOM, SPLITS, TIME, TableSettings
from lnncmp.cases.table.understood import Understood
from lnncmp.data.recording import AttritionStep
from lnncmp.sources.table.table import Column

_REGULAR = 0.01
"""Spread of nine in ten steps, in units, up to which they are called equally long."""
_SHOWN = 8
"""How many classes of a column are named."""


def facts(made: Understood) -> dict[str, int]:
    """Return counts of the table."""
    own = made.settings
    return {
        "series": len(made.table.series),
        "rows": _rows(made),
        "gaps": len(gaps(made.table, own.unit or 1.0, own.max_gap)),
        "inputs": len(made.frame.layout.quantities),
        "targets": made.frame.outputs,
    }


def _rows(made: Understood) -> int:
    return sum(len(series.times) for series in made.table.series)


def attrition(made: Understood) -> list[AttritionStep]:
    """Return what is left after each step from the table to the windows."""
    series = made.table.series
    used = [piece for part in range(3) for piece in {place.piece for place in made.parts.places[part]}]
    groups = {made.parts.pieces[number].group for number in used}
    count = sum(map(len, made.parts.places))
    return [
        AttritionStep("read", "rows with a time", _rows(made), len(series), len({one.group for one in series})),
        AttritionStep(
            "in windows",
            f"stretches without a gap, parts, windows of {made.settings.window} rows every {made.settings.stride}",
            sum(made.parts.rows(part) for part in range(3)),
            len({made.parts.pieces[number].series for number in used}),
            len(groups),
        ),
        AttritionStep("windows", _limit(made.settings), rows=count),
    ]


def _limit(settings: TableSettings) -> str:
    if settings.at_most is None:
        return "all of them"
    return f"at most {settings.at_most:,} for training, half as many for validation and for test"


def described(made: Understood, constant: Sequence[str], steps: int) -> list[Described]:
    """Return columns, parts and classes as tables, then sentences.

    constant: columns that never vary in training; steps: of free-running prediction.
    """
    grids = [_columns(made), _parts(made.parts)]
    if made.counts is not None:
        grids.append(_classes(made))
    return [*grids, Described("What was understood", notes=tuple(_sentences(made, constant, steps)))]


def _columns(made: Understood) -> Described:
    own = made.settings
    roles = dict.fromkeys(own.target, "target and input" if own.task == "forecast" else "target")
    roles |= dict.fromkeys(own.features or (), "input")
    rows = [_column(column, roles.get(column.name, "not used"), own) for column in made.table.columns]
    others = ((made.table.time, "time"), (own.group, "group"), (None if own.split in SPLITS else own.split, "split"))
    rows += [(name, role, "", None, "") for name, role in others if name]
    return Described("Columns", ("column", "role", "kind", "missing (share)", "classes"), tuple(rows))


def _column(column: Column, role: str, own: TableSettings) -> tuple[str | float | None, ...]:
    names = own.classes.get(column.name, column.classes)
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return column.name, role, column.kind, float(f"{column.missing:.3g}"), ", ".join(names[:_SHOWN]) + more


def _parts(parts: Parts) -> Described:
    rows = [
        (
            name,
            len({parts.pieces[place.piece].series for place in places}),
            parts.rows(number),
            len(places),
        )
        for number, (name, places) in enumerate(zip(PARTS, parts.places, strict=True))
    ]
    return Described("Parts", ("part", "series", "rows", "windows"), tuple(rows))


def _classes(made: Understood) -> Described:
    target = made.settings.target[0]
    counts = made.counts if made.counts is not None else np.zeros((3, 0), np.intp)
    total = np.maximum(counts.sum(axis=1), 1)
    rows: tuple[tuple[str | float, ...], ...] = tuple(
        (name, *(float(f"{share:.3g}") for share in counts[:, number] / total))
        for number, name in enumerate(made.settings.classes[target])
    )
    return Described(f"Classes of {target}: share of the targets", ("class", *PARTS), rows)


def _sentences(made: Understood, constant: Sequence[str], steps: int) -> list[str]:
    own = made.settings
    found = [_task(own), *_times(made), _series(made), _split(own, len({one.group for one in made.table.series}))]
    found += [f"{count} series are too short to have {name} windows" for name, count in _without(made) if count]
    if steps:
        found.append(f"Free-running predictions go on for {steps} rows after a window, each fed back as the next input")
    if constant:
        found.append(f"Never vary in training, so that they keep their unit: {', '.join(constant)}")
    return [*found, *made.notes]


def _without(made: Understood) -> list[tuple[str, int]]:
    if made.settings.split not in (TIME, RANDOM):
        return []
    return list(series_without_windows(made.parts).items())


def _task(own: TableSettings) -> str:
    inputs = f"{len(own.inputs)} columns" if len(own.inputs) > 1 else own.inputs[0]
    where = "of the same row" if own.ahead == 0 else f"{own.ahead} row{'s' * (own.ahead > 1)} ahead"
    where += ", at the last row of each window" if own.label == "window" else ""
    return f"Task: {own.task} {', '.join(own.target)} {where}, from {inputs}; models are ranked by {own.main}"


def _times(made: Understood) -> list[str]:
    own, table = made.settings, made.table
    if table.time_kind == "row":
        return ["Time: no column; rows are one unit apart"]
    steps = np.concatenate([np.diff(one.times) for one in table.series] or [np.zeros(0)]) / (own.unit or 1.0)
    low, high = np.quantile(steps, (0.05, 0.95)) if len(steps) else (1.0, 1.0)
    most = (
        "nearly all steps have it" if high - low < _REGULAR else f"nine in ten are {low:.3g} to {high:.3g} units long"
    )
    found = [f"Time: column '{table.time}'; one unit of elapsed time is {own.unit_words}, the median step; {most}"]
    wide = gaps(table, own.unit or 1.0, own.max_gap)
    if wide:
        how = "no window spans one" if own.gaps == "split" else "windows span them, with their elapsed time"
        found.append(f"Gaps over {own.max_gap:g} units: {len(wide):,}, the longest {max(wide):,.4g} units; {how}")
    return found


def _series(made: Understood) -> str:
    lengths = [len(one.times) for one in made.table.series]
    if min(lengths) == max(lengths) and len(lengths) > 1:
        return f"Series: {len(lengths):,}, of {lengths[0]:,} rows each"
    if len(lengths) == 1:
        return f"Series: one, of {lengths[0]:,} rows"
    return f"Series: {len(lengths):,}, of {min(lengths):,} to {max(lengths):,} rows"


def _split(own: TableSettings, groups: int) -> str:
    shares = " / ".join(f"{100 * share:.3g}%" for share in own.fractions)
    ways = {
        TIME: f"by time: in each series first training, then validation, then test ({shares}), {own.window} rows apart",
        GROUP: f"by group: whole series, drawn from seed {own.seed} ({shares})",
        RANDOM: f"at random: windows, drawn from seed {own.seed} ({shares})",
    }
    if own.split == TIME and groups >= len(PARTS):
        ways[TIME] += f"; --split group would keep the {groups} groups apart"
    return f"Split {ways.get(own.split, f'as column {own.split!r} says')}"

"""Which columns settings name, and the table as they have it: these columns alone, classes in their order."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table.settings import SPLITS, TableSettings
from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.sources.table.table import NO_TIME, Column, Roles, Series, Table


def roles_of(settings: TableSettings) -> Roles:
    """Return which columns these settings name, and for what."""
    own = settings.target if settings.task == "classify" else ()
    return Roles(
        time=settings.time,
        group=settings.group,
        targets=settings.target,
        features=settings.features or (),
        split=settings.split if settings.split not in SPLITS else None,
        categories=tuple(dict.fromkeys((*own, *settings.classes))),
    )


def with_columns(table: Table, settings: TableSettings) -> TableSettings:
    """Return the settings with the columns and classes of the table. Raises UsageError.

    A feature that the table lacks was left out when it was read, which its notes say.
    """
    columns = {column.name: column for column in table.columns}
    own = {name.casefold(): name for name in columns}
    for name in settings.target:
        if name.casefold() not in own:
            raise unknown_name("column", name, columns)
    target = tuple(own[name.casefold()] for name in settings.target)
    features = tuple(column.name for column in table.columns if column.role == "feature")
    if settings.features is not None:
        features = tuple(own[name.casefold()] for name in settings.features if name.casefold() in own)
    features = tuple(name for name in features if name not in target)
    if settings.task != "forecast" and not features:
        raise UsageError(f"task {settings.task} needs columns to read beside the target, and there are none")
    targets, others = ([columns[name] for name in names] for names in (target, features))
    _require_kinds(targets, settings)
    inputs = [*targets, *others] if settings.task == "forecast" else others
    missing = {column.name for column in inputs if column.missing > 0} | set(settings.missing)
    return settings.model_copy(
        update={
            "target": target,
            "time": table.time or NO_TIME,
            "features": features,
            "classes": {c.name: _classes(c, settings) for c in (*targets, *others) if c.kind == "category"},
            "missing": tuple(column.name for column in inputs if column.name in missing),
        }
    )


def _require_kinds(targets: Sequence[Column], settings: TableSettings) -> None:
    wanted = "category" if settings.task == "classify" else "number"
    for column in targets:
        if column.kind != wanted:
            raise UsageError(
                f"task {settings.task} predicts numbers; column '{column.name}' holds {len(column.classes)} classes",
                "Use --task classify.",
            )


def _classes(column: Column, settings: TableSettings) -> tuple[str, ...]:
    """Return the classes of a column in the order of the settings. Raises DataError for others than theirs."""
    known = settings.classes.get(column.name, column.classes)
    strange = set(column.classes) - set(known)
    if strange:
        raise DataError(
            f"column '{column.name}' holds {len(strange)} classes that data.classes does not name",
            f"Name all of them, or leave data.classes.{column.name} out.",
        )
    return known


def in_order(table: Table, settings: TableSettings) -> Table:
    """Return the table with the columns of the settings alone, in their order, and its classes numbered as theirs."""
    names = [column.name for column in table.columns]
    wanted = (*settings.target, *(settings.features or ()))
    if wanted == tuple(names) and all(settings.classes.get(one.name, ()) == one.classes for one in table.columns):
        return table
    places = np.array([names.index(name) for name in wanted], np.intp)
    columns = [table.columns[place] for place in places.tolist()]
    orders = {
        number: np.array([settings.classes[column.name].index(one) for one in column.classes], np.float64)
        for number, column in enumerate(columns)
        if column.name in settings.classes and settings.classes[column.name] != column.classes
    }
    kept = tuple(replace(column, classes=settings.classes.get(column.name, ())) for column in columns)
    return replace(table, columns=kept, series=tuple(_recoded(one, places, orders) for one in table.series))


def _recoded(series: Series, places: NDArray[np.intp], orders: dict[int, NDArray[np.float64]]) -> Series:
    values = series.values[:, places]
    for number, order in orders.items():
        known = ~np.isnan(values[:, number])
        values[known, number] = order[values[known, number].astype(np.intp)]
    return replace(series, values=values)

"""Tables made for tests: oscillations, with gaps, missing cells, classes, a split column."""

import numpy as np

from lnncmp.cases.table.preparation import Preparation, table_key
from lnncmp.cases.table.settings import TableSettings
from lnncmp.cases.table.understood import understand
from lnncmp.sources.table.table import Column, Series, Table


def series(rows=400, group="a", seed=0, start=0.0, step=1.0, split=None):
    """Return a series of columns y, x, c: a noisy sine, what drives it, a class of three."""
    rng = np.random.default_rng(seed)
    times = start + step * np.arange(rows)
    x = np.sin(0.2 * np.arange(rows)) + 0.1 * rng.standard_normal(rows)
    y = np.cos(0.2 * np.arange(rows)) + 0.1 * rng.standard_normal(rows)
    c = (np.arange(rows) // 7) % 3
    values = np.stack([10 + 2 * y, 100 + 5 * x, c.astype(float)], axis=1)
    return Series(group, times, values, None if split is None else np.asarray(split, np.str_))


COLUMNS = (
    Column("y", "target", "number", (), 0.0),
    Column("x", "feature", "number", (), 0.0),
    Column("c", "feature", "category", ("low", "middle", "high"), 0.0),
)
LABELLED = (
    Column("c", "target", "category", ("low", "middle", "high"), 0.0),
    Column("y", "feature", "number", (), 0.0),
    Column("x", "feature", "number", (), 0.0),
)


def table(*made, columns=COLUMNS, kind="number", notes=(), time="t"):
    """Return a table of these series; the share of missing cells is counted."""
    made = made or (series(),)
    holes = np.concatenate([np.isnan(one.values) for one in made]).mean(axis=0)
    counted = tuple(Column(c.name, c.role, c.kind, c.classes, float(h)) for c, h in zip(columns, holes, strict=True))
    return Table(counted, tuple(made), kind, tuple(notes), None if kind == "row" else time)


def labelled(*made, **more):
    """Return the same with the class as target."""
    turned = [Series(o.group, o.times, o.values[:, [2, 0, 1]], o.split) for o in (made or (series(),))]
    return table(*turned, columns=LABELLED, **more)


def settings(**given):
    """Return settings with small windows."""
    usual = {"target": ("c",) if given.get("task") == "classify" else ("y",), "time": "t", "window": 16, "stride": 8}
    return TableSettings(**{**usual, **given})


def prepared(made=None, steps=20, warn=lambda text: None, **given):
    """Return what `understand` found and the preparation of a table."""
    if made is None:
        made = labelled() if given.get("task") == "classify" else table()
    found = understand(made, settings(**given), warn)
    return found, Preparation(found).prepared(table_key(found.table), steps)

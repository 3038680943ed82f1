"""One's own table: forecast its columns, or predict values or classes of each row or window, from a file or a folder.

Every model is given the same: values carried forward over missing cells, masks and ages of them, classes one-hot,
elapsed times.
"""

import shlex

import numpy as np

from lnncmp.cases.base import Target
from lnncmp.cases.table.case import OPTIONS, table_case
from lnncmp.cases.table.columns import roles_of
from lnncmp.cases.table.settings import TableSettings
from lnncmp.cases.table.understood import HORIZONS
from lnncmp.errors import UsageError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.table import Column, Series, Table, column_names, read_table

_NAMED = 20
"""How many columns a message names."""
_EXAMPLE = "For example: lnncmp table FILE.csv --target COLUMN"


def read(source: Source, context: SourceContext, settings: TableSettings) -> Table:
    """Return the table in the user's files. Raises DataError and UsageError."""
    files = context.files or (() if context.data_dir is None else (context.data_dir,))
    if not files:
        hint = "Name the one that these settings are about, with --data FILE." if settings.unit else _EXAMPLE
        raise UsageError("lnncmp table reads a file or a folder of your own, and none was named", hint)
    if not settings.target:
        known = column_names(files)
        more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
        raise UsageError(
            f"name what is to be predicted: the columns are {', '.join(known[:_NAMED])}{more}",
            f"For example: lnncmp table {files[0]} --target {shlex.quote(known[-1])}",
        )
    return read_table(files, roles_of(settings), context.warn)


def sample() -> tuple[Table, TableSettings]:
    """Return a few invented series at irregular times, with missing cells and a column of classes."""
    rng = np.random.default_rng(0)
    columns = (
        Column("load", "target", "number", (), 0.0),
        Column("warmth", "feature", "number", (), 0.1),
        Column("day", "feature", "category", ("free", "work"), 0.0),
    )
    series = tuple(_invented(rng, f"meter-{n:02d}") for n in range(12))
    few = TableSettings(target=("load",), window=12, stride=6, noise_levels=(0.3,), missing_levels=(0.3,))
    return Table(columns, series, "number", ("invented",), "hour"), few


def _invented(rng: np.random.Generator, group: str, rows: int = 90) -> Series:
    times = np.cumsum(rng.choice([1.0, 1.0, 2.0], rows))
    warmth = 10 + 5 * np.sin(times / 12) + rng.standard_normal(rows)
    day = (times // 24 % 7 >= 5).astype(np.float64)
    load = 3 - 0.1 * warmth + day + 0.3 * np.sin(times / 4) + 0.05 * rng.standard_normal(rows)
    warmth[rng.random(rows) < 0.1] = np.nan
    return Series(group, times, np.stack([load, warmth, day], axis=1), None)


CASE = table_case(
    "table",
    read,
    title="Own table",
    summary="Predict columns of your own table: a forecast, other columns, or classes.",
    sources={"files": "table.own"},
    sample=sample,
    targets=(Target("load", ""),),
    horizons=HORIZONS,
    options=OPTIONS,
    reads_files=True,
)

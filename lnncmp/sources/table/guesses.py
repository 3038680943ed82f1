"""Guesses from the first rows of a table: which column holds the times."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from lnncmp.sources.table.chunks import Chunk
from lnncmp.sources.table.numbers import parsed, stripped
from lnncmp.sources.table.times import WAYS

_NAMES = {"time", "timestamp", "date", "datetime", "date_time", "t"}


def guess_time(names: Sequence[str], head: Chunk, group: str | None) -> str | None:
    """Return the column that holds the times: of dates first, else one that is called so and whose numbers increase.

    group: the column of groups, in each of which they should increase.
    """
    called = [name for name in names if name.casefold() in _NAMES]
    dated = [name for name in names if _are_dates(head, name)]
    for name in (*(name for name in called if name in dated), *dated):
        return name
    return next((name for name in called if _do_increase(head, name, group)), None)


def _are_dates(head: Chunk, name: str) -> bool:
    cells = head.cells[name]
    if cells.dtype == pl.Date or isinstance(cells.dtype, pl.Datetime):
        return not cells.null_count()
    text = stripped(cells) if cells.dtype == pl.String else None
    if text is None or not len(text) or text.null_count():
        return False
    return any(bool(way.read(text)[1].all()) for way in WAYS)


def _do_increase(head: Chunk, name: str, group: str | None) -> bool:
    """Return whether the numbers of a column never fall in any group and are not all the same."""
    cells = head.cells[name]
    if cells.dtype == pl.String:
        numbers, bad = parsed(stripped(cells), head.style)
        if bad.any():
            return False
    elif cells.dtype.is_numeric():
        numbers = cells.cast(pl.Float64).fill_null(np.nan).to_numpy()
    else:
        return False
    steps = np.diff(numbers)
    if group:
        groups = head.cells[group].cast(pl.String).rank("dense").fill_null(0).to_numpy()
        order = np.argsort(groups, kind="stable")
        steps = np.diff(numbers[order])[np.diff(groups[order]) == 0]
    return bool((steps >= 0).all() and ((steps > 0).any() or (group is not None and not len(steps))))

"""Guesses from the first rows of a table: which column holds the times."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from lnncmp.errors import DataError
from lnncmp.sources.table.chunks import Chunk
from lnncmp.sources.table.numbers import parsed, stripped
from lnncmp.sources.table.times import CLOCK_ALONE, WAYS

_WORDS = {"time", "timestamp", "date", "datetime", "epoch"}
_NAMES = {*_WORDS, "date_time", "t"}
_LETTER = re.compile(r"t(?:[\W_]+(?:s|ms|us|h|min|sec|seconds|minutes|hours|days|d))?\W*")


def guess_time(names: Sequence[str], head: Chunk, group: str | None) -> str | None:
    """Return the column that holds the times: of dates first, else one that is called so and whose numbers increase.

    group: the column of groups, in each of which they should increase. Raises DataError if dates and times of day
    are in two columns.
    """
    exact = [name for name in names if name.casefold() in _NAMES]
    dated = [name for name in names if _are_dates(head, name, missing=name in exact)]
    found = next((name for name in (*exact, *dated) if name in dated), None)
    if found is None:
        called = [*exact, *(name for name in names if _is_called_so(name))]
        return next((name for name in called if _do_increase(head, name, group)), None)
    clocks = [name for name in names if _are_clocks(head, name)]
    if clocks and not _have_clocks(head, found):
        raise DataError(
            f"column '{found}' holds dates and column '{clocks[0]}' times of day, expected both in one column",
            "Join them as in 2012-10-02 09:00:00.",
        )
    return found


def _is_called_so(name: str) -> bool:
    words = set(re.split(r"[\W\d_]+", name.casefold()))
    return bool(words & _WORDS) or bool(_LETTER.fullmatch(name.casefold()))


def _are_dates(head: Chunk, name: str, missing: bool) -> bool:
    """Return whether a column holds dates. missing: some cells may be empty."""
    cells = head.cells[name]
    text = stripped(cells) if cells.dtype == pl.String else cells
    filled = text.drop_nulls()
    if not len(filled) or (text.null_count() and not missing):
        return False
    if cells.dtype == pl.Date or isinstance(cells.dtype, pl.Datetime):
        return True
    return cells.dtype == pl.String and any(bool(way.read(filled)[1].all()) for way in WAYS)


def _have_clocks(head: Chunk, name: str) -> bool:
    cells = head.cells[name]
    return cells.dtype != pl.String or ":" in str(stripped(cells).drop_nulls()[0])


def _are_clocks(head: Chunk, name: str) -> bool:
    cells = head.cells[name]
    text = stripped(cells).drop_nulls() if cells.dtype == pl.String else None
    return text is not None and len(text) > 0 and bool(text.str.contains(f"^(?:{CLOCK_ALONE.pattern})$").all())


def _do_increase(head: Chunk, name: str, group: str | None) -> bool:
    """Return whether the numbers of a column that are there never fall in any group and are not all the same."""
    cells = head.cells[name]
    if cells.dtype == pl.String:
        numbers, bad = parsed(stripped(cells), head.style)
        if bad.any():
            return False
    elif cells.dtype.is_numeric():
        numbers = cells.cast(pl.Float64).fill_null(np.nan).to_numpy()
    else:
        return False
    there = ~np.isnan(numbers)
    numbers = numbers[there]
    steps = np.diff(numbers)
    if group:
        groups = head.cells[group].cast(pl.String).rank("dense").fill_null(0).to_numpy()[there]
        order = np.argsort(groups, kind="stable")
        steps = np.diff(numbers[order])[np.diff(groups[order]) == 0]
    return bool((steps >= 0).all() and ((steps > 0).any() or (group is not None and not len(steps))))

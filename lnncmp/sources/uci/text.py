"""From the bytes of a small text table to rows of cells, numbers and dates, with one sentence for what is wrong.

No message holds a cell's content. Legend of shapes: T rows, C columns.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import DataError
from lnncmp.sources.parsing import parsing
from lnncmp.sources.whole_rows import LONGEST

Floats = NDArray[np.float64]
_EPOCH, _NO_DATE = datetime(1970, 1, 1), datetime(1900, 1, 1)  # the latter is what strptime gives a clock alone
Parsed = Mapping[str, NDArray[Any]]
"""What is read from one file: arrays by name, float64 or words."""


def rows_of(name: str, content: bytes, columns: int) -> list[list[str]]:
    """Return the rows of a file of comma-separated cells, each `columns` long; empty lines are left out.

    Lines end with LF, CR LF or CR alone. UTF-8, else Latin-1. Raises DataError that names the file and the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    # str.splitlines would also split at form feeds and the like.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if max(map(len, lines)) > LONGEST:
        raise DataError(f"{name} is not a text table: it has a line of more than {LONGEST:,} signs")
    rows = []
    with parsing(DataError(f"{name} is not a text table: a cell is too long")):
        for number, row in enumerate(csv.reader(lines), start=1):
            if not row:
                continue
            if len(row) != columns:
                raise DataError(f"{name}, line {number}: {len(row)} columns, expected {columns}")
            rows.append([cell.strip() for cell in row])
    if len(rows) < 2:
        raise DataError(f"{name} has no rows")
    return rows


def numbers(name: str, rows: Sequence[Sequence[str]], missing: str | None = None) -> Floats:
    """Return (T, C) numbers; the cell `missing` becomes NaN. Raises DataError at the first cell that is no number."""
    cells = [["nan" if cell == missing else cell for cell in row] for row in rows]
    try:
        values = np.array(cells, np.float64)
        allowed = np.isfinite(values) if missing is None else np.isfinite(values) | np.isnan(values)
        if allowed.all():
            return values
    except ValueError:
        pass
    for number, row in enumerate(cells, start=1):
        for column, cell in enumerate(row, start=1):
            if not _is_number(cell, missing is not None):
                raise DataError(f"{name}: row {number} of the data, number {column} of {len(row)}, is no number")
    raise DataError(f"{name} holds cells that are no numbers")


def _is_number(cell: str, may_miss: bool) -> bool:
    try:
        value = float(cell)
    except ValueError:
        return False
    return bool(np.isfinite(value)) or (may_miss and cell == "nan")


def times(name: str, cells: Sequence[str], formats: Sequence[str], unit: float) -> Floats:
    """Return (T,) dates as units of `unit` seconds since 1970, all written in the first of `formats` that fits.

    A form is a date, or a date and a clock with a space between. Raises DataError that names the row.
    """
    chosen = next((form for form in formats if _seconds(cells[0], form) is not None), None)
    found = [None if chosen is None else _seconds(cell, chosen) for cell in cells]
    for number, seconds in enumerate(found, start=1):
        if seconds is None:
            raise DataError(f"{name}: row {number} of the data has no date of the form {' or '.join(formats)}")
    return np.array(found, np.float64) / unit


def _seconds(cell: str, form: str) -> float | None:
    """Return the seconds from 1970 to a date and clock, None if it is written in another form."""
    (day, _, clock), (day_form, _, clock_form) = cell.partition(" "), form.partition(" ")
    date, time = _read(day, day_form), _read(clock, clock_form)
    return None if date is None or time is None else (date - _EPOCH).total_seconds() + (time - _NO_DATE).total_seconds()


@lru_cache(maxsize=10_000)  # a day comes back 24 times, an hour of the day thousands of times
def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def content_sha256(parsed: Parsed) -> str:
    """Return the SHA-256 over names, shapes and values of what was read from one file."""
    found = hashlib.sha256()
    for name in sorted(parsed):
        values = parsed[name]
        found.update(f"{name}:{values.shape}\n".encode())
        words = values.dtype.kind == "U"
        found.update("\n".join(values.tolist()).encode() if words else np.ascontiguousarray(values, "<f8").tobytes())
    return found.hexdigest()

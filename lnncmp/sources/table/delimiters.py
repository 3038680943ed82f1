"""What separates the cells of a text, found from its first rows."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from lnncmp.sources.table.numbers import MISSING
from lnncmp.sources.table.times import CLOCK_ALONE, looks_like_time

NONE = "\x1f"
"""The delimiter of a table of one column: a sign that text does not have."""
SPACES = " "
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", SPACES: "spaces"}
_TRIED = 200
"""Rows on which a delimiter is tried."""
_BLANK = 10
"""Lines looked at for each row that is wanted: the others may be blank."""
_ALIKE = 0.9
"""Share of rows with as many cells that is as good as all: a few others are an error to be reported, no hint."""
_RUNS = re.compile(rb"[ \t]+")
_EDGES = re.compile(rb"(?m)^[ \t]+|[ \t]+$")
_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9.,' \u00a0\u202f]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"[+-]?[0-9]*")


def tidied(text: bytes, delimiter: str) -> bytes:
    """Return rows of text in which one sign is between two cells: runs of spaces and tabs become a tab."""
    return _RUNS.sub(b"\t", _EDGES.sub(b"", text)) if delimiter == SPACES else text


def find_delimiter(text: bytes) -> str:
    """Return the delimiter that gives most rows as many cells as the first one, two or more.

    Of several, the one that makes most cells numbers or times. Without any, one that gives the other rows as many
    cells as each other: then the first row is at fault, which is for the reader to say.
    """
    best, best_score = NONE, (0.0, 0.0)
    for delimiter in DELIMITERS:
        try:
            rows = first_cells(text, delimiter, _TRIED)
        except csv.Error:
            continue
        cells = [cell for row in rows for cell in row]
        score = (_fit(delimiter, rows), sum(map(is_plain, cells)) / max(len(cells), 1))
        if score[0] and score > best_score:
            best, best_score = delimiter, score
    return best


def _fit(delimiter: str, rows: Sequence[Sequence[str]]) -> float:
    """Return how well a delimiter fits, 0 to 1."""
    widths = [len(row) for row in rows]
    alike = widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0.0
    if alike >= 0.5:
        return min(alike, _ALIKE)
    width, count = Counter(widths[1:]).most_common(1)[0] if len(rows) > 1 else (1, 0)
    if width < 2 or delimiter == SPACES or count < _ALIKE * (len(rows) - 1):
        return 0.0
    # One name, and below it two numbers: a column of numbers with a decimal comma.
    decimals = delimiter == "," and width == 2 and all(_DIGITS.fullmatch(cell) for row in rows[1:] for cell in row)
    return 0.0 if widths[0] == 1 and decimals else 0.1


def first_cells(text: bytes, delimiter: str, most: int) -> list[tuple[str, ...]]:
    """Return the first rows of `text` as stripped cells, without blank lines."""
    text = tidied(text, delimiter)
    sign = "\t" if delimiter == SPACES else delimiter
    rows: list[tuple[str, ...]] = []
    reader = csv.reader(io.StringIO(text.decode("utf-8", "replace"), newline=""), delimiter=sign)
    for row in islice(reader, _BLANK * most):
        if row:
            rows.append(tuple(cell.strip() for cell in row))
        if len(rows) == most:
            break
    return rows


def is_plain(cell: str) -> bool:
    """Return whether a cell is missing, a number in some style, or a time."""
    number = cell.lower() in MISSING or _NUMBER.fullmatch(cell)
    return bool(number) or looks_like_time(cell) or bool(CLOCK_ALONE.fullmatch(cell))

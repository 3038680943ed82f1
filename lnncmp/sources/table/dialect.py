"""How a text file is laid out, found from its first rows: delimiter, header, names of columns, style of numbers."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lnncmp.errors import DataError
from lnncmp.sources.table.delimiters import DELIMITERS, NONE, SPACES, find_delimiter, first_cells, is_plain
from lnncmp.sources.table.files import EXPECTED, TableFile
from lnncmp.sources.table.numbers import MISSING, PLAIN, Style, find_style
from lnncmp.sources.table.text import Found, text_blocks

_SAMPLE = 1 << 18
"""Bytes from which the layout is found."""
_ROWS = 1000
"""Rows of the sample."""
MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Dialect:
    """The layout of a text file.

    delimiter: one sign, SPACES for runs of spaces and tabs, NONE for a single column. header: whether the first row
    holds the names. names: of the columns. row_bytes: mean length of a row. unnamed: columns whose name in the header
    is empty, so that they are called after their place. notes: what is not as usual, in words.
    """

    delimiter: str
    header: bool
    names: tuple[str, ...]
    style: Style
    row_bytes: float
    unnamed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def separator(self) -> bytes:
        """The byte between cells of text that went through `tidied`."""
        return b"\t" if self.delimiter == SPACES else self.delimiter.encode()


def find_dialect(file: TableFile) -> Dialect:
    """Return the layout of `file`. Raises DataError if it holds no rows, or names a column twice."""
    text = _first_text(file)
    delimiter = find_delimiter(text)
    try:
        rows = first_cells(text, delimiter, _ROWS)
    except csv.Error:
        raise DataError(f"{file.name} holds cells that are too long for a table", EXPECTED) from None
    header = not _begins_with_data(rows)
    body = rows[1:] if header else rows
    if not body:
        raise DataError(f"{file.name} has a header and no rows", EXPECTED)
    names, unnamed = _names(rows[0], header, file)
    style, rivals = find_style([cell for row in body for cell in row], delimiter)
    last = f" to {names[-1]}" if len(names) > 1 else ""
    notes = [f"cells are separated by {DELIMITERS[delimiter]}"] if delimiter not in {",", NONE} else []
    notes += [style.described] if style != PLAIN else []
    notes += ["these numbers could also be read otherwise (1,234): check them"] if rivals else []
    notes += [] if header else [f"has no header: columns are called {names[0]}{last}"]
    return Dialect(delimiter, header, names, style, len(text) / text.count(b"\n"), unnamed, tuple(notes))


def first_rows(file: TableFile, dialect: Dialect) -> list[tuple[str, ...]]:
    """Return the cells of the first rows below the header, those with as many cells as there are columns."""
    rows = first_cells(_first_text(file), dialect.delimiter, _ROWS)
    return [row for row in rows[dialect.header :] if len(row) == len(dialect.names)]


def _first_text(file: TableFile) -> bytes:
    """Return the first rows as UTF-8, at least two if there are two. Raises DataError if there are none."""
    text = b""
    for block in text_blocks(file, Found(), _SAMPLE):
        text += block.text
        if text.strip().count(b"\n"):
            break
    if not text.strip():
        raise DataError(f"{file.name} holds no rows", EXPECTED)
    return text


def _begins_with_data(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row is no header: each cell is a number, a time, or a text that its column repeats."""
    first, others = rows[0], rows[1:]
    filled = [(place, cell) for place, cell in enumerate(first) if cell.lower() not in MISSING]
    texts = [(place, cell) for place, cell in filled if not is_plain(cell)]
    if filled and len(texts) == len(filled):
        return False
    return all(any(place < len(row) and row[place] == cell for row in others) for place, cell in texts)


def _names(first: Sequence[str], header: bool, file: TableFile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the columns, and those that have none in the header. Raises DataError."""
    if len(first) > MOST_COLUMNS:
        raise DataError(f"{file.name} has {len(first):,} columns, expected {MOST_COLUMNS:,} at most", EXPECTED)
    numbered = [f"column_{place}" for place in range(1, len(first) + 1)]
    if not header:
        return tuple(numbered), ()
    names = tuple(" ".join(name.split()) or number for name, number in zip(first, numbered, strict=True))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"the header of {file.name} names column '{twice[0]}' more than once", "Rename one of them.")
    return names, tuple(number for name, number in zip(first, numbered, strict=True) if not name)

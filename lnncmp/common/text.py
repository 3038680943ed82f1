"""Text of other people's records and files, as text: never a control sequence of a terminal, never a formula.

Markup, LaTeX and HTML are escaped by the formats that have them (`lnncmp.report`).
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but for tabs and line ends, and what turns the direction of writing."""
_FORMULA = re.compile("(?:^|(?<=;))(?=[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would see a formula begin; where semicolons separate cells, after one of them as well."""


def visible(text: str) -> str:
    r"""Return text with its control characters spelled out, as JSON does: "\x1b" becomes "\\u001b".

    In a JSON document, where they stand in strings alone, that changes nothing of what it says.
    """
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cell(text: str) -> str:
    """Return text as a cell of a CSV file: with an apostrophe before what a spreadsheet would take for a formula.

    Text that is a number stays as it is.

    >>> cell("=1+1"), cell("-5"), cell("a-b")
    ("'=1+1", '-5', 'a-b')
    """
    shown = visible(text)
    if shown == text and not _FORMULA.search(shown):
        return text
    return shown if _is_number(shown) else _FORMULA.sub("'", shown)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def csv_of_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a CSV file: a header with the columns of all rows, in order of appearance, and a line for each row.

    Numbers are written in full precision; cells of None and of columns that a row lacks are empty.
    """
    lines = list(rows)
    names = dict.fromkeys(name for row in lines for name in row)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(cell, names))
    for row in lines:
        values = (row.get(name) for name in names)
        writer.writerow([cell(value) if isinstance(value, str) else value for value in values])
    return stream.getvalue()


def csv_of_frame(frame: "pl.DataFrame") -> str:
    """Return the same of a table of polars."""
    import polars as pl

    columns = []
    for column in frame:
        if column.dtype == pl.String:
            changed = {text: cell(text) for text in column.unique().drop_nulls() if cell(text) != text}
            column = column.replace(changed) if changed else column
        columns.append(column.alias(cell(column.name)))
    return pl.DataFrame(columns).write_csv()

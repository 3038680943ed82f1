"""Tables in text (CSV and its relatives), read block by block; polars' messages, which quote cells, stay here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from lnncmp.errors import DataError
from lnncmp.sources.rows import Rows, split_rows
from lnncmp.sources.table.chunks import Chunk, Opened
from lnncmp.sources.table.delimiters import NONE, tidied
from lnncmp.sources.table.dialect import Dialect, find_dialect, first_rows
from lnncmp.sources.table.files import TableFile
from lnncmp.sources.table.text import Found, text_blocks

_HEADER_LINE = 1


def open_delimited(file: TableFile) -> Opened:
    """Return the text table `file`, its layout found. Raises DataError if it is no table."""
    dialect = find_dialect(file)
    return Opened(
        file=file.name,
        columns=dialect.names,
        rows=int(file.size / dialect.row_bytes),  # of a packed file too few: what is kept is counted while reading
        head=lambda names: _head(file, dialect, names),
        read=lambda names, notes: _chunks(file, dialect, names, notes),
        unnamed=dialect.unnamed,
        notes=dialect.notes,
    )


def _head(file: TableFile, dialect: Dialect, names: Sequence[str]) -> Chunk:
    """Return the first rows as far as they are complete."""
    rows = first_rows(file, dialect)
    places = {name: dialect.names.index(name) for name in names}
    cells = {name: pl.Series(name, [row[place] for row in rows], pl.String) for name, place in places.items()}
    return Chunk(file.name, file.series, cells, np.arange(len(rows)), "line", dialect.style)


def _chunks(file: TableFile, dialect: Dialect, names: Sequence[str], notes: list[str]) -> Iterator[Chunk]:
    """Yield all rows. Raises DataError at a row with more or fewer cells than the header."""
    found, blank, header = Found(), 0, dialect.header
    for block in text_blocks(file, found):
        text = tidied(block.text, dialect.delimiter)
        rows = split_rows(replace(block, text=text), dialect.separator, dialect.delimiter == NONE)
        blank += rows.blank
        _refuse_ragged(rows, dialect, file)
        frame = _frame(rows, dialect, names, file)
        lines = rows.lines
        if header and len(frame):
            frame, lines, header = frame[1:], lines[1:], False
        cells = {name: frame.to_series(place) for place, name in enumerate(frame.columns)}
        yield Chunk(file.name, file.series, cells, lines, "line", dialect.style)
    notes += [f"read as {found.encoding}"] if found.encoding != "UTF-8" else []
    notes += ["lines end with CR alone"] if found.carriage_returns else []
    notes += [f"{blank:,} blank line{'s' if blank > 1 else ''} left out"] if blank else []


def _refuse_ragged(rows: Rows, dialect: Dialect, file: TableFile) -> None:
    odd = np.flatnonzero(rows.cells != len(dialect.names))
    if len(odd):
        cells, wide = rows.cells[odd[0]], len(dialect.names)
        raise DataError(
            f"line {rows.lines[odd[0]]} of {file.name} has {cells:,} cell{'s' if cells > 1 else ''}, "
            f"the {'header' if dialect.header else 'first row'} has {wide:,}",
            "Every row should have as many cells as there are columns; titles above the header are not read.",
        )


def _frame(rows: Rows, dialect: Dialect, names: Sequence[str], file: TableFile) -> pl.DataFrame:
    """Return the cells of chosen columns as texts."""
    # polars insists on these names where there is no header; unneeded columns are never decoded.
    internal = {f"column_{place}": pl.String() for place in range(1, len(dialect.names) + 1)}
    chosen = {f"column_{dialect.names.index(name) + 1}": name for name in names}
    if not rows.text or not chosen:
        return pl.DataFrame({name: [] for name in names}, schema=dict.fromkeys(names, pl.String()))
    try:
        frame = pl.read_csv(
            rows.text, has_header=False, schema=internal, columns=list(chosen), separator=dialect.separator.decode()
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        frame = pl.DataFrame()
    if len(frame) != len(rows.lines):
        first = rows.lines[0] if len(rows.lines) else _HEADER_LINE
        raise DataError(f"{file.name} has a cell after line {first} whose quotation marks do not match")
    return frame.rename(chosen).select(list(names))

"""Read some columns of a table, block by block, into polars frames; polars' messages, which quote cells, stay here."""

import csv
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from lnncmp.errors import DataError
from lnncmp.sources.base import Progress
from lnncmp.sources.mimic3.extraction.blocks import text_blocks
from lnncmp.sources.mimic3.extraction.tables import EXPECTED, GET, Table
from lnncmp.sources.rows import Rows, split_rows
from lnncmp.sources.whole_rows import Block, end_of_first_row

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
MOST_COLUMNS = 200
"""Columns of a table of MIMIC-III, at most; the widest has 19."""
ONLY_IN_MIMIC4 = ("STAY_ID", "ANCHOR_AGE")


def read_frames(table: Table, columns: Mapping[str, pl.DataType], progress: Progress) -> Iterator[pl.DataFrame]:
    """Yield frames with the `columns` (name in capitals -> type) of all rows of `table`, in the order of the file.

    The header may be in any case of letters, quoted or not, in any order; other columns are ignored. No type is
    guessed. Raises DataError if a column is missing, a typed cell does not parse, or the table has no rows.
    """
    names: list[str] = []
    rows = 0
    for block in text_blocks(table, lambda done: progress(f"reading {table.name}", done, table.size)):
        if not names:
            names, block = _headed(block, table, columns)
        whole = _whole(block, names, table)
        if not len(whole.lines):
            continue
        frame = _parse(whole, names, table, columns)
        rows += frame.height
        yield frame
    if not rows:
        raise DataError(f"{table.path} has {'a header but no rows' if names else 'no text in it'}", GET)


def read_frame(table: Table, columns: Mapping[str, pl.DataType], progress: Progress) -> pl.DataFrame:
    """Return the `columns` of a small `table` whole. Raises DataError as `read_frames`."""
    return pl.concat(read_frames(table, columns, progress))


def epoch_seconds(frame: pl.DataFrame, column: str, table: Table, *, required: bool = True) -> pl.Series:
    """Return a text column of times as whole seconds since 1970, null where it is empty.

    Seconds, because nanoseconds overflow after 292 years, and births are up to 300 years before a stay. Raises
    DataError if a time does not parse, or is empty though it is `required`.
    """
    text = frame[column].str.strip_chars().replace("", None)
    seconds = text.str.to_datetime(TIME_FORMAT, time_unit="ms", strict=False).dt.epoch("s").alias(column)
    bad = seconds.null_count() - (0 if required else text.null_count())
    if bad:
        raise DataError(
            f"{table.path} has {bad:,} {'rows' if bad > 1 else 'row'} whose {column} is not a time written like "
            f"2101-12-31 23:59:00",
            f"A table that a spreadsheet has saved loses its times. {GET}",
        )
    return seconds


def _headed(block: Block, table: Table, wanted: Mapping[str, pl.DataType]) -> tuple[list[str], Block]:
    """Return the names of the columns, in capitals, and the block without their row."""
    text = block.text.lstrip(b"\n ")
    end = end_of_first_row(text)
    line = block.line + block.text.count(b"\n", 0, len(block.text) - len(text) + end)
    return _names(text[:end], table, wanted), Block(text[end:], line)


def _names(header: bytes, table: Table, wanted: Mapping[str, pl.DataType]) -> list[str]:
    line = header.decode("utf-8", "replace").strip("\n ")
    try:
        names = [" ".join(name.split()).upper() for name in next(csv.reader([line]), [])]
    except csv.Error:
        names = []
    if not 0 < len(names) <= MOST_COLUMNS:
        raise DataError(f"{table.path} does not begin with the names of the columns of {table.name}", GET)
    later = [name for name in ONLY_IN_MIMIC4 if name in names]
    if later:
        raise DataError(f"{table.path} is a table of MIMIC-IV (it has the column {later[0]}), {EXPECTED}", GET)
    missing = [name for name in wanted if names.count(name) != 1]
    if not missing:
        return names
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) < 3 and line.count(separator) > 1:
            raise DataError(f"the columns of {table.path} are separated by {word}, expected commas", GET)
    twice = [name for name in missing if name in names]
    what = "has more than once" if twice else "lacks"
    raise DataError(f"the table {table.name} in {table.path} {what} the column {', '.join(twice or missing)}", GET)


def _whole(block: Block, names: list[str], table: Table) -> Rows:
    """Return the rows of `block`. Raises DataError if one has not as many cells as there are `names`."""
    ended = block.text.endswith(b"\n") or not block.text
    rows = split_rows(block if ended else Block(block.text + b"\n", block.line), b",", keep_blank=False)
    odd = np.flatnonzero(rows.cells != len(names))
    if not len(odd):
        return rows
    first, cells = int(rows.lines[odd[0]]), int(rows.cells[odd[0]])
    if not ended and odd[0] == len(rows.cells) - 1 and cells < len(names):
        raise DataError(f"{table.path} is truncated: it ends in the middle of a row", GET)
    raise DataError(
        f"{table.path} has a row with more or fewer cells than its header ({cells:,} in line {first:,}, expected "
        f"{len(names):,}; {len(odd):,} such rows in the lines {block.line:,} to {rows.lines[-1]:,})",
        GET,
    )


def _parse(rows: Rows, names: list[str], table: Table, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the frame of one block without a header."""
    # polars insists on these names where there is no header; unneeded columns are text, and never decoded.
    internal = {f"column_{index}": columns.get(name, pl.String()) for index, name in enumerate(names, start=1)}
    chosen = {f"column_{names.index(name) + 1}": name for name in columns}
    try:
        frame = pl.read_csv(rows.text, has_header=False, schema=internal, columns=list(chosen), encoding="utf8-lossy")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        culprits = [name for internal_name, name in chosen.items() if f"'{internal_name}'" in str(error)]
        where = f" in column {culprits[0]}" if culprits else ""
        raise DataError(f"{table.path} has a cell{where} that cannot be read", GET) from None
    if frame.height != len(rows.lines):
        raise DataError(f"{table.path} has a quotation mark inside a cell after line {rows.lines[0]:,}", GET)
    return frame.rename(chosen).select(list(columns))

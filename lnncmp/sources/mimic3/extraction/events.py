"""Stage one: keep the rows of the items asked for, as small parquet files by bucket of subjects.

About 15% of CHARTEVENTS is of these items; four narrow columns of it are about 1 GB in memory for the full set, so
rows are written away every FLUSH rows and never held together.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from lnncmp.common.files import write_bytes
from lnncmp.errors import DataError
from lnncmp.sources.base import Progress
from lnncmp.sources.mimic3.extraction.frames import epoch_seconds, read_frames
from lnncmp.sources.mimic3.extraction.items import CHART_ITEMS, OUTPUT_ITEMS, itemids
from lnncmp.sources.mimic3.extraction.tables import GET, OUTPUTEVENTS, Table

FLUSH = 1_000_000
"""Rows held before they are written, 24 bytes each."""

EVENT_SCHEMA = {"SUBJECT_ID": pl.Int32(), "ITEMID": pl.Int32(), "time": pl.Int64(), "value": pl.Float64()}
"""Time in seconds since 1970, value as in the table."""


@dataclass(frozen=True)
class Layout:
    """The names in a table of events: its items, the column of the number, the column of the error flag."""

    items: list[int]
    number: str
    error: str


LAYOUTS = {
    "CHARTEVENTS": Layout(itemids(CHART_ITEMS), "VALUENUM", "ERROR"),
    OUTPUTEVENTS: Layout(itemids(OUTPUT_ITEMS), "VALUE", "ISERROR"),
}


def split_events(tables: Sequence[Table], folder: Path, edges: Sequence[int], progress: Progress) -> dict[str, int]:
    """Write the events of `tables` to `folder`, by bucket (see `Stays.edges`); return how many rows each filter left.

    Counts: "rows of <table>", "asked", "number", "valid". Raises DataError if a table is damaged.
    """
    counts: Counter[str] = Counter()
    held: list[pl.DataFrame] = []
    part = 0
    for table in tables:
        for events in _events(table, counts, progress):
            held.append(events)
            if sum(frame.height for frame in held) >= FLUSH:
                _write(held, folder, edges, part)
                held, part = [], part + 1
    _write(held, folder, edges, part)
    return dict(counts)


def read_bucket(folder: Path, bucket: int) -> pl.DataFrame:
    """Return the events (EVENT_SCHEMA) of one bucket that `split_events` wrote."""
    parts = [pl.read_parquet(path, memory_map=False) for path in sorted(folder.glob(f"bucket-{bucket:03d}-*.parquet"))]
    return pl.concat([pl.DataFrame(schema=EVENT_SCHEMA), *parts])


def _events(table: Table, counts: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
    """Yield the events of one table, block by block, adding to `counts`."""
    layout = LAYOUTS[table.name]
    columns = {
        "SUBJECT_ID": pl.Int32(),
        "ITEMID": pl.Int32(),
        "CHARTTIME": pl.String(),
        layout.number: pl.String(),
        layout.error: pl.String(),
    }
    for frame in read_frames(table, columns, progress):
        counts[f"rows of {table.name}"] += frame.height
        for column in ("SUBJECT_ID", "ITEMID"):
            if frame[column].null_count():
                raise DataError(f"{table.path} has a row without its {column}", GET)
        asked = frame.filter(pl.col("ITEMID").is_in(layout.items))
        counts["asked"] += asked.height
        asked = asked.with_columns(value=_number(asked, layout.number, table))
        numbered = asked.filter(pl.col("value").is_finite())
        counts["number"] += numbered.height
        # Null, as in all of CareVue, means that the row was not flagged.
        valid = numbered.filter(pl.col(layout.error).cast(pl.Float64, strict=False).fill_null(0.0) != 1.0)
        counts["valid"] += valid.height
        yield valid.with_columns(time=epoch_seconds(valid, "CHARTTIME", table)).select(list(EVENT_SCHEMA))


def _number(frame: pl.DataFrame, column: str, table: Table) -> pl.Series:
    """Return a text column as numbers, null where it is empty. Raises DataError if a cell is no number."""
    text = frame[column].str.strip_chars().replace("", None)
    numbers = text.cast(pl.Float64, strict=False)
    bad = numbers.null_count() - text.null_count()
    if bad:
        raise DataError(f"{table.path} has text in column {column} where a number belongs ({bad:,} times)", GET)
    return numbers


def _write(held: list[pl.DataFrame], folder: Path, edges: Sequence[int], part: int) -> None:
    """Write what is `held` to one file per bucket."""
    if not held:
        return
    events = pl.concat(held)
    bucket = np.searchsorted(np.asarray(edges, np.int64), events["SUBJECT_ID"].to_numpy(), side="right")
    for index in np.unique(bucket):
        path = folder / f"bucket-{index:03d}-{part:05d}.parquet"
        content = io.BytesIO()  # polars writes past Python: its error on a full disk would be no OSError
        events.filter(pl.Series(bucket == index)).write_parquet(content)
        write_bytes(path, content.getvalue(), 0o600)

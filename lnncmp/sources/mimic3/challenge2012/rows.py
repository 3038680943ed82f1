"""Texts of stays become frames of events; polars' messages, which quote cells, stay here.

A text is a header and rows `HH:MM,Parameter,Value`, where HH:MM is the time since admission to the unit.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from lnncmp.errors import DataError
from lnncmp.sources.mimic3.challenge2012.archives import StayText
from lnncmp.sources.mimic3.challenge2012.copies import GET
from lnncmp.sources.mimic3.challenge2012.parameters import CODES, RECORD_ID
from lnncmp.sources.mimic3.extraction.events import EVENT_SCHEMA
from lnncmp.sources.parsing import parsing

HEADER = b"time,parameter,value"
_NUMBERS = {**CODES, RECORD_ID: len(CODES)}
_CELLS = 3
_COLUMNS = {"time": pl.String(), "parameter": pl.String(), "value": pl.String()}


def events_of(stays: Sequence[StayText], counts: Counter[str]) -> pl.DataFrame:
    """Return the events (EVENT_SCHEMA) of `stays`: SUBJECT_ID is the record, ITEMID one of CODES, time in seconds.

    Adds to `counts`: "rows", "known" (of a known parameter), "number" (with a number).
    Raises DataError if a text is not one of the challenge, without naming the stay.
    """
    bodies = [_body(stay) for stay in stays]
    lengths = [body.count(b"\n") for body in bodies]
    frame = _parse(b"".join(bodies))
    if frame.height != sum(lengths):
        raise _refused("a row that cannot be read")
    records = np.repeat(np.array([stay.record for stay in stays], np.int32), lengths)
    number = frame["value"].str.strip_chars().replace("", None)
    value = number.cast(pl.Float64, strict=False)
    if value.null_count() > number.null_count():
        raise _refused("text where a number belongs")
    known = frame["parameter"].replace_strict(_NUMBERS, default=None, return_dtype=pl.Int32)
    events = pl.DataFrame({"SUBJECT_ID": records, "ITEMID": known, "time": _seconds(frame["time"]), "value": value})
    counts["rows"] += events.height
    events = events.drop_nulls("ITEMID")
    counts["known"] += events.height
    named = events.filter(pl.col("ITEMID") == _NUMBERS[RECORD_ID])
    if not (named["value"] == named["SUBJECT_ID"]).all():
        raise _refused(f"a {RECORD_ID} that is not the name of its file")
    events = events.filter(pl.col("ITEMID") < len(CODES), pl.col("value").is_finite())
    counts["number"] += events.height
    return events.select(list(EVENT_SCHEMA))


def _body(stay: StayText) -> bytes:
    """Return the rows of a stay, one a line, without the header. Raises DataError for another header."""
    header, *rows = stay.text.removeprefix(b"\xef\xbb\xbf").split() or [b""]
    if header.lower() != HEADER:
        raise _refused("a file whose first line is not Time,Parameter,Value")
    if any(row.count(b",") != _CELLS - 1 for row in rows):
        raise _refused(f"a row that has not {_CELLS} cells")
    return b"\n".join(rows) + b"\n" if rows else b""


def _parse(text: bytes) -> pl.DataFrame:
    if not text:
        return pl.DataFrame(schema=_COLUMNS)
    with parsing(_refused("a row that cannot be read")):
        return pl.read_csv(text, has_header=False, schema=_COLUMNS, quote_char=None, encoding="utf8-lossy")


def _seconds(times: pl.Series) -> pl.Series:
    """Return times written HH:MM as whole seconds since admission. Raises DataError."""
    parts = pl.DataFrame({"text": times}).select(
        whole=pl.col("text").str.contains(r"^\d\d:[0-5]\d$").fill_null(value=False),
        hours=pl.col("text").str.slice(0, 2).cast(pl.Int64, strict=False),
        minutes=pl.col("text").str.slice(3, 2).cast(pl.Int64, strict=False),
    )
    if not parts["whole"].all():
        raise _refused("a time that is not written like 07:30")
    return parts["hours"] * 3600 + parts["minutes"] * 60


def _refused(what: str) -> DataError:
    return DataError(f"the data are not those of the PhysioNet Challenge 2012: a stay holds {what}", GET)

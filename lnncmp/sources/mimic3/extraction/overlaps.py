"""Stays of one subject that overlap, as spans that do not: each belongs to the stay that began last and contains it."""

from heapq import heappop, heappush
from itertools import groupby, pairwise

import polars as pl


def disjoint(stays: pl.DataFrame) -> pl.DataFrame:
    """Return the spans of `stays` (frame of `Stays`, its rows numbered from 0), sorted by subject and time.

    Columns: SUBJECT_ID, stay (Int32, the row of the stay), start of that stay, begin and until of the span (Int64,
    seconds; `until` is outside). Of two stays that began together the one that ends later counts.
    """
    spans: list[tuple[int, int, int, int, int]] = []
    numbered = enumerate(stays.select("SUBJECT_ID", "start", "end").iter_rows())
    for subject, rows in groupby(numbered, key=lambda row: row[1][0]):
        spans += _of_one(subject, [(start, end, stay) for stay, (_, start, end) in rows])
    names = {
        "SUBJECT_ID": pl.Int32(),
        "stay": pl.Int32(),
        "start": pl.Int64(),
        "begin": pl.Int64(),
        "until": pl.Int64(),
    }
    return pl.DataFrame(spans, schema=names, orient="row")


def _of_one(subject: int, stays: list[tuple[int, int, int]]) -> list[tuple[int, int, int, int, int]]:
    """Return the spans of one subject. stays: (start, end, row), sorted."""
    spans = []
    times = sorted({time for start, end, _ in stays for time in (start, end)})
    waiting = list(reversed(stays))
    begun: list[tuple[int, int, int]] = []  # (-row, start, end): the stay that began last is on top
    for begin, until in pairwise(times):
        while waiting and waiting[-1][0] <= begin:
            start, end, row = waiting.pop()
            heappush(begun, (-row, start, end))
        while begun and begun[0][2] <= begin:
            heappop(begun)
        if begun:
            spans.append((subject, -begun[0][0], begun[0][1], begin, until))
    return spans

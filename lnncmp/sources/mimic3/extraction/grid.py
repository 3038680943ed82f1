"""Stage two: events of one bucket of subjects become rows of time by variable, one block of rows per stay."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.sources.mimic3.extraction.columns import MIMIC3, Columns
from lnncmp.sources.mimic3.extraction.items import Convert, item_rows
from lnncmp.sources.mimic3.extraction.overlaps import disjoint

HOUR = 3600

GRIDS = {"hour": HOUR, "event": 1}
"""Seconds of a bin by name of the grid; times of MIMIC-III are whole seconds, so a bin of "event" is one time."""


_SPAN = 1 << 40
"""More seconds than there are between any two times."""


@dataclass(frozen=True)
class Bucket:
    """The stays of a bucket with at least one core observation, in order, their rows one after the other.

    values (N, V) float64, NaN where not `observed`; times (N,) hours since INTIME; lengths (S,) rows of each stay;
    subjects (S,) SUBJECT_ID; counts: COUNTS; dropped (V,): rows outside the plausible range, by variable.
    """

    values: NDArray[np.float64]
    observed: NDArray[np.bool_]
    times: NDArray[np.float64]
    lengths: NDArray[np.int64]
    subjects: NDArray[np.int64]
    counts: NDArray[np.int64]
    dropped: NDArray[np.int64]


COUNTS = (
    "plausible",
    "inside",
    "inside stays",
    "inside subjects",
    "distinct",
    "core stays",
    "core subjects",
    "hours",
    "rows",
    "net urine dropped",
)
"""What `Bucket.counts` counts: rows of events left by each filter, stays and subjects, hours and rows of recordings."""


def make_bucket(events: pl.DataFrame, stays: pl.DataFrame, grid: str, columns: Columns = MIMIC3) -> Bucket:
    """Return the bucket of `events` (EVENT_SCHEMA) and `stays` (frame of `Stays`) on the "hour" or "event" grid."""
    plausible, dropped = _plausible(events, columns)
    inside = _inside(plausible, stays)
    distinct = inside.unique(["stay", "ITEMID", "time", "value"]).with_columns(
        bin=(pl.col("time") - pl.col("start")) // GRIDS[grid]
    )
    stay, variable, bins, values = _cells(distinct, columns)
    low = np.array([v.low for v in columns.variables])
    high = np.array([v.high for v in columns.variables])
    # Only a sum can leave the range that its terms are in: more irrigant than urine within the hour.
    fits = (values >= low[variable]) & (values <= high[variable])
    stay, variable, bins, values = stay[fits], variable[fits], bins[fits], values[fits]
    rows_stay, rows_bin, cell_row = _rows(stay, variable < columns.core, bins, grid)
    dense = np.full((len(rows_stay), len(columns.variables)), np.nan)
    kept = cell_row >= 0
    dense[cell_row[kept], variable[kept]] = values[kept]
    present, lengths = np.unique(rows_stay, return_counts=True)
    subjects = stays["SUBJECT_ID"].to_numpy().astype(np.int64)[present]
    spans = (stays["end"] - stays["start"]).to_numpy()[present]
    within = inside["stay"].unique()
    counts = {
        "plausible": plausible.height,
        "inside": inside.height,
        "inside stays": len(within),
        "inside subjects": stays["SUBJECT_ID"].gather(within).n_unique(),
        "distinct": distinct.height,
        "core stays": len(present),
        "core subjects": len(np.unique(subjects)),
        "hours": int(np.sum(-(-spans // HOUR))),
        "rows": len(dense),
        "net urine dropped": int(np.sum(~fits)),
    }
    return Bucket(
        values=dense,
        observed=~np.isnan(dense),
        times=np.asarray(rows_bin / (HOUR // GRIDS[grid]), np.float64),
        lengths=lengths.astype(np.int64),
        subjects=subjects,
        counts=np.array([counts[name] for name in COUNTS], np.int64),
        dropped=dropped,
    )


def _plausible(events: pl.DataFrame, columns: Columns) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Convert units and keep values within their range; return them and how many were dropped by variable."""
    table = pl.DataFrame(
        item_rows(columns.items, columns.variables),
        schema={
            "ITEMID": pl.Int32(),
            "variable": pl.Int8(),
            "convert": pl.Int8(),
            "rank": pl.Int8(),
            "low": pl.Float64(),
            "high": pl.Float64(),
        },
        orient="row",
    )
    value = pl.col("value")
    converted = (
        pl.when(pl.col("convert") == Convert.FAHRENHEIT)
        .then((value - 32.0) * 5.0 / 9.0)
        .when((pl.col("convert") == Convert.PERCENT_ABOVE_ONE) & (value > 1.0))
        .then(value / 100.0)
        .otherwise(value)
    )
    joined = events.join(table, on="ITEMID").with_columns(value=converted)
    fits = joined["value"].is_between(joined["low"], joined["high"])
    dropped = np.bincount(joined.filter(~fits)["variable"].to_numpy(), minlength=len(columns.variables))
    # The sign comes after the range: what ran in is held to the same range as what came out.
    signed = pl.when(pl.col("convert") == Convert.SUBTRACT).then(-value).otherwise(value)
    kept = joined.filter(fits).select("SUBJECT_ID", "ITEMID", "time", "variable", "rank", value=signed)
    return kept, dropped.astype(np.int64)


def _inside(events: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Assign each event to the stay of its subject that contains it, INTIME <= time < OUTTIME; drop events in none.

    ICUSTAY_ID is not used: it tags rows up to hours outside of the stay and is missing in others. An event in several
    overlapping stays goes to the one of them that began last.
    """
    spans = disjoint(stays)
    begins = spans["begin"].to_numpy()
    zero = begins.min(initial=0)
    subjects = np.unique(spans["SUBJECT_ID"].to_numpy())
    # One sorted number per span, subject first: the last that is not above an event's is the span that it can be in.
    keys = np.searchsorted(subjects, spans["SUBJECT_ID"].to_numpy()) * _SPAN + begins - zero
    owner = events["SUBJECT_ID"].to_numpy()
    place = np.searchsorted(subjects, owner)
    key = place * _SPAN + np.clip(events["time"].to_numpy() - zero, 0, _SPAN - 1)
    span = np.searchsorted(keys, key, side="right") - 1
    placed = events.with_columns(span=pl.Series(span, dtype=pl.Int32)).filter(span >= 0)
    joined = placed.join(spans.with_row_index("span").cast({"span": pl.Int32}), on=["SUBJECT_ID", "span"], how="inner")
    return joined.filter((pl.col("time") >= pl.col("begin")) & (pl.col("time") < pl.col("until"))).select(
        "stay", "start", "ITEMID", "time", "variable", "rank", "value"
    )


def _cells(
    events: pl.DataFrame, columns: Columns
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Sum up each (stay, variable, bin): the arrays stay, variable, bin and value of every cell that has events.

    Only events of the highest rank in the cell count: arterial pressures displace those of the cuff, for they differ
    systematically and an average of the two would jump with the mix.
    """
    cell = ["stay", "variable", "bin"]
    best = events.filter(pl.col("rank") == pl.col("rank").max().over(cell)).sort(*cell, "time", "ITEMID", "value")
    stay, variable, bins = (best[name].to_numpy().astype(np.int64) for name in cell)
    value = best["value"].to_numpy()
    if not len(value):
        return stay, variable, bins, value
    changes = (np.diff(stay) != 0) | (np.diff(variable) != 0) | (np.diff(bins) != 0)
    first = np.concatenate([[0], np.flatnonzero(changes) + 1])
    last = np.concatenate([first[1:], [len(value)]]) - 1
    sums = np.add.reduceat(value, first)
    combine = np.array([v.combine for v in columns.variables])[variable[first]]
    result = np.where(combine == "sum", sums, np.where(combine == "last", value[last], sums / (last - first + 1)))
    return stay[first], variable[first], bins[first], result


def _rows(
    stay: NDArray[np.int64], core: NDArray[np.bool_], bins: NDArray[np.int64], grid: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return stay and bin of every row of the recordings, and the row of every cell (-1: the cell is in none).

    core: which cells are of core variables. Rows run from the first to the last bin in which one was observed, for
    INTIME and OUTTIME are administrative; on the "event" grid only bins with such an observation are rows.
    """
    width = int(bins.max(initial=0)) + 1
    keys = np.unique(stay[core] * width + bins[core])
    if grid == "hour" and len(keys):
        _, start = np.unique(keys // width, return_index=True)
        end = np.concatenate([start[1:], [len(keys)]]) - 1
        keys = np.concatenate([np.arange(a, b + 1) for a, b in zip(keys[start], keys[end], strict=True)])
    cells = stay * width + bins
    position = np.searchsorted(keys, cells)
    found = np.isin(cells, keys, assume_unique=False)
    return keys // width, keys % width, np.where(found, position, -1)

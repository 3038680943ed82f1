"""MIMIC-III tables to one recording per stay, in two stages, with a result that is kept and an extraction that resumes.

Stage one reads the big tables once, block by block, and keeps 15% of the rows, by bucket of subjects (`events`).
Stage two turns one bucket after the other into stays on a grid (`grid`). Memory depends on the size of a bucket, not
of the tables. A bucket is a range of subjects, so buckets one after the other are the stays in order.

Everything kept lies in <cache>/mimic3/<content key>/, for the owner only; the key covers names, sizes and times of
the tables, items and ranges, grid and VERSION. A killed extraction goes on with the first bucket that is missing.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lnncmp.common.cache import content_key
from lnncmp.data.recording import AttritionStep, Recording
from lnncmp.errors import DataError, unknown_name
from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.mimic3.extraction import store
from lnncmp.sources.mimic3.extraction.events import read_bucket, split_events
from lnncmp.sources.mimic3.extraction.grid import COUNTS, GRIDS, Bucket, make_bucket
from lnncmp.sources.mimic3.extraction.items import described
from lnncmp.sources.mimic3.extraction.stays import Stays, read_stays
from lnncmp.sources.mimic3.extraction.tables import OUTPUTEVENTS, Table, find_tables
from lnncmp.sources.mimic3.variables import NAMES

VERSION = 2
"""Raised whenever the same tables give other recordings."""
BYTES_PER_BUCKET = 175_000_000
"""Bytes of CHARTEVENTS as text per bucket: about a quarter of a million events of the items asked for."""
GZIP_RATIO = 10
MOST_BUCKETS = 128


@dataclass(frozen=True)
class Extraction:
    """What the tables hold.

    recordings: one per stay of an adult with any core observation, ordered by subject and INTIME; columns
        `lnncmp.sources.mimic3.variables.VARIABLES`, values NaN where not observed, times in hours since INTIME, group
        "subject-<SUBJECT_ID>".
    attrition: what was lost on the way, in order.
    """

    recordings: list[Recording]
    attrition: tuple[AttritionStep, ...]


def extract(
    folder: Path,
    cache: Path,
    *,
    name: str,
    grid: str = "hour",
    buckets: int | None = None,
    progress: Progress = no_progress,
    warn: Callable[[str], None] = lambda message: None,
) -> Extraction:
    """Return the stays in the MIMIC-III tables of `folder`, kept in `cache` for the next time.

    name: what warnings call the data. grid "hour": row k is hour [k, k + 1) since INTIME, from the first to the last
    hour with a core observation, hours without any in between included. grid "event": a row at every distinct time
    at which a core variable was observed; other variables only if observed at the same time. buckets: how many parts
    stage two works in; the result does not depend on it.

    Raises DataError if a table is missing, damaged or not what it should be, or if no adult has an observation;
    nothing is left in the cache then. Raises UsageError for an unknown grid.
    """
    if grid not in GRIDS:
        raise unknown_name("grid", grid, GRIDS)
    tables = find_tables(folder, warn)
    if OUTPUTEVENTS not in tables:
        warn(f"{folder} has no table {OUTPUTEVENTS}: urine output of the {name} data is never observed")
    home = store.private_dir(store.private_dir(cache / "mimic3") / _key(tables, grid))
    try:
        with store.locked(home):
            made, steps = _obtain(home, tables, grid, buckets or _bucket_count(tables), progress, warn)
            return Extraction(cut(made, "subject"), steps)
    except DataError:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _key(tables: dict[str, Table], grid: str) -> str:
    files = {table.name: [table.path.name, table.size, table.mtime_ns] for table in tables.values()}
    return content_key({"tables": files, "grid": grid, "version": VERSION, **described()})


def _bucket_count(tables: dict[str, Table]) -> int:
    """Return how many buckets keep stage two small, judged by the size of CHARTEVENTS."""
    chart = tables["CHARTEVENTS"]
    text = chart.size * (GZIP_RATIO if chart.path.name.lower().endswith(".gz") else 1)
    return min(MOST_BUCKETS, 1 + text // BYTES_PER_BUCKET)


def _obtain(
    home: Path,
    tables: dict[str, Table],
    grid: str,
    buckets: int,
    progress: Progress,
    warn: Callable[[str], None],
) -> tuple[list[Bucket], tuple[AttritionStep, ...]]:
    """Return the finished extraction in `home`, making what is missing."""
    try:
        kept = store.read_complete(home)
    except DataError as error:
        warn(f"{error.message}; making it again")
        store.clear(home)
        kept = None
    if kept is not None:
        return kept
    stays = read_stays(tables["ICUSTAYS"], tables["PATIENTS"], progress)
    counts = _stage_one(home, tables, stays.edges(buckets), buckets, progress)
    paths = _stage_two(home, stays, grid, buckets, progress)
    made = [bucket for path in paths if (bucket := store.read_bucket_file(path)) is not None]
    steps = (*stays.steps, *attrition_steps(counts, made, grid))
    if not any(len(bucket.subjects) for bucket in made):
        raise DataError(
            "no stay of an adult has a vital sign between its INTIME and OUTTIME in CHARTEVENTS",
            "Are the tables from the same copy of MIMIC-III? The subjects of ICUSTAYS have to be in CHARTEVENTS.",
        )
    store.finish(home, paths, steps)
    return made, steps


def _stage_one(
    home: Path, tables: dict[str, Table], edges: Sequence[int], buckets: int, progress: Progress
) -> dict[str, int]:
    """Write the events by bucket unless a killed extraction already did; return what each filter left."""
    marker = store.read_json(home / store.EVENTS_COMPLETE)
    if marker is not None and marker.get("buckets") == buckets:
        return {str(name): int(count) for name, count in marker["counts"].items()}
    store.clear(home)
    folder = store.private_dir(home / store.EVENTS)
    big = [tables[name] for name in ("CHARTEVENTS", OUTPUTEVENTS) if name in tables]
    try:
        counts = split_events(big, folder, edges, progress)
    except BaseException:  # also Ctrl-C: half of the events are useless
        shutil.rmtree(folder, ignore_errors=True)
        raise
    store.write_json(home / store.EVENTS_COMPLETE, {"buckets": buckets, "counts": counts})
    return counts


def _stage_two(home: Path, stays: Stays, grid: str, buckets: int, progress: Progress) -> list[Path]:
    """Make the buckets that are missing; return the files of all, in order."""
    edges = np.asarray(stays.edges(buckets), np.int64)
    member = np.searchsorted(edges, stays.frame["SUBJECT_ID"].to_numpy(), side="right")
    paths = [store.bucket_path(home, index, buckets) for index in range(buckets)]
    for index, path in enumerate(paths):
        progress("putting stays on their grid", index, buckets)
        if store.read_bucket_file(path) is None:
            mine = stays.frame.filter(member == index)
            store.write_bucket(path, make_bucket(read_bucket(home / store.EVENTS, index), mine, grid))
    progress("putting stays on their grid", buckets, buckets)
    return paths


def cut(buckets: Sequence[Bucket], kind: str) -> list[Recording]:
    """Return one recording per stay, in order; its group is `kind`, a hyphen and the bucket's name of the subject."""
    recordings: list[Recording] = []
    for bucket in buckets:
        ends = np.cumsum(bucket.lengths)
        for subject, start, end in zip(bucket.subjects, ends - bucket.lengths, ends, strict=True):
            rows = slice(start, end)
            group = f"{kind}-{subject}"
            recordings.append(Recording(bucket.values[rows], bucket.times[rows], bucket.observed[rows], group))
    return recordings


def counted(buckets: Sequence[Bucket], names: Sequence[str]) -> tuple[dict[str, int], str]:
    """Return the counts of all buckets by name, and in words how many values of each variable were out of range."""
    total = dict(zip(COUNTS, (int(n) for n in np.sum([bucket.counts for bucket in buckets], axis=0)), strict=True))
    dropped = np.sum([bucket.dropped for bucket in buckets], axis=0)
    words = ", ".join(f"{name} {count:,}" for name, count in zip(names, dropped, strict=True) if count)
    return total, words or "none"


def attrition_steps(read: Mapping[str, int], buckets: Sequence[Bucket], grid: str) -> tuple[AttritionStep, ...]:
    """Return the steps from the rows read (counts of `split_events`) to the rows of the recordings."""
    total, ranges = counted(buckets, NAMES)
    chart, output = read.get("rows of CHARTEVENTS", 0), read.get(f"rows of {OUTPUTEVENTS}", 0)
    stays = {"recordings": total["core stays"], "groups": total["core subjects"]}
    net = total["net urine dropped"]
    steps = [
        AttritionStep("rows read", f"{chart:,} of CHARTEVENTS and {output:,} of {OUTPUTEVENTS}", chart + output),
        AttritionStep("rows of the items asked for", "other items", read.get("asked", 0)),
        AttritionStep("rows with a number", "text only, or nothing", read.get("number", 0)),
        AttritionStep("rows not flagged as errors", "flagged as an error by the hospital", read.get("valid", 0)),
        AttritionStep("rows within a plausible range", f"artefacts: {ranges}", total["plausible"]),
        AttritionStep(
            "rows inside a stay",
            "outside of INTIME to OUTTIME of every stay of an adult",
            total["inside"],
            total["inside stays"],
            total["inside subjects"],
        ),
        AttritionStep("rows without duplicates", "same item, time and value in the same stay", total["distinct"]),
        AttritionStep("stays with a core variable", "no vital sign was ever observed", **stays),
    ]
    if grid == "hour":
        steps += [
            AttritionStep("hours of these stays", "hours begun from INTIME to OUTTIME", total["hours"], **stays),
            AttritionStep(
                "hours kept",
                "no core variable before the first or after the last of them"
                + (f"; {net:,} hourly sums of urine below zero or above the range dropped" if net else ""),
                total["rows"],
                **stays,
            ),
        ]
    else:
        reason = "rows are the distinct times at which a core variable was observed"
        steps.append(AttritionStep("times kept", reason, total["rows"], **stays))
    return tuple(steps)

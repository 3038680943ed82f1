"""Sets of the challenge to one recording per stay, kept in the private cache.

Everything kept lies in <cache>/mimic3/<content key>/, for the owner only; the key covers the bytes of the copy, the
sets, parameters and ranges, grid and VERSION. Stays are ordered by record: their order in an archive does not matter.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lnncmp.common.cache import content_key
from lnncmp.data.recording import AttritionStep
from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.sources.base import Progress, no_progress
from lnncmp.sources.mimic3.challenge2012.archives import StayText
from lnncmp.sources.mimic3.challenge2012.copies import GET, Copy, text_hash
from lnncmp.sources.mimic3.challenge2012.parameters import ALL_COLUMNS, CASE_COLUMNS
from lnncmp.sources.mimic3.challenge2012.rows import events_of
from lnncmp.sources.mimic3.extraction import store
from lnncmp.sources.mimic3.extraction.columns import Columns
from lnncmp.sources.mimic3.extraction.extraction import Extraction, counted, cut
from lnncmp.sources.mimic3.extraction.grid import GRIDS, Bucket, make_bucket
from lnncmp.sources.mimic3.extraction.items import described

VERSION = 1
"""Raised whenever the same copy gives other recordings."""
HOURS = 48
STAYS_AT_ONCE = 500
CONTENTS = "contents.json"
CHOICES = {"case": CASE_COLUMNS, "all": ALL_COLUMNS}


@dataclass(frozen=True)
class Wanted:
    """What recordings are to hold.

    grid: "hour" or "event", as of the tables of MIMIC-III. variables: "case" for its twelve, "all" for the 41
    parameters of the challenge. quantum: hours to whose multiples times are rounded, None for the minutes as recorded.
    ranges: whether values outside of the plausible range are dropped.
    """

    grid: str = "hour"
    variables: str = "case"
    quantum: float | None = None
    ranges: bool = True

    def __post_init__(self) -> None:
        if self.grid not in GRIDS:
            raise unknown_name("grid", self.grid, GRIDS)
        if self.variables not in CHOICES:
            raise unknown_name("choice of variables", self.variables, CHOICES)
        if self.quantum is not None and not self.quantum > 0:
            raise UsageError(f"the quantum of times should be above 0 hours, got {self.quantum}")

    @property
    def columns(self) -> Columns:
        """The columns of the recordings.

        Without ranges every number is inside of them. Of all parameters, numbers of one time are averaged.
        """
        chosen = CHOICES[self.variables]
        changes: dict[str, Any] = {} if self.ranges else {"low": -np.inf, "high": np.inf}
        if self.variables == "all" and self.grid == "event":
            changes["combine"] = "mean"
        return replace(chosen, variables=tuple(replace(variable, **changes) for variable in chosen.variables))


def extract(
    copy: Copy,
    cache: Path,
    wanted: Wanted,
    *,
    progress: Progress = no_progress,
) -> tuple[Extraction, dict[str, str]]:
    """Return the stays of `copy`, kept in `cache` for the next time, and the hash of each set's content by letter.

    A recording per stay with any observation of the first variables, group "stay-<RecordID>", times in hours since
    admission. Raises DataError if the copy is damaged or not of the challenge; nothing is left in the cache then.
    """
    home = store.private_dir(store.private_dir(cache / "mimic3") / _key(copy, wanted))
    try:
        with store.locked(home):
            kept = _kept(home, len(wanted.columns.variables))
            buckets, steps, contents = _make(home, copy, wanted, progress) if kept is None else kept
            return Extraction(cut(buckets, "stay"), steps), contents
    except DataError:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _key(copy: Copy, wanted: Wanted) -> str:
    return content_key(
        {
            "challenge2012": VERSION,
            "copy": [[place.letter, place.fingerprint] for place in copy.places],
            "sets": copy.sets,
            "wanted": [wanted.grid, wanted.variables, wanted.quantum, wanted.ranges],
            **described(CHOICES[wanted.variables].items, CHOICES[wanted.variables].variables),
        }
    )


_Kept = tuple[list[Bucket], tuple[AttritionStep, ...], dict[str, str]]


def _kept(home: Path, columns: int) -> _Kept | None:
    """Return the finished extraction in `home`, None without a whole one."""
    contents = store.read_json(home / CONTENTS)
    try:
        complete = store.read_complete(home, columns)
    except DataError:
        complete = None
    if complete is None or contents is None:
        store.clear(home)
        return None
    return *complete, {str(letter): str(found) for letter, found in contents.items()}


def _make(home: Path, copy: Copy, wanted: Wanted, progress: Progress) -> _Kept:
    progress("reading the stays of the challenge", 0, 0)
    stays = copy.stays()
    letters = sorted({stay.set for stay in stays})
    contents = {letter: text_hash([stay for stay in stays if stay.set == letter]) for letter in letters}
    counts: Counter[str] = Counter()
    parts = [stays[first : first + STAYS_AT_ONCE] for first in range(0, len(stays), STAYS_AT_ONCE)]
    buckets, paths = [], []
    for number, part in enumerate(parts):
        progress("putting stays on their grid", number, len(parts))
        bucket = _bucket(part, wanted, counts)
        path = store.bucket_path(home, number, len(parts))
        store.write_bucket(path, bucket)
        buckets.append(bucket)
        paths.append(path)
    progress("putting stays on their grid", len(parts), len(parts))
    if not any(len(bucket.subjects) for bucket in buckets):
        raise DataError("no stay has an observation of the variables that are asked for", GET)
    steps = _steps(stays, buckets, wanted, counts)
    store.write_json(home / CONTENTS, contents)
    store.finish(home, paths, steps)
    return buckets, steps, contents


def _bucket(stays: Sequence[StayText], wanted: Wanted, counts: Counter[str]) -> Bucket:
    events = events_of(stays, counts)
    events = events.filter(pl.col("ITEMID").is_in([item.itemid for item in wanted.columns.items]))
    counts["asked"] += events.height
    # The case's hours end with the last whole one; all parameters include what was recorded at 48:00 itself.
    end = HOURS * 3600 + (60 if wanted.variables == "all" else 0)
    frame = pl.DataFrame(
        {"SUBJECT_ID": [stay.record for stay in stays], "start": 0, "end": end},
        schema={"SUBJECT_ID": pl.Int32(), "start": pl.Int64(), "end": pl.Int64()},
    )
    if wanted.quantum is None:
        return make_bucket(events, frame, wanted.grid, wanted.columns)
    step = wanted.quantum
    rounded = np.rint(events["time"].to_numpy() / 3600 / step)
    events = events.with_columns(time=pl.Series(np.rint(rounded * step * 3600).astype(np.int64)))
    bucket = make_bucket(events, frame, wanted.grid, wanted.columns)
    return replace(bucket, times=np.rint(bucket.times / step) * step)


def _steps(
    stays: Sequence[StayText], buckets: Sequence[Bucket], wanted: Wanted, read: Counter[str]
) -> tuple[AttritionStep, ...]:
    """Return the steps from the rows of the files to the rows of the recordings."""
    total, ranges = counted(buckets, [variable.name for variable in wanted.columns.variables])
    letters = ", ".join(sorted({stay.set.upper() for stay in stays} - {""})) or "without a name"
    unknown = read["rows"] - read["known"]
    left = {"recordings": total["core stays"], "groups": total["core subjects"]}
    kept = "hours from the first to the last with an observation" if wanted.grid == "hour" else "times with any"
    return (
        AttritionStep("rows read", f"all stays of set {letters}", read["rows"], len(stays), len(stays)),
        AttritionStep(
            "rows of the variables asked for",
            f"other parameters, general descriptors; {unknown:,} of unknown ones; {read['known'] - read['number']:,} "
            "record numbers and empty cells",
            read["asked"],
        ),
        AttritionStep("rows within a plausible range", f"artefacts: {ranges}", total["plausible"]),
        AttritionStep(
            f"rows within {HOURS} hours",
            "recorded later",
            total["inside"],
            total["inside stays"],
            total["inside subjects"],
        ),
        AttritionStep("rows without duplicates", "same parameter, time and value in the same stay", total["distinct"]),
        AttritionStep("stays with an observation", "no vital sign was ever recorded", **left),
        AttritionStep("rows kept", kept, total["rows"], **left),
    )

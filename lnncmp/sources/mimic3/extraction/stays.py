"""The stays to extract: ICUSTAYS joined with the dates of birth of PATIENTS, adults only."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from lnncmp.data.recording import AttritionStep
from lnncmp.errors import DataError
from lnncmp.sources.base import Progress
from lnncmp.sources.mimic3.extraction.frames import epoch_seconds, read_frame
from lnncmp.sources.mimic3.extraction.tables import GET, Table

ADULT_AGE = 18
"""Years at the beginning of the stay."""

HOUR = 3600
LONGEST_DAYS = 366
"""Days of the longest stay that is believed; the longest of MIMIC-III has 173."""


@dataclass(frozen=True)
class Stays:
    """Stays of adults and how they were chosen.

    frame: SUBJECT_ID (Int32), start and end (Int64, seconds since 1970), sorted by these three.
    """

    frame: pl.DataFrame
    steps: tuple[AttritionStep, ...]

    def edges(self, buckets: int) -> list[int]:
        """Return the least SUBJECT_ID of every bucket but the first; buckets hold about as many stays each."""
        subjects = self.frame["SUBJECT_ID"].to_numpy()
        cuts = np.linspace(0, len(subjects), buckets + 1)[1:-1].astype(int)
        return [int(subjects[cut]) for cut in cuts]


def read_stays(icustays: Table, patients: Table, progress: Progress) -> Stays:
    """Return the stays of adults. Raises DataError if a stay ends before it begins, or if no stay is an adult's."""
    raw = read_frame(
        icustays, {"SUBJECT_ID": pl.Int32(), "INTIME": pl.String(), "OUTTIME": pl.String()}, progress
    ).unique()
    listed = pl.DataFrame(
        {
            "SUBJECT_ID": raw["SUBJECT_ID"],
            "start": epoch_seconds(raw, "INTIME", icustays, required=False),
            "end": epoch_seconds(raw, "OUTTIME", icustays, required=False),
        }
    )
    timed = listed.drop_nulls()
    backwards = timed.filter(pl.col("end") < pl.col("start")).height
    if backwards:
        raise DataError(
            f"{icustays.path} has {backwards:,} {'stays that end' if backwards > 1 else 'stay that ends'} "
            "before the beginning (OUTTIME before INTIME)",
            GET,
        )
    short = timed.filter(pl.col("end") - pl.col("start") <= LONGEST_DAYS * 24 * HOUR)
    adults = short.join(_birthdays(patients, progress), on="SUBJECT_ID", how="left").filter(
        pl.col("start") >= pl.col("adult")
    )
    if adults.is_empty():
        raise DataError(
            f"{icustays.path} and {patients.path} hold no stay of an adult ({ADULT_AGE} years or older at INTIME) "
            f"of {LONGEST_DAYS} days at most",
            "Are both tables from the same copy of MIMIC-III? The subjects of one have to be in the other.",
        )
    hours = int(-((timed["start"] - timed["end"]) // HOUR).sum())
    steps = (
        _step("stays in ICUSTAYS", "all stays listed, a duplicate row counted once", listed),
        _step(
            "stays with a beginning and an end", f"INTIME or OUTTIME is missing; {hours:,} hours begun remain", timed
        ),
        _step(
            f"stays of {LONGEST_DAYS} days at most", "OUTTIME is later than any stay lasts: an error of entry", short
        ),
        _step("stays of adults", f"younger than {ADULT_AGE} years at INTIME, or no date of birth", adults),
    )
    return Stays(adults.select("SUBJECT_ID", "start", "end").sort("SUBJECT_ID", "start", "end"), steps)


def _birthdays(patients: Table, progress: Progress) -> pl.DataFrame:
    """Return SUBJECT_ID and adult, when the subject comes of age (seconds since 1970), where the birth is known.

    Ages above 89 are hidden by a birth 300 years before the first admission: such a patient is an adult all the same.
    """
    raw = read_frame(patients, {"SUBJECT_ID": pl.Int32(), "DOB": pl.String()}, progress)
    birth = pl.from_epoch(epoch_seconds(raw, "DOB", patients, required=False), "s")
    born = pl.DataFrame({"SUBJECT_ID": raw["SUBJECT_ID"], "adult": birth.dt.offset_by(f"{ADULT_AGE}y").dt.epoch("s")})
    return born.drop_nulls().group_by("SUBJECT_ID").agg(pl.col("adult").min())


def _step(step: str, reason: str, stays: pl.DataFrame) -> AttritionStep:
    return AttritionStep(step, reason, recordings=stays.height, groups=stays["SUBJECT_ID"].n_unique())

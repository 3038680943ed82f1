"""What a multiverse says of claims: how many readings of a study support each, which choices matter. The file's schema.

`lnncmp multiverse CASE` writes OUT/multiverse/CASE.json; verdicts, tables, figures and the page read it. Effects are
those of `claims.schema`: positive in the claim's favour. None means "not known".
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lnncmp.claims.schema import ClaimsTable
from lnncmp.common.small_files import RECORD_BYTES, RefusedFileError, read_small, unsealed
from lnncmp.errors import DataError

READINGS_SCHEMA_VERSION = 1
FOLDER = "multiverse"

Outcome = Literal["supports", "opposite", "not shown", "no result"]
"""supports: the claim is shown in this reading; opposite: the contrary is; no result: nothing could be compared."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class AlternativeWords(_Part):
    """One answer to an open question and why it is reasonable."""

    name: str
    why: str


class ChoiceWords(_Part):
    """One open question and its answers, the default first."""

    name: str
    question: str
    alternatives: list[AlternativeWords]


class UniverseLine(_Part):
    """One universe. alternatives: choice -> alternative. diverged, failed: runs; trouble: why it could not be run."""

    number: int
    alternatives: dict[str, str]
    runs: int = 0
    diverged: int = 0
    failed: int = 0
    unconverged: int = 0
    trouble: str = ""


class Reading(_Part):
    """What one universe says of a claim. universes: all whose runs of both sides are these.

    effect: mean over pairs, ci95 its interval. lost: runs of the left and the right model that diverged or failed.
    reason: why there is no result.
    """

    universes: list[int]
    alternatives: dict[str, str]
    models: list[str]
    outcome: Outcome
    verdict: str = ""
    effect: float | None = None
    ci95: tuple[float, float] | None = None
    p: float | None = None
    pairs: int = 0
    lost: tuple[int, int] = (0, 0)
    reason: str = ""


class Influence(_Part):
    """How much of the variance of effects over readings a choice accounts for: share of 1, with its 95% interval."""

    choice: str
    share: float
    ci95: tuple[float, float] | None = None


class Flip(_Part):
    """An alternative under which the effect points the other way.

    alone: it is the only departure from the default, and both are shown; otherwise it is the mean over its readings.
    """

    choice: str
    alternative: str
    alone: bool
    effect: float


class JointTest(_Part):
    """p values over the whole curve, by swapping the labels of the two models seed by seed, alike in all readings.

    median: of the median effect; shown: of the share of readings that show a difference in the dominant direction;
    z: of the mean z value.
    """

    permutations: int
    median: float
    shown: float
    z: float


class ClaimReadings(_Part):
    """One claim over all readings, in the order of the universes. effect_kind: "log ratio" or "difference".

    concerned: choices that can change the runs behind this claim. influences: the largest first. rest: share of the
    variance that no single choice accounts for (their combinations, and chance).
    """

    id: str
    claim: str
    models: list[str]
    measure: str
    direction: str
    effect_kind: str
    supports: int
    opposite: int
    not_shown: int
    no_result: int
    median: float | None = None
    default: Outcome = "no result"
    concerned: list[str] = Field(default_factory=list)
    influences: list[Influence] = Field(default_factory=list)
    rest: float | None = None
    flips: list[Flip] = Field(default_factory=list)
    joint: JointTest | None = None
    readings: list[Reading]

    @property
    def count(self) -> int:
        """How many readings there are, those without a result included."""
        return len(self.readings)


class Multiverse(_Part):
    """All readings of one case. possible: combinations of alternatives in all; runs: distinct ones behind the readings.

    shared: runs that a universe had in common with an earlier one. notes: sentences for under the table.
    """

    schema_version: int = READINGS_SCHEMA_VERSION
    case: str
    preset: str
    seeds: list[int]
    possible: int
    choices: list[ChoiceWords]
    universes: list[UniverseLine]
    runs: int
    shared: int
    claims: list[ClaimReadings]
    notes: list[str] = Field(default_factory=list)


def summary_path(out: Path, case: str) -> Path:
    """Return where the readings of a case are kept."""
    return out / FOLDER / f"{case}.json"


def read_multiverses(out: Path) -> tuple[list[Multiverse], list[str]]:
    """Return the readings of all cases in the folder `out`, and a sentence for each file that cannot be used."""
    found, notes = [], []
    for path in sorted((out / FOLDER).glob("*.json")):
        try:
            made = Multiverse.model_validate(unsealed(read_small(path, RECORD_BYTES)))
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from error
        except (RefusedFileError, ValidationError):
            notes.append(f"Not used: {FOLDER}/{path.name}, which is damaged or of another version of lnncmp.")
            continue
        if made.schema_version == READINGS_SCHEMA_VERSION and made.case == path.stem:
            found.append(made)
        else:
            notes.append(f"Not used: {FOLDER}/{path.name}, which is of another version or case.")
    return found, notes


def with_readings(table: ClaimsTable, out: Path) -> ClaimsTable:
    """Return the verdicts with the number of readings in which each claim holds, where `out` has a multiverse of it.

    A file that cannot be used is named in a note.
    """
    found, notes = read_multiverses(out)
    counts = {claim.id: f"{claim.supports} of {claim.count}" for one in found for claim in one.claims}
    if not counts and not notes:
        return table
    rows = [row.model_copy(update={"readings": counts.get(row.id, "")}) for row in table.rows]
    said = ["Holds in: readings of the study in which a claim is supported (lnncmp multiverse CASE)."] if counts else []
    return table.model_copy(update={"rows": rows, "notes": [*table.notes, *said, *notes]})

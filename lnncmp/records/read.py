"""All records of a folder, read for comparing: nothing is moved or written, whatever cannot be used is named.

Needs neither torch nor the folder's owner: it works on somebody else's records, years later.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from lnncmp.errors import DataError
from lnncmp.records.schema import SCHEMA_VERSION, BaselineRecord, MeasurementRecord, RunRecord

Record = TypeVar("Record", bound=BaseModel)

_OTHER_VERSION = "another schema version"
_DAMAGED = "damaged or incomplete"


@dataclass(frozen=True)
class Records:
    """What a folder of records holds. notes: one sentence for each reason why some could not be used."""

    folder: Path
    runs: Sequence[RunRecord]
    measurements: Sequence[MeasurementRecord]
    baselines: Sequence[BaselineRecord]
    notes: Sequence[str] = field(default_factory=tuple)


def read_records(folder: Path) -> Records:
    """Return the records of the folder that `--out` named, runs sorted by case, comparison, model and seed.

    Raises DataError if it does not exist, cannot be read or holds no usable record of a run.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(
            f"the folder of records {folder} {what}", "Name the folder that --out named when runs were made."
        )
    refused: Counter[str] = Counter()
    runs = _read(folder / "records", RunRecord, refused)
    lost_runs = refused.copy()
    measurements = _read(folder / "measurements", MeasurementRecord, refused)
    baselines = _read(folder / "baselines", BaselineRecord, refused)
    if not runs and lost_runs:
        reason = " and ".join(f"{count} of {why}" for why, count in lost_runs.items())
        raise DataError(
            f"no run in {folder} can be used: its records are {reason}; expected is schema version {SCHEMA_VERSION}",
            "Use the version of lnncmp that made them, or make them again.",
        )
    if not runs:
        raise DataError(f"no records of runs in {folder}", "Make some with a case's command, e.g.: lnncmp walker2d")
    runs.sort(key=lambda run: (run.case, run.source, run.conditions, run.comparison, run.model, run.seeds.root))
    notes = [f"Not used: {count} record{'' if count == 1 else 's'}, {why}." for why, count in refused.items()]
    return Records(folder, runs, measurements, baselines, notes)


def _read(folder: Path, kind: type[Record], refused: Counter[str]) -> list[Record]:
    found: list[Record] = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from error
        record = _parsed(content, kind, refused)
        if record is not None:
            found.append(record)
    return found


def _parsed(content: bytes, kind: type[Record], refused: Counter[str]) -> Record | None:
    """Return the record, or None and count why not."""
    try:
        record = kind.model_validate_json(content)
    except ValidationError:
        refused[_OTHER_VERSION if _version(content) not in (None, SCHEMA_VERSION) else _DAMAGED] += 1
        return None
    if getattr(record, "schema_version", None) != SCHEMA_VERSION:
        refused[_OTHER_VERSION] += 1
        return None
    return record


def _version(content: bytes) -> object:
    try:
        table = json.loads(content)
    except ValueError:
        return None
    return table.get("schema_version") if isinstance(table, dict) else None

"""Records as they are read: of this schema, or of schema 1 after conversion; anything else is refused by name.

Reading for comparing moves and writes nothing, and needs neither torch nor the folder's owner: it works on somebody
else's records, years later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lnncmp.common.garbage import uncollected
from lnncmp.common.small_files import RECORD_BYTES, RefusedFileError, read_small, unsealed
from lnncmp.errors import DataError
from lnncmp.records.schema import SCHEMA_VERSION, BaselineRecord, MeasurementRecord, RunRecord

Record = TypeVar("Record", bound=BaseModel)

DAMAGED = "damaged or incomplete"
OTHER_NAME = "under another name than its own"
_READABLE = f"this version reads {SCHEMA_VERSION} and 1"
_NAMED = 3
"""How many files a note names."""


class UnreadableRecordError(Exception):
    """A record that cannot be used; its message says why. other_schema: it may be whole, but of another version."""

    def __init__(self, reason: str, other_schema: bool = False) -> None:
        super().__init__(reason)
        self.other_schema = other_schema


@dataclass(frozen=True)
class Records:
    """What a folder of records holds. notes: one sentence for each reason why some could not be used."""

    folder: Path
    runs: Sequence[RunRecord]
    measurements: Sequence[MeasurementRecord]
    baselines: Sequence[BaselineRecord]
    notes: Sequence[str] = field(default_factory=tuple)


def read_records(folder: Path) -> Records:
    """Return the records of the folder that `--out` named, runs sorted by case, protocol, model and seed.

    Raises DataError if it does not exist, cannot be read or holds no usable record of a run.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(
            f"the folder of records {folder} {what}", "Name the folder that --out named when runs were made."
        )
    refused: dict[str, list[str]] = {}
    with uncollected():
        runs = _read(folder / "records", RunRecord, refused)
        lost_runs = reasons(refused)
        measurements = [placed(one, runs) for one in _read(folder / "measurements", MeasurementRecord, refused)]
        baselines = _read(folder / "baselines", BaselineRecord, refused)
    if not runs and lost_runs:
        raise DataError(
            f"no run in {folder} can be used: {' and '.join(lost_runs)}",
            "Use the version of lnncmp that made them, or make them again.",
        )
    if not runs:
        raise DataError(f"no records of runs in {folder}", "Make some with a case's command, e.g.: lnncmp walker2d")
    runs.sort(key=lambda run: (run.case, run.source, run.conditions, run.protocol_id, run.model, run.seeds.root))
    return Records(folder, runs, measurements, baselines, [f"Not used: {reason}." for reason in reasons(refused)])


def placed(measurement: MeasurementRecord, runs: Sequence[RunRecord]) -> MeasurementRecord:
    """Return a measurement with its case: older ones do not hold it, so that of the runs that name it.

    Where none does (runs of schema 1 name none), that of all runs of the folder, if they are of one case.
    """
    if measurement.case is not None:
        return measurement
    naming = {run.case for run in runs if run.measurement_id == measurement.measurement_id}
    cases = naming or {run.case for run in runs}
    return measurement.model_copy(update={"case": cases.pop()}) if len(cases) == 1 else measurement


def reasons(refused: Mapping[str, Sequence[str]]) -> list[str]:
    """Return for each reason how many records it concerns and the names of the first."""
    found = []
    for reason, names in refused.items():
        shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        found.append(f"{len(names)} record{'' if len(names) == 1 else 's'}, {reason} ({shown})")
    return found


def _read(folder: Path, kind: type[Record], refused: dict[str, list[str]]) -> list[Record]:
    found: list[Record] = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(read_file(path, kind))
        except FileNotFoundError:  # another process has removed it meanwhile
            continue
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from error
        except UnreadableRecordError as reason:
            refused.setdefault(str(reason), []).append(path.name)
    return found


def read_file(path: Path, kind: type[Record]) -> Record:
    """Return the record in a file, which counts under its own name only. Raises UnreadableRecordError and OSError."""
    try:
        content = read_small(path, RECORD_BYTES)
    except RefusedFileError as reason:
        raise UnreadableRecordError(str(reason)) from None
    record = parse_record(content, kind)
    if path.stem != own_name(record):
        raise UnreadableRecordError(OTHER_NAME)
    return record


def own_name(record: BaseModel) -> str:
    """Return the identity of a record, which is the name of its file."""
    return str(getattr(record, f"{record.kind}_id"))  # type: ignore[attr-defined]


def parse_record(content: bytes, kind: type[Record]) -> Record:
    """Return the record that a file holds. Raises UnreadableRecordError."""
    try:
        table = unsealed(content)
    except RefusedFileError as reason:
        raise UnreadableRecordError(str(reason)) from None
    version = table.get("schema_version") if isinstance(table, dict) else None
    if version not in (1, SCHEMA_VERSION):
        if isinstance(version, int):
            raise UnreadableRecordError(f"of schema version {version} ({_READABLE})", other_schema=True)
        raise UnreadableRecordError(DAMAGED)
    try:
        return kind.model_validate(from_schema_1(table) if version == 1 else table)
    except ValidationError:
        raise UnreadableRecordError(DAMAGED) from None


def from_schema_1(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of schema 1 as one of this schema.

    `comparison` is called `protocol_id` now. What schema 1 did not hold stays unknown: which measurement belongs to the
    run, and how many features the model reads.
    """
    converted = {**table, "schema_version": SCHEMA_VERSION}
    if table.get("kind", "run") != "run":
        return converted
    if "comparison" in converted:
        converted["protocol_id"] = converted.pop("comparison")
    recipe, seeds = converted.get("recipe"), converted.get("seeds")
    model = recipe.get("model") if isinstance(recipe, Mapping) else None
    arguments = model.get("arguments") if isinstance(model, Mapping) else None
    if isinstance(arguments, Mapping) and "wiring_seed" in arguments and isinstance(seeds, Mapping):
        own = arguments["wiring_seed"]
        converted["wiring_seed"] = seeds.get("wiring") if own is None else own
    return converted

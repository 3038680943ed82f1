"""One line for each run of a folder, and an index of them: lists of thousands of runs need not read their records.

The index lies in the cache folder, so that nothing is written among somebody else's records. A file counts as the one
that was read if name, size, time of its last change and inode are the same. An index that is missing, damaged or of
another version is made again; removing it is always safe.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from lnncmp.common.files import write_bytes
from lnncmp.common.small_files import RefusedFileError, read_small, sealed, unsealed
from lnncmp.errors import DataError
from lnncmp.records.read import UnreadableRecordError, read_file, reasons
from lnncmp.records.schema import RunRecord, Status
from lnncmp.records.weights import SUFFIX

_VERSION = 1
_MOST_BYTES = 200_000_000


class RunSummary(BaseModel):
    """What lists say of a run. test_error: the main one. weights: bytes of the file that the record names."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    run_id: str
    case: str
    source: str
    conditions: str
    preset: str
    protocol_id: str
    model: str
    seed: int
    status: Status
    converged: bool | None
    test_error: float | None
    weights: int | None

    @property
    def study(self) -> str:
        """Return the words that name its study."""
        return " ".join(filter(None, (self.case, self.source, self.conditions, self.preset)))


class _Entry(BaseModel):
    """What is known of one file: the run, or why it cannot be used."""

    stamp: tuple[int, int, int]
    run: RunSummary | None = None
    reason: str = ""


class _Index(BaseModel):
    version: int
    folder: str
    entries: dict[str, _Entry]


def summaries(out: Path, cache: Path) -> tuple[list[RunSummary], list[str]]:
    """Return a line for each run in `out`, as sorted as the records are, and why other files cannot be used.

    Raises DataError if the folder cannot be read.
    """
    folder = out / "records"
    place = cache / "index" / f"{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]}.json"
    before = _read_index(place, folder)
    now = {name: _entry(folder / name, stamp, before.get(name)) for name, stamp in _stamps(folder)}
    if now != before:
        made = _Index(version=_VERSION, folder=str(folder.absolute()), entries=now)
        with suppress(DataError):  # a full or read-only disk costs time alone
            write_bytes(place, sealed(made.model_dump_json(indent=1)))
    runs = [entry.run for entry in now.values() if entry.run is not None]
    runs.sort(key=lambda one: (one.case, one.source, one.conditions, one.protocol_id, one.model, one.seed))
    refused: dict[str, list[str]] = {}
    for name, entry in now.items():
        if entry.reason:
            refused.setdefault(entry.reason, []).append(name)
    return runs, reasons(refused)


def missing_runs(runs: Iterable[RunSummary]) -> dict[str, list[tuple[str, int]]]:
    """Return by study which models lack which seeds that another model of the same protocol has."""
    studies: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for one in runs:
        studies.setdefault((one.study, one.protocol_id), set()).add((one.model, one.seed))
    found: dict[str, list[tuple[str, int]]] = {}
    for (study, _), known in studies.items():
        planned = {(model, seed) for model, _ in known for _, seed in known}
        if planned - known:
            found.setdefault(study, []).extend(sorted(planned - known))
    return found


def summary_of(record: RunRecord) -> RunSummary:
    """Return the line of a run."""
    scores, end = record.scores, record.convergence
    return RunSummary(
        **record.model_dump(include={"run_id", "case", "source", "conditions", "preset", "protocol_id", "model"}),
        seed=record.seeds.root,
        status=record.status,
        converged=None if end is None else end.converged,
        test_error=None if scores is None else scores.metrics.get("test", {}).get(scores.main),
        weights=None if record.weights is None else record.weights.bytes,
    )


def kept_weights(run: RunSummary, sizes: dict[str, int]) -> str:
    """Return whether the weights of a run are there, by their size alone: kept, pruned, not kept, damaged.

    sizes: bytes of the files in the folder, by name.
    """
    if run.weights is None:
        return "not kept"
    size = sizes.get(f"{run.run_id}{SUFFIX}")
    return "pruned" if size is None else "kept" if size == run.weights else "damaged"


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of the files in a folder by name. Raises DataError if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return {one.name: one.stat().st_size for one in entries if one.is_file()}
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror}", "Check its permissions.") from error


def _stamps(folder: Path) -> Sequence[tuple[str, tuple[int, int, int]]]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(one.name for one in entries if one.name.endswith(".json"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror}", "Check its permissions.") from error
    found = []
    for name in names:
        with suppress(FileNotFoundError):  # another process has removed it meanwhile
            is_now = os.lstat(folder / name)
            found.append((name, (is_now.st_size, is_now.st_mtime_ns, is_now.st_ino)))
    return found


def _entry(path: Path, stamp: tuple[int, int, int], before: _Entry | None) -> _Entry:
    if before is not None and before.stamp == stamp and not path.is_symlink():
        return before
    try:
        return _Entry(stamp=stamp, run=summary_of(read_file(path, RunRecord)))
    except UnreadableRecordError as reason:
        return _Entry(stamp=stamp, reason=str(reason))
    except FileNotFoundError:
        return _Entry(stamp=stamp)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from error


def _read_index(place: Path, folder: Path) -> dict[str, _Entry]:
    try:
        table: Any = unsealed(read_small(place, _MOST_BYTES))
        found = _Index.model_validate(table)
    except (OSError, RefusedFileError, ValidationError):
        return {}
    same = found.version == _VERSION and found.folder == str(folder.absolute())
    return found.entries if same else {}

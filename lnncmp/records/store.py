"""Where records, checkpoints and locks of an output folder are. Records are written once, whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from lnncmp.common.files import explained, file_lock, make_dir, sweep, write_bytes
from lnncmp.errors import DataError
from lnncmp.records.checkpoint import UnreadableCheckpointError, packed, unpacked
from lnncmp.records.read import UnreadableRecordError, parse_record
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord
from lnncmp.records.weights import SUFFIX, WeightsFile, described

Record = TypeVar("Record", bound=BaseModel)
Warn = Callable[[str], None]


class Store:
    """The folder `--out`: records/, measurements/, baselines/, checkpoints/, locks/, one file per identity.

    The weights of a run lie beside its record. A file that cannot be read (cut off by a crash of the machine, edited)
    is moved aside with a warning and counts as missing; with `read_only` it stays where it is.
    """

    def __init__(self, out: Path, warn: Warn = lambda message: None, read_only: bool = False) -> None:
        self.out = out
        self.warn = warn
        self.read_only = read_only
        self._has_locks = True

    def check(self) -> None:
        """Raise DataError if `out` is a file or cannot be written, as far as that shows without writing."""
        nearest = next((path for path in (self.out, *self.out.absolute().parents) if os.path.lexists(path)), Path("/"))
        if not nearest.is_dir():
            raise DataError(f"--out {self.out} cannot be a folder: {nearest} is a file", "Choose another folder.")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise DataError(
                f"--out {self.out} cannot be written: no permission for {nearest}", "Choose another folder."
            )

    def prepare(self) -> None:
        """Create the folders. Raises DataError if `out` cannot be written or is a file."""
        for name in ("records", "measurements", "baselines", "checkpoints", "locks"):
            make_dir(self.out / name)
        probe = self.out / "locks" / f".probe-{os.getpid()}"
        write_bytes(probe, b"")
        probe.unlink(missing_ok=True)

    def run(self, run_id: str) -> RunRecord | None:
        """Return the record of a finished run, whatever its status, or None."""
        return self._read(self.out / "records" / f"{run_id}.json", RunRecord)

    def finished(self, run_id: str) -> RunRecord | None:
        """Return the record of a run that is not to be run again: ok or diverged. A failed run gets another try."""
        record = self.run(run_id)
        return None if record is None or record.status in ("failed", "stopped") else record

    def runs(self) -> list[RunRecord]:
        """Return all run records of the folder, sorted by file name."""
        found = (self._read(path, RunRecord) for path in sorted((self.out / "records").glob("*.json")))
        return [record for record in found if record is not None]

    def measurement(self, measurement_id: str) -> MeasurementRecord | None:
        """Return a stored measurement, or None."""
        return self._read(self.out / "measurements" / f"{measurement_id}.json", MeasurementRecord)

    def baseline(self, baseline_id: str) -> BaselineRecord | None:
        """Return stored baseline scores, or None."""
        return self._read(self.out / "baselines" / f"{baseline_id}.json", BaselineRecord)

    def write_run(self, record: RunRecord) -> None:
        """Keep a run record and drop its checkpoint, which a run that was stopped still needs."""
        _write(self.out / "records" / f"{record.run_id}.json", record)
        if record.status != "stopped":
            _remove(self.checkpoint_path(record.run_id))

    def weights_path(self, run_id: str) -> Path:
        """Return where the weights of a run are kept: beside its record."""
        return self.out / "records" / f"{run_id}{SUFFIX}"

    def write_weights(self, run_id: str, content: bytes, private: bool) -> WeightsFile:
        """Keep the weights of a run, readable by their owner alone if `private`; return what its record says of them.

        To be called before the record is written: without one, nobody reads them.
        """
        path = self.weights_path(run_id)
        write_bytes(path, content, 0o600 if private else 0o666)
        return described(path.name, content)

    def prune_weights(self, run_id: str) -> int:
        """Remove the weights of a run, whose record stays; return how many bytes they took."""
        path = self.weights_path(run_id)
        size = path.stat().st_size if path.is_file() else 0
        _remove(path)
        return size

    def again(self, run_id: str) -> Path:
        """Return the folder in which a finished run is trained once more for its weights."""
        return self.out / "weights-again" / run_id

    def write_measurement(self, record: MeasurementRecord) -> None:
        """Keep a measurement."""
        _write(self.out / "measurements" / f"{record.measurement_id}.json", record)

    def write_baseline(self, record: BaselineRecord) -> None:
        """Keep baseline scores."""
        _write(self.out / "baselines" / f"{record.baseline_id}.json", record)

    def discard(self, run_id: str) -> None:
        """Forget a run: record, weights and checkpoint (`--fresh`)."""
        _remove(self.out / "records" / f"{run_id}.json")
        _remove(self.weights_path(run_id))
        _remove(self.checkpoint_path(run_id))

    def checkpoint_path(self, run_id: str) -> Path:
        """Return the path of the checkpoint of a run."""
        return self.out / "checkpoints" / f"{run_id}.pt"

    def save_checkpoint(self, run_id: str, state: dict[str, Any]) -> None:
        """Replace the checkpoint of a run."""
        self.write_checkpoint(run_id, packed(state))

    def write_checkpoint(self, run_id: str, content: bytes) -> None:
        """Replace the checkpoint of a run by one that is packed already."""
        write_bytes(self.checkpoint_path(run_id), content)

    def read_checkpoint(self, run_id: str) -> bytes | None:
        """Return the checkpoint of a run as it is packed, None if there is none."""
        path = self.checkpoint_path(run_id)
        return path.read_bytes() if path.exists() else None

    def load_checkpoint(self, run_id: str) -> dict[str, Any] | None:
        """Return the checkpoint of a run, None if there is none or it is damaged (then it is moved aside)."""
        try:
            content = self.read_checkpoint(run_id)
            return None if content is None else unpacked(content)
        except (OSError, UnreadableCheckpointError) as error:
            reason = str(error) if isinstance(error, UnreadableCheckpointError) else type(error).__name__
            self._set_aside(self.checkpoint_path(run_id), reason)
            return None

    def refuse_checkpoint(self, run_id: str, reason: str) -> None:
        """Move a checkpoint aside that could be read but does not fit its run."""
        self._set_aside(self.checkpoint_path(run_id), reason)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Yield True while this process alone holds the lock `name`, False if another process has it.

        Clears away what a killed holder left half-written. Raises DataError if the lock file cannot be made.
        """
        with file_lock(self.out / "locks" / f"{name}.lock", wait=False, unsupported=self._warn_of_no_locks) as mine:
            if mine:
                for folder in ("records", "checkpoints", "measurements"):
                    sweep(self.out / folder, name)
            yield mine

    def _warn_of_no_locks(self, reason: str) -> None:
        if self._has_locks:
            self.warn(f"{self.out} has no file locks ({reason}): run one command at a time there")
        self._has_locks = False

    def _read(self, path: Path, kind: type[Record]) -> Record | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "Choose another folder with --out.") from error
        try:
            record = parse_record(content, kind)
        except UnreadableRecordError as reason:
            if reason.other_schema:  # it may be whole: not to be replaced
                raise DataError(
                    f"{path} is a record {reason}", "Choose another folder with --out, or another version of lnncmp."
                ) from None
            self._set_aside(path, str(reason))
            return None
        if path.stem not in (getattr(record, name) for name in kind.model_fields if name.endswith("_id")):
            self._set_aside(path, "the content belongs to another name")
            return None
        return record

    def _set_aside(self, path: Path, reason: str) -> None:
        if self.read_only:
            self.warn(f"{path.name} cannot be used ({reason}); it counts as missing")
            return
        aside = path.with_suffix(path.suffix + ".damaged")
        try:
            with explained(path):
                path.replace(aside)
        except DataError as error:
            if isinstance(error.__cause__, FileNotFoundError):  # another process was faster
                return
            raise
        self.warn(f"{path.name} cannot be used ({reason}); moved to {aside.name}, it counts as missing")


def _write(path: Path, record: BaseModel) -> None:
    write_bytes(path, record.model_dump_json(indent=1).encode())


def _remove(path: Path) -> None:
    with explained(path):
        path.unlink(missing_ok=True)

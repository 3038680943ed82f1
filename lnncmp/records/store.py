"""Where records, checkpoints and locks of an output folder are. Records are written once, whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from lnncmp.common.files import explained, file_lock, make_dir, sweep, write_bytes
from lnncmp.common.garbage import uncollected
from lnncmp.common.small_files import RefusedFileError, read_small, sealed
from lnncmp.errors import DataError
from lnncmp.records.checkpoints import MOST_BYTES, packed, unpacked
from lnncmp.records.read import UnreadableRecordError, own_name, read_file
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord
from lnncmp.records.tidy import FOLDERS, tidy
from lnncmp.records.weights import SUFFIX, WeightsFile, described

Record = TypeVar("Record", bound=BaseModel)
Warn = Callable[[str], None]


class Store:
    """The folder `--out`: records/, measurements/, baselines/, checkpoints/, locks/, one file per identity.

    The weights of a run lie beside its record. A file that cannot be read (cut off by a crash of the machine, edited)
    is moved aside with a warning and counts as missing; with `read_only` it stays where it is. has_locks: False once
    the file system turned out to have none.
    """

    def __init__(self, out: Path, warn: Warn = lambda message: None, read_only: bool = False) -> None:
        self.out = out
        self.warn = warn
        self.read_only = read_only
        self.has_locks = True

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
        """Create the folders, clear what killed commands left. Raises DataError if `out` cannot be written."""
        for name in (*FOLDERS, "locks"):
            make_dir(self.out / name)
        with self.lock("probe") as mine:
            if mine:  # else another command probes the same folder
                probe = self.out / "checkpoints" / "probe.bin"
                write_bytes(probe, b"")
                _remove(probe)
        tidy(self)

    def run(self, run_id: str) -> RunRecord | None:
        """Return the record of a finished run, whatever its status, or None."""
        return self._read(self.out / "records" / f"{run_id}.json", RunRecord)

    def finished(self, run_id: str) -> RunRecord | None:
        """Return the record of a run that is not to be run again: ok or diverged. A failed run gets another try."""
        record = self.run(run_id)
        return None if record is None or record.status in ("failed", "stopped") else record

    def runs(self) -> list[RunRecord]:
        """Return all run records of the folder, sorted by file name."""
        found, reader = [], Store(self.out, self.warn, read_only=True)  # others than those of a plan stay as they are
        with uncollected():
            for path in sorted((self.out / "records").glob("*.json")):
                try:
                    found.append(reader._read(path, RunRecord))
                except DataError as error:
                    self.warn(f"{error.message}; it is left out")
        return [record for record in found if record is not None]

    def measurement(self, measurement_id: str) -> MeasurementRecord | None:
        """Return a stored measurement, or None."""
        return self._read(self.out / "measurements" / f"{measurement_id}.json", MeasurementRecord)

    def baseline(self, baseline_id: str) -> BaselineRecord | None:
        """Return stored baseline scores, or None."""
        return self._read(self.out / "baselines" / f"{baseline_id}.json", BaselineRecord)

    def write_run(self, record: RunRecord) -> None:
        """Keep a run record and drop its checkpoint, which a run that was stopped still needs."""
        self._write("records", record)
        if record.status != "stopped":
            self.drop_checkpoint(record.run_id)

    def drop_checkpoint(self, run_id: str) -> None:
        """Remove the checkpoint of a run, if there is one."""
        _remove(self.checkpoint_path(run_id))

    def weights_path(self, run_id: str) -> Path:
        """Return where the weights of a run are kept: beside its record."""
        return self.out / "records" / f"{run_id}{SUFFIX}"

    def write_weights(self, run_id: str, content: bytes, private: bool) -> WeightsFile:
        """Keep the weights of a run, readable by their owner alone if `private`; return what its record says of them.

        To be called before the record is written: without one, nobody reads them.
        """
        path = self.weights_path(run_id)
        write_bytes(path, content, 0o600 if private else 0o666, durable=True)
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
        self._write("measurements", record)

    def write_baseline(self, record: BaselineRecord) -> None:
        """Keep baseline scores."""
        with file_lock(self.lock_path(record.baseline_id), wait=True, unsupported=self._warn_of_no_locks):
            self._write("baselines", record)

    def discard(self, run_id: str) -> None:
        """Forget a run: record, weights and checkpoint (`--fresh`)."""
        _remove(self.out / "records" / f"{run_id}.json")
        _remove(self.weights_path(run_id))
        self.drop_checkpoint(run_id)

    def checkpoint_path(self, run_id: str) -> Path:
        """Return the path of the checkpoint of a run."""
        return self.out / "checkpoints" / f"{run_id}.pt"

    def save_checkpoint(self, run_id: str, state: dict[str, Any]) -> None:
        """Replace the checkpoint of a run."""
        self.write_checkpoint(run_id, packed(run_id, state))

    def write_checkpoint(self, run_id: str, content: bytes) -> None:
        """Replace the checkpoint of a run by one that is packed already."""
        write_bytes(self.checkpoint_path(run_id), content)

    def read_checkpoint(self, run_id: str) -> bytes | None:
        """Return the checkpoint of a run as it is packed, None if there is none or it is no file (then it is moved)."""
        path = self.checkpoint_path(run_id)
        try:
            return read_small(path, MOST_BYTES)
        except FileNotFoundError:
            return None
        except RefusedFileError as reason:
            self._set_aside(path, str(reason))
            return None
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "Choose another folder with --out.") from error

    def load_checkpoint(self, run_id: str) -> dict[str, Any] | None:
        """Return the checkpoint of a run, None if there is none or it is damaged (then it is moved aside)."""
        content = self.read_checkpoint(run_id)
        try:
            return None if content is None else unpacked(content, run_id)
        except RefusedFileError as reason:
            self._set_aside(self.checkpoint_path(run_id), str(reason))
            return None

    def refuse_checkpoint(self, run_id: str, reason: str) -> None:
        """Move a checkpoint aside that could be read but does not fit its run."""
        self._set_aside(self.checkpoint_path(run_id), reason)

    def lock_path(self, name: str) -> Path:
        """Return the lock file of a run, a measurement or a baseline; it is there while a process works on it."""
        return self.out / "locks" / f"{name}.lock"

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Yield True while this process alone holds the lock `name`, False if another process has it.

        Clears away what a killed holder left half-written. Raises DataError if the lock file cannot be made.
        """
        with file_lock(self.lock_path(name), wait=False, unsupported=self._warn_of_no_locks) as mine:
            if mine and self.has_locks:
                for folder in FOLDERS:
                    sweep(self.out / folder, name)
            yield mine

    def _write(self, folder: str, record: BaseModel) -> None:
        content = sealed(record.model_dump_json(indent=1))
        write_bytes(self.out / folder / f"{own_name(record)}.json", content, durable=True)

    def _warn_of_no_locks(self, reason: str) -> None:
        if self.has_locks:
            self.warn(f"{self.out} has no file locks ({reason}): run one command at a time there")
        self.has_locks = False

    def _read(self, path: Path, kind: type[Record]) -> Record | None:
        try:
            return read_file(path, kind)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "Choose another folder with --out.") from error
        except UnreadableRecordError as reason:
            if reason.other_schema:  # it may be whole: not to be replaced
                raise DataError(
                    f"{path} is a record {reason}", "Choose another folder with --out, or another version of lnncmp."
                ) from None
            self._set_aside(path, str(reason))
            return None

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


def _remove(path: Path) -> None:
    with explained(path):
        path.unlink(missing_ok=True)

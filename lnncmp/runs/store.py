"""Where records, checkpoints and locks of an output folder lie. Records are written once, whole or not at all."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lnncmp.atomic import atomic_write, make_dir, write_bytes
from lnncmp.errors import LnncmpError
from lnncmp.runs.record import BaselineRecord, MeasurementRecord, RunRecord

Record = TypeVar("Record", bound=BaseModel)
Warn = Callable[[str], None]


class Store:
    """The folder `--out`: records/, measurements/, baselines/, checkpoints/, locks/, one file per identity.

    A file that cannot be read (cut off by a crash of the machine, edited) is moved aside with a warning and made again.
    """

    def __init__(self, out: Path, warn: Warn = lambda message: None) -> None:
        self.out = out
        self.warn = warn

    def prepare(self) -> None:
        """Create the folders. Raises DataError if `out` cannot be written or is a file."""
        for name in ("records", "measurements", "baselines", "checkpoints", "locks"):
            make_dir(self.out / name)
        probe = self.out / "locks" / f".probe-{os.getpid()}"
        write_bytes(probe, b"")
        probe.unlink(missing_ok=True)

    def run(self, run_id: str) -> RunRecord | None:
        """Return the record of a finished run, or None."""
        return self._read(self.out / "records" / f"{run_id}.json", RunRecord)

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
        """Keep a run record and drop its checkpoint."""
        _write(self.out / "records" / f"{record.run_id}.json", record)
        self.checkpoint_path(record.run_id).unlink(missing_ok=True)

    def write_measurement(self, record: MeasurementRecord) -> None:
        """Keep a measurement."""
        _write(self.out / "measurements" / f"{record.measurement_id}.json", record)

    def write_baseline(self, record: BaselineRecord) -> None:
        """Keep baseline scores."""
        _write(self.out / "baselines" / f"{record.baseline_id}.json", record)

    def discard(self, run_id: str) -> None:
        """Forget a run: record and checkpoint (`--fresh`)."""
        (self.out / "records" / f"{run_id}.json").unlink(missing_ok=True)
        self.checkpoint_path(run_id).unlink(missing_ok=True)

    def checkpoint_path(self, run_id: str) -> Path:
        """Return where the checkpoint of a run lies."""
        return self.out / "checkpoints" / f"{run_id}.pt"

    def save_checkpoint(self, run_id: str, state: dict[str, Any]) -> None:
        """Replace the checkpoint of a run."""
        import torch

        with atomic_write(self.checkpoint_path(run_id)) as file:
            torch.save(state, file)

    def load_checkpoint(self, run_id: str) -> dict[str, Any] | None:
        """Return the checkpoint of a run, None if there is none or it is damaged (then it is moved aside)."""
        import torch

        path = self.checkpoint_path(run_id)
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many types on a cut file; all mean: start this run again
            self._set_aside(path, type(error).__name__)
            return None
        return state

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Yield True while this process alone holds the lock `name`, False if another process has it."""
        path = make_dir(self.out / "locks") / f"{name}.lock"
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            try:
                yield True
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _read(self, path: Path, kind: type[Record]) -> Record | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LnncmpError(f"cannot read {path}: {error.strerror}", "Choose another folder with --out.") from error
        try:
            return kind.model_validate_json(content)
        except ValidationError:
            self._set_aside(path, "incomplete or from another version")
            return None

    def _set_aside(self, path: Path, reason: str) -> None:
        aside = path.with_suffix(path.suffix + ".damaged")
        path.replace(aside)
        self.warn(f"{path.name} cannot be read ({reason}); moved to {aside.name} and made again")


def _write(path: Path, record: BaseModel) -> None:
    write_bytes(path, record.model_dump_json(indent=1).encode())

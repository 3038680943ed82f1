"""What a folder of records keeps besides them: whether all files are whole, and removing what is not needed."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from lnncmp.common.files import explained
from lnncmp.common.small_files import RefusedFileError, read_small
from lnncmp.errors import DataError
from lnncmp.records.checkpoints import MOST_BYTES, unpacked
from lnncmp.records.read import UnreadableRecordError, read_file
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord
from lnncmp.records.store import Store
from lnncmp.records.tidy import FOLDERS, leftovers, tidy
from lnncmp.records.weights import SUFFIX, read_weights

_KINDS: dict[str, type[BaseModel]] = {
    "records": RunRecord,
    "measurements": MeasurementRecord,
    "baselines": BaselineRecord,
}


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be, and what that is."""

    file: str
    problem: str


@dataclass
class Verified:
    """How many files are whole, by what they are, and what is not."""

    whole: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def count(self, what: str) -> None:
        """Count a file that is whole."""
        self.whole[what] = self.whole.get(what, 0) + 1


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be: files of weights, other files, their bytes. busy: what other processes hold."""

    weights: int
    others: int
    bytes: int
    busy: Sequence[str] = ()


def verify(out: Path) -> Verified:
    """Read every record, measurement, baseline, file of weights and checkpoint again. Changes nothing.

    Weights that were pruned are no finding. Raises DataError if there is no folder of records.
    """
    found = Verified()
    folder = _folder(out)
    for name, kind in _KINDS.items():
        for path in sorted((out / name).glob("*.json")):
            try:
                record = read_file(path, kind)
            except (UnreadableRecordError, OSError) as reason:
                found.findings.append(Finding(path.name, f"{path} is {reason}"))
                continue
            found.count(name)
            if isinstance(record, RunRecord):
                _verify_weights(record, path, found)
    owned = {path.stem for path in folder.glob("*.json")}
    orphans = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if path.stem not in owned]
    found.findings += [Finding(path.name, f"{path} has no record: `lnncmp runs prune` removes it") for path in orphans]
    _verify_checkpoints(out, found)
    return found


def _verify_weights(record: RunRecord, path: Path, found: Verified) -> None:
    if record.weights is None or not path.with_suffix(SUFFIX).exists():
        return
    try:
        read_weights(path.with_suffix(SUFFIX), record.weights, record.parameters.total)
        found.count("files of weights")
    except DataError as error:
        found.findings.append(Finding(f"{path.stem}{SUFFIX}", error.message))


def _verify_checkpoints(out: Path, found: Verified) -> None:
    for path in sorted((out / "checkpoints").glob("*.pt")):
        try:
            unpacked(read_small(path, MOST_BYTES), path.stem)
            found.count("checkpoints")
        except FileNotFoundError:  # its run has just ended
            continue
        except (RefusedFileError, OSError) as reason:
            found.findings.append(Finding(path.name, f"{path} is {reason}: its run begins anew"))


def prune(store: Store, runs: Sequence[str] | None, remove: bool) -> Pruned:
    """Remove weights of `runs`, None: of all, and what else is not needed. Records stay.

    What else: weights without a record, files that were set aside as damaged, checkpoints of finished runs,
    half-written files and locks that no process holds, what an interrupted `train-weights` left. Without `remove`
    nothing is changed, and what live processes hold is counted too. Raises DataError if a file cannot be removed.
    """
    folder = _folder(store.out)
    wanted = [path.stem for path in sorted(folder.glob(f"*{SUFFIX}"))] if runs is None else list(runs)
    others = [] if runs is not None else [*_set_aside(store.out), *filter(Path.exists, leftovers(store))]
    weights = [store.weights_path(name) for name in wanted if store.weights_path(name).is_file()]
    sizes = {path: _size(path) for path in (*weights, *others)}
    if not remove:
        return Pruned(len(weights), len(others), sum(sizes.values()))
    busy = [name for name in wanted if not _prune_weights(store, name)]
    if runs is None:
        for path in _set_aside(store.out):
            _remove(path)
        tidy(store)
    gone = [path for path in sizes if not path.exists()]
    left = len([path for path in weights if path in gone])
    return Pruned(left, len(gone) - left, sum(sizes[path] for path in gone), busy)


def _prune_weights(store: Store, run_id: str) -> bool:
    """Remove the weights of a run; return whether that could be done: not while another process works on it."""
    with store.lock(run_id) as mine:
        if mine:
            store.prune_weights(run_id)
            remove_folder(store.again(run_id))
        return mine


def _set_aside(out: Path) -> list[Path]:
    return [path for name in FOLDERS for path in sorted((out / name).glob("*.damaged"))]


def _size(path: Path) -> int:
    return path.lstat().st_size if path.is_file() or path.is_symlink() else 0


def _remove(path: Path) -> None:
    with explained(path):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it, and its parent if that is empty then. Raises DataError."""
    if path.is_dir():
        with explained(path):
            shutil.rmtree(path)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


def _folder(out: Path) -> Path:
    folder = out / "records"
    if not folder.is_dir():
        raise DataError(f"no records of runs in {out}", "Name the folder that --out named when runs were made.")
    return folder

"""What a folder of records keeps: which runs have their weights, whether files are whole, and pruning them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lnncmp.common.files import explained
from lnncmp.errors import DataError
from lnncmp.records.find import read_record
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.records.weights import SUFFIX, read_weights

Kept = Literal["kept", "pruned", "not kept", "damaged"]


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be, and what that is."""

    file: str
    problem: str


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be: files of weights and their bytes. busy: runs that another process works on."""

    files: int
    bytes: int
    busy: Sequence[str] = ()


def kept_weights(record: RunRecord, folder: Path) -> Kept:
    """Return whether the weights of a record in `folder` are there, by their size alone (`verify` reads them)."""
    if record.weights is None:
        return "not kept"
    path = folder / f"{record.run_id}{SUFFIX}"
    if not path.is_file():
        return "pruned"
    return "kept" if path.stat().st_size == record.weights.bytes else "damaged"


def verify(out: Path) -> tuple[int, int, list[Finding]]:
    """Return how many records and files of weights are whole, and what is not. Changes nothing.

    Weights that were pruned are no finding. Raises DataError if there is no folder of records.
    """
    folder = _folder(out)
    runs, weights, findings = 0, 0, []
    owned = set()
    for path in sorted(folder.glob("*.json")):
        owned.add(path.stem)
        try:
            record = read_record(path)
            if record.run_id != path.stem:
                raise DataError(f"{path} holds the record of another run, {record.run_id}")
        except DataError as error:
            findings.append(Finding(path.name, error.message))
            continue
        runs += 1
        if record.weights is None or kept_weights(record, folder) == "pruned":
            continue
        try:
            read_weights(path.with_suffix(SUFFIX), record.weights, record.parameters.total)
            weights += 1
        except DataError as error:
            findings.append(Finding(f"{path.stem}{SUFFIX}", error.message))
    orphans = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if path.stem not in owned]
    findings += [Finding(path.name, f"{path} has no record: `lnncmp runs prune` removes it") for path in orphans]
    return runs, weights, findings


def prune(store: Store, runs: Sequence[str] | None, dry_run: bool) -> Pruned:
    """Remove the weights of `runs`, None: of all runs of the folder, and weights without a record. Records stay.

    What an interrupted `train-weights` left of them goes too. Raises DataError if a file cannot be removed.
    """
    folder = _folder(store.out)
    wanted = [path.stem for path in sorted(folder.glob(f"*{SUFFIX}"))] if runs is None else list(runs)
    files, size, busy = 0, 0, []
    for run_id in wanted:
        path = store.weights_path(run_id)
        if dry_run:
            files, size = files + path.is_file(), size + (path.stat().st_size if path.is_file() else 0)
            continue
        with store.lock(run_id) as mine:
            if not mine:
                busy.append(run_id)
                continue
            files += path.is_file()
            size += store.prune_weights(run_id)
            remove_folder(store.again(run_id))
    return Pruned(files, size, busy)


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

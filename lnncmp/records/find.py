"""Finding the record of one run, by its id or its file."""

from pathlib import Path

from lnncmp.errors import DataError, UsageError, unknown_name
from lnncmp.records.read import UnreadableRecordError, read_file
from lnncmp.records.schema import RunRecord
from lnncmp.records.weights import SUFFIX

_LEAST = 4
"""Fewest letters of a run id that may stand for it, if no other begins so."""
_NAMED = 5
"""How many run ids a message names."""
_MAY_RUN_CODE = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


def record_path(run: str | Path, out: Path) -> Path:
    """Return the path of the record that `run` means: an id of a run in `out`, a record, or weights beside one.

    Raises UsageError with the nearest id for an unknown one.
    """
    given = Path(run)
    if given.suffix in (".json", SUFFIX):
        path = given.with_suffix(".json")
        if not path.is_file():
            raise UsageError(f"there is no record {path}", "Name a run by its id, or by its record.")
        return path
    if given.suffix in _MAY_RUN_CODE:
        raise DataError(f"{given} is no safetensors file: files that may run code are not loaded")
    folder = out / "records"
    known = sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []
    if not known:
        raise UsageError(f"no records of runs in {out}", "Name the folder that --out named when runs were made.")
    begun = [name for name in known if name.startswith(str(run))]
    if len(begun) == 1 and len(str(run)) >= _LEAST:
        return folder / f"{begun[0]}.json"
    if str(run) not in known:
        raise _shortened(unknown_name("run", str(run), known), len(known), out)
    return folder / f"{run}.json"


def _shortened(error: UsageError, count: int, out: Path) -> UsageError:
    """Return the error without a list of all ids, which may be hundreds."""
    if count <= _NAMED:
        return error
    guess = error.hint.partition("Available:")[0]
    return UsageError(error.message, f"{guess}`lnncmp runs list --out {out}` lists all {count} runs.")


def read_record(path: Path) -> RunRecord:
    """Return the record of a run. Raises DataError."""
    try:
        return read_file(path, RunRecord)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from error
    except UnreadableRecordError as reason:
        hint = "Use the lnncmp that made it." if reason.other_schema else "`lnncmp runs verify` lists all such files."
        raise DataError(f"{path} is a record that is {reason}", hint) from None

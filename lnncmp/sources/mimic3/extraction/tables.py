"""Find the tables of MIMIC-III in a folder, under any of the names they are known by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lnncmp.errors import DataError

NEEDED = ("CHARTEVENTS", "ICUSTAYS", "PATIENTS")
OUTPUTEVENTS = "OUTPUTEVENTS"
ENDINGS = (".csv.gz", ".csv")

_FULL, _DEMO = "physionet.org/files/mimiciii/1.4", "physionet.org/files/mimiciii-demo/1.4"
NESTED = ("", "1.4", "mimiciii/1.4", "files/mimiciii/1.4", _FULL, _DEMO)
"""Where the tables may lie below the folder that the user names: `wget -r` nests them."""

EXPECTED = "expected one of MIMIC-III 1.4"

GET = (
    "Get the full set (an account with PhysioNet and its training are needed) with `wget -r -N -c -np --user YOUR_NAME "
    "--ask-password https://physionet.org/files/mimiciii/1.4/`, or the open demo with "
    "`lnncmp data fetch mimic3 --source demo`; name the folder with --data DIR."
)


@dataclass(frozen=True)
class Table:
    """One table: its name in capitals, its file, size in bytes and time of the last change in nanoseconds."""

    name: str
    path: Path
    size: int
    mtime_ns: int


def find_tables(folder: Path, warn: Callable[[str], None]) -> dict[str, Table]:
    """Return the tables CHARTEVENTS, ICUSTAYS, PATIENTS and, if it is there, OUTPUTEVENTS, by name.

    A table is NAME.csv.gz or NAME.csv, in any case of letters. Of several files of one table the packed
    one is taken, then the first by name, with a warning. Raises DataError if the folder cannot be read or lacks one.
    """
    place, files = _open(folder)
    found: dict[str, Table] = {}
    for name in (*NEEDED, OUTPUTEVENTS):
        candidates = [files[key] for ending in ENDINGS for key in sorted(files) if key.lower() == name.lower() + ending]
        if not candidates:
            continue
        if len(candidates) > 1:
            others = ", ".join(path.name for path in candidates[1:])
            warn(f"{place} holds {name} more than once: {candidates[0].name} is read, {others} is not")
        found[name] = _table(name, candidates[0])
    missing = [name for name in NEEDED if name not in found]
    if missing:
        if _is_mimic4(folder):
            raise DataError(f"{folder} holds tables of MIMIC-IV (folders hosp and icu), {EXPECTED}", GET)
        raise DataError(
            f"{place} lacks the {'table' if len(missing) == 1 else 'tables'} {', '.join(missing)} "
            f"(looked for {_looked_for(missing)}, in any case of letters)",
            GET,
        )
    return found


def _is_mimic4(folder: Path) -> bool:
    """Tell whether `folder` is a copy of MIMIC-IV, or one of its two folders."""
    tops = (folder, folder.parent) if folder.name in ("hosp", "icu") else (folder,)
    return any((top / "hosp").is_dir() and (top / "icu").is_dir() for top in tops)


def _looked_for(names: Sequence[str]) -> str:
    return ", ".join(name + ending for name in names for ending in ENDINGS)


def _open(folder: Path) -> tuple[Path, Mapping[str, Path]]:
    """Return the folder with the tables and its files by name: the one of NESTED that holds the most tables."""
    try:
        if not folder.exists():
            raise DataError(f"the folder {folder} does not exist", GET)
        if not folder.is_dir():
            raise DataError(f"{folder} is a file, expected the folder with the tables of MIMIC-III", GET)
        places = [folder / nested for nested in NESTED if (folder / nested).is_dir()]
        listings = [{path.name: path for path in sorted(place.iterdir())} for place in places]
    except OSError as error:
        raise DataError(f"cannot open the folder {folder}: {error.strerror or error}", GET) from error
    wanted = {(name + ending).lower() for name in NEEDED for ending in ENDINGS}
    best = max(range(len(places)), key=lambda n: (sum(key.lower() in wanted for key in listings[n]), -n))
    return places[best], listings[best]


def _table(name: str, path: Path) -> Table:
    try:
        facts = path.stat()
        regular = path.is_file()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}", GET) from error
    if not regular:
        raise DataError(f"{path} is not a regular file, expected the table {name}", GET)
    if not facts.st_size:
        raise DataError(f"{path} is empty, expected the table {name}", GET)
    return Table(name, path, facts.st_size, facts.st_mtime_ns)

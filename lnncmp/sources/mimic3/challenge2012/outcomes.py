"""Who died in hospital: the files Outcomes-a.txt, Outcomes-b.txt and Outcomes-c.txt of the challenge."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lnncmp.errors import DataError
from lnncmp.sources.mimic3.challenge2012.copies import GET
from lnncmp.sources.parsing import parsing

RECORD, DIED = "RecordID", "In-hospital_death"
_LARGEST = 1 << 22
_DEEPEST = 4


def read_outcomes(data: Path, sets: str) -> Mapping[str, int]:
    """Return group ("stay-<RecordID>") -> 1 if the patient died in hospital, else 0, of all stays of `sets`.

    data: a folder with files Outcomes-a.txt and so on, at most four folders deep, or an archive that lies beside them.
    Raises DataError if a file is missing, or is not what it should be; no message holds a record or an outcome.
    """
    folder = data.parent if data.is_file() else data
    found: dict[str, int] = {}
    for letter in sets:
        path = _find(folder, f"outcomes-{letter}.txt")
        if path is None:
            raise DataError(f"{folder} has no file Outcomes-{letter}.txt", GET)
        outcomes = _read(path)
        if found.keys() & outcomes.keys():
            raise DataError(f"{path.name} holds a stay that another file of outcomes holds", GET)
        found |= outcomes
    return found


def _find(folder: Path, name: str) -> Path | None:
    """Return the first file of that name, in any case of letters, in `folder` or below."""
    for place, below, names in os.walk(folder):
        here = Path(place)
        below[:] = sorted(below) if len(here.relative_to(folder).parts) < _DEEPEST else []
        for candidate in sorted(names):
            if candidate.lower() == name:
                return here / candidate
    return None


def _read(path: Path) -> dict[str, int]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}", GET) from error
    if len(content) > _LARGEST:
        raise DataError(f"{path.name} is longer than any file of outcomes ({_LARGEST:,} bytes)", GET)
    found: dict[str, int] = {}
    with parsing(DataError(f"{path.name} cannot be read as a table", GET)):
        for group, died in _pairs(content.decode("utf-8-sig", "replace"), path):
            if group in found:
                raise DataError(f"{path.name} holds a stay twice", GET)
            found[group] = died
    if not found:
        raise DataError(f"{path.name} has a header but no rows", GET)
    return found


def _pairs(text: str, path: Path) -> Iterator[tuple[str, int]]:
    """Yield group and outcome of every row. Raises DataError."""
    rows = csv.reader(io.StringIO(text, newline=None))
    names = [name.strip() for name in next(rows, [])]
    missing = [name for name in (RECORD, DIED) if names.count(name) != 1]
    if missing:
        raise DataError(f"{path.name} lacks the column {', '.join(missing)}", GET)
    record, died = names.index(RECORD), names.index(DIED)
    for row in rows:
        if not row:
            continue
        if len(row) != len(names):
            raise DataError(f"{path.name} has more or fewer cells in line {rows.line_num} than in its header", GET)
        if not row[record].strip().isdecimal() or row[died].strip() not in ("0", "1"):
            raise DataError(
                f"{path.name} should hold a number of a record and 0 or 1 for {DIED}; line {rows.line_num} does not",
                GET,
            )
        yield f"stay-{int(row[record])}", int(row[died])

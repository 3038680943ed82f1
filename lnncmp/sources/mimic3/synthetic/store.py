"""The simulated tables in the cache: four CSV files and, written last, `manifest.json` with their digests.

Folders and files are private to the user, as those of real patients are: the same code must be safe with both.
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from lnncmp.common.files import explained, make_dir, write_bytes
from lnncmp.errors import DataError

MANIFEST = "manifest.json"
FILES = ("CHARTEVENTS.csv", "ICUSTAYS.csv", "OUTPUTEVENTS.csv", "PATIENTS.csv")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _private(folder: Path) -> None:
    """Make `folder` with its parent, both for the user alone (0700). Raises DataError."""
    make_dir(folder.parent.parent)
    for path in (folder.parent, folder):
        make_dir(path, 0o700)
        with explained(path):
            path.chmod(0o700)


def write(folder: Path, tables: Mapping[str, bytes]) -> None:
    """Store `tables` by file name in `folder`. Raises DataError if that is not possible."""
    _private(folder)
    for name, content in tables.items():
        write_bytes(folder / name, content, 0o600)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(tables.items())}
    write_bytes(folder / MANIFEST, (json.dumps(digests, indent=1) + "\n").encode(), 0o600)


def complete(folder: Path) -> bool:
    """Return whether `folder` holds a finished set, False if the set was never finished.

    Raises DataError if a file is missing, unreadable or not what the manifest says.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DataError(f"{folder / MANIFEST} cannot be read") from error
    try:
        digests = json.loads(text)
    except ValueError as error:
        raise DataError(f"{folder / MANIFEST} is not JSON") from error
    if not isinstance(digests, dict) or sorted(digests) != sorted(FILES):
        raise DataError(f"{folder / MANIFEST} does not list the four tables")
    for name in FILES:
        try:
            found = _sha256(folder / name)
        except OSError as error:
            raise DataError(f"{folder / name} cannot be read") from error
        if found != digests[name]:
            raise DataError(f"{folder / name} does not have the digest of its manifest")
    return True


def obtain(folder: Path, make: Callable[[], Mapping[str, bytes]], warn: Callable[[str], None]) -> Path:
    """Return `folder` once it holds the set, which `make` makes if it is missing or, with a warning, damaged.

    Raises DataError if it cannot be stored.
    """
    try:
        if complete(folder):
            _tighten(folder)
            return folder
    except DataError as error:
        warn(f"the stored simulated stays are damaged and are made again ({error.message})")
    write(folder, make())
    return folder


def _tighten(folder: Path) -> None:
    """Remove the access of other users that a copied or restored cache may have."""
    for path in (folder.parent, folder, *(folder / name for name in (*FILES, MANIFEST))):
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            with explained(path):
                path.chmod(0o700 if path.is_dir() else 0o600)

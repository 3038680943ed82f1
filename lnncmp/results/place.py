"""Where an export of results is written, and how: whole or not at all, and nothing is overwritten unless asked for."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lnncmp.common.files import explained, make_dir, write_bytes
from lnncmp.errors import DataError

MARK = "lnncmp-export.json"
"""The file that tells an exported folder from any other one: only such a folder is replaced."""
_ELSEWHERE = "Choose another place with --output."


def place_of(output: Path | None, folder: Path, format: str, ending: str) -> Path:
    """Return where an export goes. output: what the user named, a file or a folder; None: the folder one is in.

    A file that is given a folder, and what is given nothing, is named after the folder of records.
    """
    name = folder.resolve().name or "results"
    own = f"{name}{ending}" if ending else f"{name}-{format}"
    if output is None:
        return Path(own)
    return output / own if ending and output.is_dir() else output


def require_free(place: Path, folder: bool, force: bool) -> None:
    """Raise DataError if something is in the way; with `force` only if it is not an export of this kind."""
    if not place.resolve().exists() and not place.is_symlink():
        return
    if folder and place.is_dir() and not any(place.iterdir()):
        return
    if not force:
        raise DataError(
            f"{place} exists and is not overwritten", "Choose another place with --output, or replace it with --force."
        )
    if folder and not (place.is_dir() and (place / MARK).is_file()):
        raise DataError(f"{place} is no folder that an export made, so it is not replaced", _ELSEWHERE)
    if not folder and place.is_dir():
        raise DataError(f"{place} is a folder, the export needs a file there", _ELSEWHERE)


@contextmanager
def new_file(place: Path) -> Iterator[Path]:
    """Yield a path that becomes the file `place` if the block ends without an error, and is removed otherwise."""
    with _beside(place) as folder:
        yield folder / place.name
        with explained(place):
            (folder / place.name).replace(place)


@contextmanager
def new_folder(place: Path, facts: dict[str, object]) -> Iterator[Path]:
    """Yield an empty folder that becomes `place`, marked with `facts`, if the block ends without an error.

    What an export left there before is moved aside first and removed last.
    """
    with _beside(place) as folder:
        made, old = folder / "new", folder / "old"
        made.mkdir()
        yield made
        write_bytes(made / MARK, json.dumps(facts, indent=1).encode())
        with explained(place):
            if place.exists():
                place.replace(old)
            try:
                made.replace(place)
            except OSError:
                if old.exists():
                    old.replace(place)
                raise


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Yield a new folder next to `place`, on its file system, and remove it at the end."""
    parent = make_dir(place.absolute().parent)
    with explained(place):
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

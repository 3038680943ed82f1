"""Where a report is written, and how: whole or not at all, and nothing is overwritten unless asked for."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lnncmp.common.files import explained, make_dir, write_bytes
from lnncmp.errors import DataError

NAME = "report"
"""The page of a folder, without its ending."""


@dataclass(frozen=True)
class Place:
    """Where a report goes: the page, the Markdown next to it, and the folder of figures and tables.

    beside: how the page calls that folder, "" if it is the page's own.
    """

    page: Path
    markdown: Path
    beside: str
    whole: bool

    @property
    def folder(self) -> Path:
        """The folder of page and Markdown."""
        return self.page.parent


def place_of(to: Path) -> Place:
    """Return where `to` puts a report: a folder of its own, or the page's name if it ends with .html."""
    if to.suffix.lower() in (".html", ".htm"):
        return Place(to, to.with_suffix(".md"), f"{to.stem}-files/", whole=False)
    return Place(to / f"{NAME}.html", to / f"{NAME}.md", "", whole=True)


def require_free(place: Place, force: bool) -> None:
    """Raise DataError if something is in the way; with `force` only if it cannot be replaced."""
    for path in (place.page, place.markdown):
        if path.is_dir():
            raise DataError(f"{path} is a folder, a report needs a file there", "Choose another place with --to.")
    folder = place.folder
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise DataError(f"{nearest} is a file, a report needs a folder there", "Choose another place with --to.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise DataError(f"{folder} cannot be written: no permission for {nearest}", "Choose another place with --to.")
    if force:
        return
    taken = [path for path in (place.page, place.markdown, folder / place.beside.rstrip("/")) if path.exists()]
    if place.whole:
        taken = [folder] if folder.exists() and any(folder.iterdir()) else []
    if taken:
        raise DataError(
            f"{taken[0]} exists and is not overwritten", "Choose another place with --to, or replace it with --force."
        )


def write_all(place: Place, files: Mapping[str, bytes]) -> None:
    """Write `files` (name relative to the folder of the page -> content), the page last.

    A new folder appears at once, with everything in it. In a folder that is there each file is replaced whole; others
    stay. Raises DataError if that is not possible.
    """
    ordered = sorted(files, key=lambda name: name == place.page.name)
    if not place.whole or (place.folder.exists() and any(place.folder.iterdir())):
        for name in ordered:
            write_bytes(place.folder / name, files[name])
        return
    parent = make_dir(place.folder.absolute().parent)
    with explained(place.folder):
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.folder.name}.", suffix=".part", dir=parent))
        try:
            for name in ordered:
                write_bytes(temporary / name, files[name])
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o777 & ~umask)
            temporary.replace(place.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

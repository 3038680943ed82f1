"""Find the sets of the challenge in a folder or an archive, and read those that are asked for."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lnncmp.errors import DataError
from lnncmp.sources.download.manifest import file_sha256
from lnncmp.sources.mimic3.challenge2012.archives import SETS, StayText, read_archive, read_folder, record_of, set_of

ENDINGS = (".tar.gz", ".tgz", ".tar.xz", ".tar", ".zip")
GET = (
    "Get it with `lnncmp data fetch mimic3 --source challenge2012`, or from "
    "https://physionet.org/content/challenge-2012/1.0.0/; --data names an archive (set-a.tar.gz, set-b.zip), or a "
    "folder with such archives or with unpacked sets."
)
_MOST_ENTRIES = 200_000
_DEEPEST = 4


@dataclass(frozen=True)
class Place:
    """Where stays lie: an archive, or a folder with one file per stay; letter of the set it is named after, or ""."""

    path: Path
    letter: str
    archive: bool

    def stays(self) -> Iterator[StayText]:
        """Yield its stays. Raises DataError."""
        return read_archive(self.path) if self.archive else read_folder(self.path)

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 that changes with its bytes: of the archive, or of names and texts. Raises DataError."""
        if not self.archive:
            return text_hash(list(self.stays()))
        try:
            return file_sha256(self.path)
        except OSError as error:
            raise DataError(f"{self.path.name} cannot be read: {error.strerror}", GET) from None


def text_hash(stays: Sequence[StayText]) -> str:
    """Return one SHA-256 over records and rows of `stays` in the order of their records.

    White space does not count: copies differ in the ends of their lines.
    """
    found = hashlib.sha256()
    for stay in sorted(stays, key=lambda stay: stay.record):
        found.update(b"%d\n%s\n" % (stay.record, b"\n".join(stay.text.split())))
    return found.hexdigest()


@dataclass(frozen=True)
class Copy:
    """A copy of some sets: the places where they lie, at most one for each set that is asked for."""

    places: tuple[Place, ...]
    sets: str
    asked: str = field(default="the data")

    def stays(self) -> list[StayText]:
        """Return the stays of the sets that are asked for by record, those whose path names no set included.

        Raises DataError if an archive is damaged, a record is there twice, or a set is missing.
        """
        found: dict[int, StayText] = {}
        for place in self.places:
            for stay in place.stays():
                if stay.set and stay.set not in self.sets:
                    continue
                if stay.record in found:
                    raise DataError(f"{self.asked} holds a stay twice", "Name one copy of each set with --data.")
                found[stay.record] = stay
        letters = {stay.set for stay in found.values()}
        missing = [letter.upper() for letter in self.sets if letter not in letters]
        if not found or (missing and "" not in letters):
            raise DataError(f"{self.asked} holds no stay of set {', '.join(missing or self.sets.upper())}", GET)
        return [found[record] for record in sorted(found)]


def looks_like(data: Path) -> bool:
    """Return whether `data` holds sets of the challenge, judged by names; False also if it cannot be read."""
    try:
        return bool(_places(data))
    except OSError:
        return False


def find_copy(data: Path, sets: str, warn: Callable[[str], None]) -> Copy:
    """Return the copy of `sets` (letters) in `data`, an archive or a folder that holds archives or unpacked sets.

    Of several places with one set the archive that is first by name is read, with a warning. Raises DataError if there
    is none, or if it cannot be listed.
    """
    try:
        if not data.exists():
            raise DataError(f"{data} does not exist", GET)
        places = _places(data)
    except OSError as error:
        raise DataError(f"cannot list {data}: {error.strerror}", GET) from None
    if not places:
        what = "is no archive" if data.is_file() else "holds no stay"
        raise DataError(f"{data} {what} of the PhysioNet Challenge 2012", GET)
    there = {place.letter for place in places}
    if "" not in there and not set(sets) <= there:
        named = "".join(letter for letter in SETS if letter in there)
        missing = ", ".join(letter.upper() for letter in sets if letter not in there)
        raise DataError(
            f"{data} holds set {', '.join(named.upper())} of the PhysioNet Challenge 2012, not set {missing}",
            f"To use what is there: --set data.sets={named}. {GET}",
        )
    return Copy(_chosen(places, sets, warn), sets, str(data))


def _chosen(places: Sequence[Place], sets: str, warn: Callable[[str], None]) -> tuple[Place, ...]:
    """Return one place for each of `sets`, and those whose name says nothing."""
    chosen: dict[str, Place] = {}
    for place in places:
        if not place.letter:
            chosen[str(place.path)] = place
        elif place.letter in chosen:
            first = chosen[place.letter].path.name
            warn(f"set {place.letter.upper()} is there more than once: {first} is read, {place.path.name} is not")
        elif place.letter in sets:
            chosen[place.letter] = place
    return tuple(chosen.values())


def _places(data: Path) -> list[Place]:
    """Return archives first, then folders, each in the order of their paths. Raises OSError."""
    if data.is_file():
        return [Place(data, set_of(data), True)] if data.name.lower().endswith(ENDINGS) else []
    archives, folders = [], []
    entries = 0
    for folder, below, names in os.walk(data):
        here = Path(folder)
        below[:] = sorted(below) if len(here.relative_to(data).parts) < _DEEPEST else []
        entries += len(names)
        if entries > _MOST_ENTRIES:
            break
        archives += [here / name for name in names if name.lower().endswith(ENDINGS) and set_of(Path(name))]
        if any(record_of(name) is not None for name in names):
            folders.append(here)
    found = [Place(path, set_of(Path(path.name)), True) for path in sorted(archives)]
    return found + [Place(path, set_of(path), False) for path in sorted(folders)]

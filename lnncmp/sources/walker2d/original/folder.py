"""Find the rollouts in a folder, check every one against the manifest, read them."""

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lnncmp.data.recording import Recording, regular
from lnncmp.errors import DataError
from lnncmp.sources.download.manifest import file_sha256, some_names
from lnncmp.sources.walker2d.original.diagnose import why_different
from lnncmp.sources.walker2d.original.manifest import RolloutEntry, RolloutManifest

NESTED = ("", "walker", "data/walker")
"""Where the rollouts may lie below the folder that the user names: the zip file and the repository nest them."""

COMMAND = "lnncmp data fetch walker2d --source original"
HINT = f"Get the published files with `{COMMAND}`, or name a folder that holds them with --data DIR."


def locate(folder: Path, manifest: RolloutManifest) -> Path:
    """Return the folder with the rollouts: `folder` itself or one of NESTED below it.

    Raises DataError if `folder` does not exist, is no folder, or holds none of the rollouts; says what it holds.
    """
    try:
        return _find(folder, manifest)
    except OSError as error:
        raise DataError(f"cannot open the folder {folder}: {error.strerror or error}", HINT) from error


def _find(folder: Path, manifest: RolloutManifest) -> Path:
    """Do the work of `locate`. Also raises OSError."""
    if folder.is_file():
        hint = f"Unpack it and name the folder. {HINT}" if folder.suffix == ".zip" else HINT
        raise DataError(f"{folder} is a file, expected the folder with the rollouts", hint)
    if not folder.is_dir():
        raise DataError(f"the folder {folder} does not exist", HINT)
    wanted = {entry.name for entry in manifest.files}
    for nested in NESTED:
        candidate = folder / nested
        if candidate.is_dir() and not wanted.isdisjoint(_names(candidate)):
            return candidate
    names = _names(folder)
    renamed = _renamed(folder, names, manifest.files, manifest)
    if renamed:
        raise DataError(renamed, f"Give the files their published names. {HINT}")
    total = len(manifest.files)
    raise DataError(f"{folder} {_contents(folder, names)}none of the {total} rollouts", HINT)


def _names(folder: Path) -> list[str]:
    """Return the sorted names in `folder`. Raises DataError if it cannot be listed."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot list the folder {folder}: {error.strerror}", HINT) from error


def _contents(folder: Path, names: Sequence[str]) -> str:
    """Describe a wrong folder: "contains 26 .csv.gz files but ", "is empty: it holds "."""
    if not names:
        return "is empty: it holds "
    folders = sum((folder / name).is_dir() for name in names)
    kinds = Counter(_kind(name) for name in names if not (folder / name).is_dir())
    found = [f"{n} {kind or 'other'} {'file' if n == 1 else 'files'}" for kind, n in kinds.most_common(2)]
    if folders:
        found.append(f"{folders} {'folder' if folders == 1 else 'folders'}")
    return f"contains {' and '.join(found)} but "


def _kind(name: str) -> str:
    """Return the ending of a file name, of packed files the last two: ".csv.gz"."""
    suffixes = Path(name).suffixes
    packed = suffixes[-1:] in ([".gz"], [".bz2"], [".xz"])
    return "".join(suffixes[-2:] if packed else suffixes[-1:])


def _renamed(folder: Path, names: Sequence[str], missing: Sequence[RolloutEntry], manifest: RolloutManifest) -> str:
    """Return a sentence if a missing rollout lies in `folder` under a name of its own, else the empty string."""
    wanted = {entry.sha256: entry.name for entry in missing}
    sizes = {entry.bytes for entry in missing}
    known = {entry.name for entry in manifest.files}
    for name in names:
        path = folder / name
        if name in known or not path.is_file() or path.stat().st_size not in sizes:
            continue
        published = wanted.get(file_sha256(path))
        if published:
            return f"{published} is missing from {folder}, but {name} has its content: the file was renamed"
    return ""


def read_rollouts(
    folder: Path, manifest: RolloutManifest, warn: Callable[[str], None] = lambda message: None
) -> list[Recording]:
    """Return one recording per file of `manifest`, in name order: values (frames, 17) float64, group = file stem.

    Times count frames (8 ms). Links to regular files are followed. .npy files that the manifest does not name are
    left out with a warning. Raises DataError that names the first file that is missing or not the published one.
    """
    names = _names(folder)
    present = set(names)
    missing = [entry for entry in manifest.files if entry.name not in present]
    total = len(manifest.files)
    if missing:
        renamed = _renamed(folder, names, missing, manifest)
        listed = some_names(entry.name for entry in missing)
        raise DataError(renamed or f"{folder} lacks {len(missing)} of the {total} rollouts: {listed}", HINT)
    names_by_hash = {entry.sha256: entry.name for entry in manifest.files}
    longest = max(entry.bytes for entry in manifest.files)
    recordings: list[Recording] = []
    damaged: list[str] = []
    for entry in manifest.files:
        content, size, problem = _read(folder / entry.name, longest)
        if not problem and hashlib.sha256(content).hexdigest() != entry.sha256:
            problem = why_different(content, size, entry, names_by_hash)
        if problem:
            damaged.append(f"{folder / entry.name} {problem}")
        else:
            values = np.load(io.BytesIO(content), allow_pickle=False)
            recordings.append(regular(values.astype(np.float64, copy=False), Path(entry.name).stem))
    if damaged:
        others = f"; {len(damaged) - 1} more of the {total} files are not as published" if damaged[1:] else ""
        raise DataError(damaged[0] + others, HINT)
    published = set(names_by_hash.values())
    extra = [name for name in names if name.endswith(".npy") and name not in published]
    if extra:
        warn(f"left out {len(extra)} .npy files of {folder} that are not published rollouts: {some_names(extra)}")
    return recordings


def _read(path: Path, longest: int) -> tuple[bytes, int, str]:
    """Return (content, size in bytes, why it cannot be read); of a file above `longest` bytes only the beginning."""
    try:
        if not path.is_file():
            return b"", 0, "is a link to nothing" if path.is_symlink() else "is not a regular file"
        # A file much too long is not worth reading whole: what is wrong with it shows at its beginning.
        with path.open("rb") as file:
            content = file.read(longest + 1)
            return content, file.seek(0, io.SEEK_END), ""
    except OSError as error:
        return b"", 0, f"cannot be read: {error.strerror}"

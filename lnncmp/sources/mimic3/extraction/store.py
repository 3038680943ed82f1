"""The private folder of one extraction: events by bucket while it runs, finished buckets, and a marker written last.

Folders can be entered and files read by their owner only: what they hold is patient data.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from lnncmp.common.files import atomic_write, explained, file_lock, make_dir, sweep, write_bytes
from lnncmp.data.recording import AttritionStep
from lnncmp.errors import DataError
from lnncmp.sources.mimic3.extraction.grid import COUNTS, Bucket
from lnncmp.sources.mimic3.variables import NAMES

PRIVATE_DIR, PRIVATE_FILE = 0o700, 0o600
COMPLETE, EVENTS, EVENTS_COMPLETE, LOCK = "complete.json", "events", "events.json", "lock"


def private_dir(path: Path) -> Path:
    """Create the folder `path`, or take hold of it, so that only its owner can enter it. Raises DataError."""
    make_dir(path, PRIVATE_DIR)
    with explained(path):
        path.chmod(PRIVATE_DIR)
    return path


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` for the owner only. Raises DataError as `atomic_write`."""
    write_bytes(path, json.dumps(content).encode(), PRIVATE_FILE)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the content of `path`, None if the file is missing or damaged."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def bucket_path(folder: Path, bucket: int, buckets: int) -> Path:
    """Return where bucket number `bucket` of `buckets` is kept."""
    return folder / f"stays-{bucket:03d}-of-{buckets:03d}.npz"


def write_bucket(path: Path, bucket: Bucket) -> None:
    """Store a bucket. Raises DataError as `atomic_write`."""
    with atomic_write(path, PRIVATE_FILE) as file:
        np.savez(file, **{field.name: getattr(bucket, field.name) for field in fields(Bucket)})


def read_bucket_file(path: Path, digest: str | None = None, columns: int = len(NAMES)) -> Bucket | None:
    """Return the stored bucket; None if it is absent or damaged, or does not have `columns` or the SHA-256 `digest`."""
    try:
        content = path.read_bytes()
        if digest is not None and hashlib.sha256(content).hexdigest() != digest:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            bucket = Bucket(**{field.name: arrays[field.name] for field in fields(Bucket)})
    except Exception:  # any error of numpy or zipfile on damaged bytes: make the bucket again
        return None
    rows, stays = len(bucket.times), len(bucket.subjects)
    wide = (rows, columns)
    fits = bucket.values.shape == wide and bucket.observed.shape == wide and bucket.counts.shape == (len(COUNTS),)
    return bucket if fits and bucket.lengths.shape == (stays,) and bucket.lengths.sum() == rows else None


def finish(folder: Path, paths: Sequence[Path], steps: Sequence[AttritionStep]) -> None:
    """Mark the extraction as complete, then remove what only its making needed. Raises DataError."""
    with explained(folder):
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
        write_json(folder / COMPLETE, {"files": files, "steps": [step.as_row() for step in steps]})
        shutil.rmtree(folder / EVENTS, ignore_errors=True)
        (folder / EVENTS_COMPLETE).unlink(missing_ok=True)
        for path in folder.glob("stays-*.npz"):
            if path.name not in files:
                path.unlink(missing_ok=True)


def read_complete(folder: Path, columns: int = len(NAMES)) -> tuple[list[Bucket], tuple[AttritionStep, ...]] | None:
    """Return the buckets, of so many columns, and the steps of a finished extraction, None without one.

    Raises DataError if it is marked as finished but damaged.
    """
    if not (folder / COMPLETE).is_file():
        return None
    damaged = DataError(f"the stored extraction {folder} is damaged", "It is made again.")
    marker = read_json(folder / COMPLETE)
    if marker is None:
        raise damaged
    try:
        steps = tuple(AttritionStep(**step) for step in marker["steps"])
        named = [(str(name), str(digest)) for name, digest in marker["files"].items()]
    except (KeyError, TypeError, AttributeError):
        raise damaged from None
    buckets = [read_bucket_file(folder / Path(name).name, digest, columns) for name, digest in named]
    whole = [bucket for bucket in buckets if bucket is not None]
    if not named or len(whole) < len(buckets):
        raise damaged
    return whole, steps


def clear(folder: Path) -> None:
    """Remove everything in `folder` but the lock."""
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the extraction in `folder`: a second process waits until the first is done, then finds its result.

    Clears away what killed writers left. Where the file system has no locks two processes may do the same work.
    """
    with file_lock(folder / LOCK, wait=True, mode=PRIVATE_FILE):
        sweep(folder)
        yield

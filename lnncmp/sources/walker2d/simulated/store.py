"""Rollouts in the cache: `rollouts.npy` (all frames, float64) and, written last, `manifest.json`.

The manifest's existence means that the set is complete. Both files are replaced whole, and what is made for one
folder is always the same, so processes that make a set at the same time do not disturb each other.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lnncmp.common.files import atomic_write, write_bytes
from lnncmp.errors import DataError
from lnncmp.sources.walker2d.observation import OBSERVATION
from lnncmp.sources.walker2d.simulated.manifest import Manifest, NamedRollout, array_digest, parse

VALUES, MANIFEST = "rollouts.npy", "manifest.json"


def write(folder: Path, named: Sequence[NamedRollout], manifest: Manifest) -> None:
    """Store the rollouts `named` in `folder`. Raises DataError if that is not possible."""
    with atomic_write(folder / VALUES) as file:
        np.save(
            file,
            np.concatenate([values for _, values in named]).astype("<f8", copy=False),
            allow_pickle=False,
        )
    write_bytes(folder / MANIFEST, manifest.to_json().encode())


def read(folder: Path) -> tuple[list[NamedRollout], Manifest] | None:
    """Return the stored rollouts and their manifest, None if `folder` has no complete set.

    Raises DataError if the set is damaged: unreadable, or not what its manifest says.
    """
    try:
        manifest = parse((folder / MANIFEST).read_bytes(), folder / MANIFEST)
        values = np.load(folder / VALUES, allow_pickle=False)
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever numpy raises on damaged bytes
        raise DataError(f"{folder} cannot be read") from error
    lengths = [frames for frames, _ in manifest.rollouts.values()]
    if values.shape != (sum(lengths), len(OBSERVATION)) or values.dtype != np.float64:
        raise DataError(f"{folder} has values {values.dtype} {values.shape}, its manifest says {sum(lengths)} frames")
    if array_digest(values) != manifest.digest:
        raise DataError(f"{folder} does not have the digest of its manifest")
    parts = np.split(values, np.cumsum(lengths)[:-1])
    return list(zip(manifest.rollouts, parts, strict=True)), manifest


def obtain(
    folder: Path,
    key: str,
    make: Callable[[], tuple[list[NamedRollout], Manifest]],
    warn: Callable[[str], None],
) -> tuple[list[NamedRollout], Manifest]:
    """Return the set stored in `folder`, or make and store it.

    A damaged set, or one with another key than `key`, is made again with a warning. Raises DataError if it cannot be
    stored.
    """
    try:
        stored = read(folder)
        if stored is not None and stored[1].key != key:
            raise DataError(f"{folder} has the key {stored[1].key} instead of {key}")
    except DataError as error:
        warn(f"the stored Walker2d rollouts are damaged and are made again ({error.message})")
        stored = None
    if stored is None:
        stored = make()
        write(folder, *stored)
    return stored

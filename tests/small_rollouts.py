"""Four small rollouts and their manifest, in place of the 400 published ones."""

import hashlib
import io
from pathlib import Path

import numpy as np

from lnncmp.sources.download.manifest import digest
from lnncmp.sources.walker2d.original.manifest import RolloutEntry, RolloutManifest

FRAMES = (31, 20, 25, 40)


def npy(array: np.ndarray, **options: bool) -> bytes:
    """The bytes of an .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def make_rollouts() -> dict[str, bytes]:
    """Return the rollouts, name -> content."""
    rng = np.random.default_rng(0)
    return {f"rollout_{i:03d}.npy": npy(rng.normal(size=(frames, 17))) for i, frames in enumerate(FRAMES)}


def make_manifest(rollouts: dict[str, bytes]) -> RolloutManifest:
    """Return the manifest that belongs to `make_rollouts`."""
    files = tuple(
        RolloutEntry(name=name, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest(), frames=frames)
        for (name, raw), frames in zip(rollouts.items(), FRAMES, strict=True)
    )
    return RolloutManifest(description="test", total_frames=sum(FRAMES), digest=digest(files), files=files)


def fill(folder: Path, rollouts: dict[str, bytes]) -> Path:
    """Write all rollouts into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in rollouts.items():
        (folder / name).write_bytes(content)
    return folder

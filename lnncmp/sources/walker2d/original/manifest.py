"""The hash manifest of the original Walker2d rollouts (`datasets/walker2d/original.json`)."""

from functools import cache

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lnncmp.common.files import share_dir
from lnncmp.sources.download.manifest import FileEntry, digest


class RolloutEntry(FileEntry):
    """One rollout file; `frames` is its number of rows."""

    frames: int = Field(gt=0)


class RolloutManifest(BaseModel):
    """All rollout files in name order, their number of frames in all, and one digest over names and hashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    total_frames: int
    digest: str
    files: tuple[RolloutEntry, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "RolloutManifest":
        """Refuse a manifest whose totals, order or digest do not fit its files."""
        names = [entry.name for entry in self.files]
        if names != sorted(set(names)):
            raise ValueError("the file names must be sorted and differ")
        if sum(entry.frames for entry in self.files) != self.total_frames:
            raise ValueError("total_frames is not the sum of the frames")
        if digest(self.files) != self.digest:
            raise ValueError("the digest does not belong to these files")
        return self

    @property
    def total_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(entry.bytes for entry in self.files)


@cache
def published() -> RolloutManifest:
    """Return the manifest of the 400 published rollouts. Raises LnncmpError if the installation lacks it."""
    path = share_dir("datasets") / "walker2d" / "original.json"
    return RolloutManifest.model_validate_json(path.read_bytes())

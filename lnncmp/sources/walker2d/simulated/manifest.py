"""The manifest of a set of rollouts: how it was made, and the length and digest of each rollout.

The same format lies in the cache (`manifest.json`) and ships with lnncmp (`datasets/walker2d/simulated.json`, the
manifest of the data set that the project's numbers were made with).
"""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError
from lnncmp.sources.walker2d.simulated.recipe import VERSION, Recipe

NamedRollout = tuple[str, NDArray[np.float64]]
"""A rollout's group name and its observations (T, 17)."""


class Manifest(BaseModel):
    """The facts about a stored set. `rollouts` maps a group to (frames, first 16 digits of its SHA-256)."""

    model_config = ConfigDict(extra="forbid")

    key: str
    version: int
    recipe: dict[str, Any]
    policies: dict[str, str]
    model: str
    made_with: dict[str, str]
    digest: str
    rollouts: dict[str, tuple[int, str]]

    def to_json(self) -> str:
        """Return readable JSON, one rollout per line."""
        fields = self.model_dump(mode="json")
        rollouts = fields.pop("rollouts")
        lines = ",\n".join(f"  {json.dumps(group)}: {json.dumps(entry)}" for group, entry in rollouts.items())
        head = json.dumps(fields, indent=1)
        return f'{head[:-2]},\n "rollouts": {{\n{lines}\n }}\n}}\n'


def array_digest(array: NDArray[np.float64]) -> str:
    """Return the SHA-256 of an array's bytes as little-endian float64."""
    return hashlib.sha256(np.ascontiguousarray(array, "<f8").data).hexdigest()


def versions(packages: Sequence[str] = ("mujoco", "gymnasium", "numpy")) -> dict[str, str]:
    """Return the versions that may decide the last bit: of Python, the machine and `packages`."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def describe(key: str, recipe: Recipe, policies: dict[str, str], model: str, named: Sequence[NamedRollout]) -> Manifest:
    """Return the manifest of the rollouts `named`; `policies` and `model` are digests."""
    whole = hashlib.sha256()
    entries = {}
    for group, values in named:
        whole.update(np.ascontiguousarray(values, "<f8").data)
        entries[group] = (len(values), array_digest(values)[:16])
    return Manifest(
        key=key,
        version=VERSION,
        recipe=json.loads(json.dumps(dataclasses.asdict(recipe))),
        policies=policies,
        model=model,
        made_with=versions(),
        digest=whole.hexdigest(),
        rollouts=entries,
    )


def parse(text: bytes, where: Path) -> Manifest:
    """Return the manifest in `text`. Raises DataError if it is not one."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise DataError(f"{where} is not a manifest of Walker2d rollouts", "Delete it, or install again.") from error


def shipped_manifest() -> Manifest:
    """Return the manifest that ships with lnncmp. Raises DataError if it is missing or damaged."""
    path = share_dir("datasets") / "walker2d" / "simulated.json"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"the manifest {path} is missing", "Install lnncmp again.") from error
    return parse(text, path)


def difference(ours: Manifest, shipped: Manifest) -> str:
    """Return one sentence for the user if rollouts differ from the shipped manifest, else an empty string."""
    groups = set(ours.rollouts) | set(shipped.rollouts)
    count = sum(ours.rollouts.get(group) != shipped.rollouts.get(group) for group in groups)
    if count == 0:
        return ""
    reasons = [f"other {word}" for word, same in _inputs(ours, shipped).items() if not same]
    reasons += [
        f"{name} {ours.made_with.get(name)} instead of {theirs}"
        for name, theirs in shipped.made_with.items()
        if ours.made_with.get(name) != theirs
    ]
    why = f" ({', '.join(reasons)})" if reasons else ""
    return (
        f"{count} of {len(groups)} simulated Walker2d rollouts differ from the reference set"
        f"{why}: "
        "numbers are not comparable bit for bit with those of other machines"
    )


def _inputs(ours: Manifest, shipped: Manifest) -> dict[str, bool]:
    """Return what rollouts are made from, and whether it is the same."""
    return {
        "model file": ours.model == shipped.model,
        "policies": ours.policies == shipped.policies,
        "recipe": ours.recipe == shipped.recipe,
    }

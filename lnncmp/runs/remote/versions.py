"""Versions that must agree wherever runs of a study are made, or their numbers could not be compared."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import lnncmp
from lnncmp.errors import UsageError


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python, torch, numpy, numba and lnncmp here, and a hash of lnncmp's source."""
    return {
        "Python": platform.python_version(),
        **{name: _version(name) for name in ("torch", "numpy", "numba")},
        "lnncmp": lnncmp.__version__,
        "source of lnncmp": _source_hash(),
    }


def require_same(here: Mapping[str, str], there: Mapping[str, str], where: str) -> None:
    """Raise UsageError naming both sides where `there`, the versions on a node, differ from those `here`.

    where: the node in words, e.g. "node 10.0.0.2".
    """
    differs = [name for name in here if there.get(name) != here[name]]
    if differs:
        ours = ", ".join(f"{name} {here[name]}" for name in differs)
        theirs = ", ".join(f"{name} {there.get(name, 'none')}" for name in differs)
        raise UsageError(
            f"{where} has {theirs}; here it is {ours}", "Install the same versions on every node: only they compare."
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _source_hash() -> str:
    """Return a short hash of all modules of the package, their names among it."""
    root, found = Path(lnncmp.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]

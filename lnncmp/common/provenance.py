"""Provenance of a record: code, packages and machine. Nothing personal: no user, host or path."""

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lnncmp import __version__

_PACKAGES = ("torch", "numba", "numpy", "scipy", "ncps", "torchdiffeq", "mujoco", "gymnasium")


def provenance(*, threads: int, device: str, jobs: int) -> dict[str, Any]:
    """Return versions, processor, threads per run, device, and the number of parallel processes."""
    return {
        "lnncmp": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "jobs": jobs,
        "device": device,
    }


@cache
def cpu_name() -> str:
    """Return the processor's name as reported by the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

"""How long a training step may take, and how much memory, before it is measured at fewer steps of the sequence."""

from dataclasses import dataclass
from pathlib import Path

MEMORY_SHARE = 0.4
"""Share of the available memory that a training step may take."""
_UNKNOWN = 4_000_000_000
_MEMORY = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Limits:
    """A training step that is foretold to take more than `seconds` or `bytes` is measured at fewer steps.

    It then takes at most about `shorter` seconds and no more than `bytes`.
    """

    seconds: float = 8.0
    shorter: float = 2.0
    bytes: float = float("inf")


def available_memory() -> int:
    """Return the bytes that this process may still take, as the system tells them; 4 GB where it does not."""
    found = []
    try:
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    except OSError:
        pass
    try:
        limit = (_CONTAINER / "memory.max").read_text(encoding="ascii").strip()
        used = (_CONTAINER / "memory.current").read_text(encoding="ascii").strip()
        found += [int(limit) - int(used)] if limit.isdigit() else []
    except OSError:
        pass
    return min(found, default=_UNKNOWN)

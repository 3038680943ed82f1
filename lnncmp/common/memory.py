"""How much memory is free."""

from pathlib import Path

_UNKNOWN = 4_000_000_000
_MEMORY = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


def available_memory() -> int:
    """Return the bytes that this process may still allocate, as reported by the system; 4 GB if unknown."""
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

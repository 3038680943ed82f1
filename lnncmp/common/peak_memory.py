"""The peak of this process's resident memory, as Linux reports it."""

from pathlib import Path

STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak() -> bool:
    """Reset the peak of this process to its current memory; return False if the system does not allow it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def resident(key: str) -> int:
    """Return bytes of this process's memory: `VmRSS` is what is resident now, `VmHWM` the peak."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {key} in {STATUS}")

"""Resident memory of processes, and the peak of this one's, as Linux reports them."""

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


def resident(key: str, process: int | None = None) -> int:
    """Return bytes of a process's memory, of this one by default: `VmRSS` is what is resident now, `VmHWM` the peak."""
    status = STATUS if process is None else Path(f"/proc/{process}/status")
    for line in status.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {key} in {status}")

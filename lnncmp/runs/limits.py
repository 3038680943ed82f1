"""How long a worker may be silent and how much memory it may take, before its runs are stopped."""

from dataclasses import dataclass

from lnncmp.common.peak_memory import STATUS, resident
from lnncmp.errors import UsageError

_MINUTE = 60.0


@dataclass(frozen=True)
class Limits:
    """Limits of a worker process; None: no limit.

    seconds: between two signs of life, which are finished epochs, finished runs and changes of what it does.
    memory_bytes: resident memory, which Linux alone reports of another process.
    """

    seconds: float | None = 60 * _MINUTE
    memory_bytes: int | None = None

    def exceeded(self, silent: float, process: int | None = None) -> str:
        """Return the reason to stop the process with this number, silent for so many seconds; empty if there is none.

        A process that has ended, and one of another machine (None), takes no memory here.
        """
        if self.seconds is not None and silent > self.seconds:
            return f"no epoch was finished within {self.seconds / _MINUTE:g} minutes (--time-limit)"
        if self.memory_bytes is not None and process is not None and _resident(process) > self.memory_bytes:
            return f"it took more than {self.memory_bytes / 1e9:g} GB of memory (--memory-limit)"
        return ""


def limits_of(minutes: float | None, gigabytes: float | None) -> Limits:
    """Return the limits that options ask for. Raises UsageError for one that is not above 0 or cannot be watched."""
    for name, value in (("--time-limit", minutes), ("--memory-limit", gigabytes)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} takes a number above 0, got {value:g}")
    if gigabytes is not None and not STATUS.exists():
        raise UsageError("--memory-limit needs /proc, which this system does not have", "Leave it out.")
    return Limits(
        Limits.seconds if minutes is None else minutes * _MINUTE,
        None if gigabytes is None else int(gigabytes * 1e9),
    )


def _resident(process: int) -> int:
    try:
        return resident("VmRSS", process)
    except (OSError, RuntimeError):  # it has ended
        return 0

"""Energy that a machine says it spent: a CPU by RAPL (Linux), a GPU by NVML.

What is read is that of whole packages or of the whole GPU, whatever else runs on them included.
"""

from collections.abc import Callable
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")
UNREADABLE = "this machine does not let its energy be read"
_LEAST_SECONDS = 0.3
"""RAPL counts in steps of about a millisecond."""
Meter = Callable[[], float]
"""Returns the joules spent since some moment."""


def energy_meter(device: torch.device) -> tuple[Meter, str] | None:
    """Return a meter of the device's energy and what it reads; None where the machine does not allow it."""
    if device.type == "cuda":
        return _nvml(device)
    return _rapl()


def _rapl() -> tuple[Meter, str] | None:
    """Return the sum over CPU packages, each corrected for one overflow of its counter."""
    files = sorted(POWERCAP.glob("intel-rapl:*/energy_uj"))
    packages = [file for file in files if file.parent.name.count(":") == 1]
    try:
        first = [_microjoules(file) for file in packages]
        ranges = [_microjoules(file.with_name("max_energy_range_uj")) for file in packages]
    except (OSError, ValueError):
        return None
    if not packages:
        return None

    def spent() -> float:
        now = [_microjoules(file) for file in packages]
        return sum((b - a) % size for a, b, size in zip(first, now, ranges, strict=True)) * 1e-6

    return spent, "RAPL, all CPU packages, whatever else runs included"


def _microjoules(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))


def _nvml(device: torch.device) -> tuple[Meter, str] | None:
    try:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # no package, no driver, or a GPU that does not count: each raises an error of its own
        return None

    def spent() -> float:
        torch.cuda.synchronize(device)
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) * 1e-3

    return spent, "NVML, the whole GPU"


def joules_of(work: Callable[[], object], seconds: float, meter: Meter) -> float:
    """Return the joules of one call of `work`, which takes about `seconds`: a mean over calls of 0.3 s in all."""
    calls = max(1, round(_LEAST_SECONDS / max(seconds, 1e-6)))
    before = meter()
    for _ in range(calls):
        work()
    return (meter() - before) / calls

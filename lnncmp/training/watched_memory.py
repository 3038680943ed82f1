"""The peak of memory during a stretch of work: an epoch, a training step."""

import torch

from lnncmp.common.peak_memory import reset_peak, resident


class WatchedMemory:
    """Watches the peak of memory from its making on: of the whole process, on CUDA of the allocator."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.known = True
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            self.known = reset_peak()

    def peak(self) -> int | None:
        """Return the peak in bytes, None on a system that does not report it."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resident("VmHWM") if self.known else None

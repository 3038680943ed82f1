"""Cost of a model: time of a training step, latency of one streaming step, memory.

Raw samples are kept; medians are computed for comparisons. Memory is measured in an isolated process (started by
`lnncmp.runs`), because an allocator that reuses pages hides the memory that a model needs.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lnncmp.layers.sequence_model import SequenceModel

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class BatchShape:
    """Shape of the batch on which a model is measured: windows, steps, inputs, outputs."""

    batch: int
    steps: int
    inputs: int
    outputs: int


class TrainingStep:
    """One training step of a model on a fixed random batch, whose time and memory are measured."""

    def __init__(self, model: SequenceModel, shape: BatchShape, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        size = (shape.batch, shape.steps)
        self.model = model.train()
        self.x = torch.randn(*size, shape.inputs, generator=generator).to(device)
        self.y = torch.randn(*size, shape.outputs, generator=generator).to(device)
        self.dt = torch.ones(size, device=device)
        self.device = device
        self.optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], fused=True)

    def loss(self) -> Tensor:
        """Return the mean squared error on the batch."""
        return nn.functional.mse_loss(self.model(self.x, self.dt), self.y)

    def __call__(self) -> None:
        """Take the step."""
        self.optimizer.zero_grad(set_to_none=True)
        self.loss().backward()
        self.optimizer.step()
        self.model.constrain()

    def seconds(self, repeats: int, budget: float) -> list[float]:
        """Return the times of up to `repeats` steps (at least one), stopping after `budget` seconds."""
        samples: list[float] = []
        while len(samples) < repeats and (not samples or sum(samples) < budget):
            samples.append(_timed(self, self.device))
        return samples

    def saved_bytes(self) -> int:
        """Return the bytes of distinct storages that a forward pass keeps for the backward pass, without weights."""
        weights = {p.untyped_storage().data_ptr() for p in self.model.parameters()}
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = self.loss()
        del loss
        return sum(kept.values())


def latency_samples(model: SequenceModel, inputs: int, device: torch.device, repeats: int = 200) -> list[float]:
    """Return seconds of single streaming steps at batch 1, without gradients, after a warm-up."""
    model = model.eval()
    x, dt = torch.zeros(1, inputs, device=device), torch.ones(1, device=device)
    state = model.initial_state(1)
    with torch.no_grad():
        for _ in range(10):
            model.step(x, dt, state)
        return [_timed(lambda: model.step(x, dt, state), device) for _ in range(repeats)]


def _timed(action: Callable[[], object], device: torch.device) -> float:
    _synchronize(device)
    started = time.perf_counter()
    action()
    _synchronize(device)
    return time.perf_counter() - started


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(step: TrainingStep, repeats: int = 2) -> tuple[int, str]:
    """Return (bytes, method): by how much `repeats` training steps raise the peak memory of this isolated process.

    CUDA: the allocator's peak. Linux: peak resident set (VmHWM, reset first) minus the resident set before. Elsewhere:
    growth of the process's maximum resident set; on systems that do not report it (Windows), the bytes kept for the
    backward pass.
    """
    if step.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(step.device)
        before = torch.cuda.memory_allocated(step.device)
        _repeat(step, repeats)
        return torch.cuda.max_memory_allocated(step.device) - before, "CUDA allocator peak"
    if _peak_reset():
        before = _status("VmRSS")
        _repeat(step, repeats)
        return max(_status("VmHWM") - before, 0), "peak resident memory of a fresh process, growth over training steps"
    first = _max_resident()
    _repeat(step, repeats)
    last = _max_resident()
    if first is None or last is None:
        return (
            step.saved_bytes(),
            "bytes kept for the backward pass, as this system does not report the peak of a process",
        )
    return max(last - first, 0), "growth of the maximal resident memory of a fresh process"


def _peak_reset() -> bool:
    """Reset the peak of this process to its current memory; return False if the system does not allow it."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def _repeat(step: TrainingStep, repeats: int) -> None:
    for _ in range(repeats):
        step()


def _status(key: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {key} in {_STATUS}")


def _max_resident() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

"""Cost of a model: time of a training step, latency of one streaming step, memory.

Raw samples are kept; medians are computed for comparisons. Memory is measured in an isolated process (started by
`lnncmp.runs`), because an allocator that reuses pages hides the memory that a model needs. Times of models are taken in
turn, so that whatever else the machine does meets all of them.
"""

import ctypes
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lnncmp.common.peak_memory import reset_peak, resident
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.fixed_batch import FixedBatch, fixed_batch
from lnncmp.training.watched_memory import WatchedMemory

_TURN_SECONDS = 0.05
"""Least duration of one turn of a model, so that the clock's resolution and one interruption do not count."""
_TURNS = 3
SLOW_STEP = 0.1
"""Processor seconds from which on a training step is slow: it is taken as seldom as possible."""
_SETTLED = 10
"""Steps after which the memory of training is taken to have settled."""


@dataclass(frozen=True)
class BatchShape:
    """Shape of the batch on which a model is measured: windows, steps, inputs, outputs."""

    batch: int
    steps: int
    inputs: int
    outputs: int


class TrainingStep:
    """One training step of a model on a fixed random batch, as training takes it; its time and memory are measured."""

    def __init__(self, model: SequenceModel, shape: BatchShape, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        size = (shape.batch, shape.steps)
        self.model = model.train()
        self.x = torch.randn(*size, shape.inputs, generator=generator).to(device)
        self.y = torch.randn(*size, shape.outputs, generator=generator).to(device)
        self.dt = torch.ones(size, device=device)
        self.device = device
        self.optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], fused=True)
        self.compiled: FixedBatch | None = None
        self.prepared = False

    def loss(self) -> Tensor:
        """Return the mean squared error on the batch, by torch."""
        if self.compiled is not None:
            self.compiled.store()
        return nn.functional.mse_loss(self.model(self.x, self.dt), self.y)

    def __call__(self) -> None:
        """Take the step: compiled where training does so, else by torch."""
        if not self.prepared:
            self.compiled = fixed_batch([self.model], self.x[None], self.dt[None], self.y[None])
            self.prepared = True
        if self.compiled is not None:
            self.compiled()
            return
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

    def turn(self, steps: int) -> tuple[float, float]:
        """Return wall-clock and processor seconds (of all threads of this process) of a step, as a mean of `steps`."""
        processor = time.process_time()
        wall = _timed(lambda: _repeat(self, steps), self.device)
        return wall / steps, (time.process_time() - processor) / steps

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


def seconds_in_turn(steps: Sequence[TrainingStep]) -> list[tuple[float, float]]:
    """Return wall-clock and processor seconds of one training step of each model, the medians of three turns.

    The models take turns of at least 50 ms each; the first step of each is not counted. Of a model whose steps are
    slow it is, and there are no others.
    """
    first = [step.turn(1) for step in steps]
    counts = [min(math.ceil(_TURN_SECONDS / max(wall, 1e-6)), 100) for wall, _ in first]
    slow = [processor > SLOW_STEP for _, processor in first]
    taken = [[one] if is_slow else [] for one, is_slow in zip(first, slow, strict=True)]
    for _ in range(_TURNS):
        for number, step in enumerate(steps):
            if not slow[number]:
                taken[number].append(step.turn(counts[number]))
    return [(statistics.median(wall for wall, _ in one), statistics.median(cpu for _, cpu in one)) for one in taken]


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
    if reset_peak():
        before = resident("VmRSS")
        _repeat(step, repeats)
        return max(resident("VmHWM") - before, 0), "peak resident memory of a fresh process, growth over training steps"
    first = _max_resident()
    _repeat(step, repeats)
    last = _max_resident()
    if first is None or last is None:
        return (
            step.saved_bytes(),
            "bytes kept for the backward pass, as this system does not report the peak of a process",
        )
    return max(last - first, 0), "growth of the maximal resident memory of a fresh process"


def memory_spread(step: TrainingStep, most: int = 60, budget: float = 0.3) -> int | None:
    """Return the largest minus the smallest peak memory of single training steps, after the first ten; in bytes.

    The peak of a step is that of the process's resident memory (CUDA: of the allocator) during it. Up to `most` steps,
    but no more than `budget` seconds beyond the first 20. None on systems that report no such peak.
    """
    peaks: list[int] = []
    started = time.perf_counter()
    while len(peaks) < most and (len(peaks) < 2 * _SETTLED or time.perf_counter() - started < budget):
        watch = WatchedMemory(step.device)
        step()
        peak = watch.peak()
        if peak is None:
            return None
        peaks.append(peak)
    return max(peaks[_SETTLED:]) - min(peaks[_SETTLED:])


def release_heap() -> None:
    """Give unused memory of the C library back to the system, which would else hide what a model needs (glibc only)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _repeat(step: TrainingStep, repeats: int) -> None:
    for _ in range(repeats):
        step()


def _max_resident() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

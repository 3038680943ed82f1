"""The actions that are timed: a training step, a forward pass, streaming steps, an optimiser's step."""

from collections.abc import Callable

import torch
from torch import Tensor

from lnncmp.bench.timing import Action
from lnncmp.bench.workload import Workload
from lnncmp.cells.base import SequenceModel
from lnncmp.measure import BatchShape, TrainingStep

CPU = torch.device("cpu")
STREAMED = 20
"""Steps of one timed stretch of streaming: a single one is too short for the clock."""


def elapsed_times(workload: Workload, steps: int) -> Tensor:
    """Return dt (B, T): ones, or U(0.1, 1.9) for every sample and step."""
    size = (workload.batch, steps)
    if not workload.irregular:
        return torch.ones(size)
    return torch.rand(size, generator=torch.Generator().manual_seed(1)) * 1.8 + 0.1


def training_step(model: SequenceModel, workload: Workload, steps: int) -> TrainingStep:
    """Return zero_grad, forward, mean squared error, backward, Adam(fused=True) on the first `steps` steps."""
    step = TrainingStep(model, BatchShape(workload.batch, steps, workload.inputs, workload.outputs), CPU)
    step.dt = elapsed_times(workload, steps)
    return step


def inference(model: SequenceModel, step: TrainingStep) -> Action:
    """Return a forward pass over the batch of `step` without gradients; switches to evaluation."""
    model.eval()

    def act() -> Tensor:
        with torch.no_grad():
            y: Tensor = model(step.x, step.dt)
            return y

    return act


def streaming(model: SequenceModel, workload: Workload) -> Action:
    """Return STREAMED single steps at batch 1 without gradients, each from the state of the one before."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(STREAMED, 1, workload.inputs, generator=generator)
    dt = elapsed_times(Workload("stream", 1, STREAMED, 1, 1, 1, workload.irregular), STREAMED)[0, :, None]

    def act() -> None:
        with torch.no_grad():
            state = model.initial_state(1)
            for x_t, dt_t in zip(x, dt, strict=True):
                _, state = model.step(x_t, dt_t, state)

    return act


def optimizer_steps(step: TrainingStep) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the optimiser's step alone: Adam(fused=True), and Adam as torch gives it without further arguments.

    The gradients stay those of one training step.
    """
    step()
    weights = [p for p in step.model.parameters() if p.grad is not None]
    return torch.optim.Adam(weights, fused=True).step, torch.optim.Adam(weights).step

"""The timed actions: a training step, a forward pass, streaming steps, an optimiser step."""

from collections.abc import Callable

import torch
from torch import Tensor

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.messages import Limits
from lnncmp.bench.networks import build_network
from lnncmp.bench.timing import Action, warm_up
from lnncmp.bench.workload import Workload
from lnncmp.errors import UsageError
from lnncmp.evaluation.cost import BatchShape, TrainingStep
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.fixed_batch import fixed_batch
from lnncmp.training.stacked_model import StackedModel

CPU = torch.device("cpu")
STREAMED = 20
"""Streaming steps in one timed action: a single step is too short for the clock."""


def elapsed_times(workload: Workload, steps: int) -> Tensor:
    """Return dt (B, T): ones, or U(0.1, 1.9) for every sample and step."""
    size = (workload.batch, steps)
    if not workload.irregular:
        return torch.ones(size)
    return torch.rand(size, generator=torch.Generator().manual_seed(1)) * 1.8 + 0.1


def training_step(model: SequenceModel, workload: Workload, steps: int) -> TrainingStep:
    """Return an action: forward, mean squared error, backward and Adam on `steps` steps, as TrainingStep does them."""
    step = TrainingStep(model, BatchShape(workload.batch, steps, workload.inputs, workload.outputs), CPU)
    step.dt = elapsed_times(workload, steps)
    return step


def inference(model: SequenceModel, step: TrainingStep) -> Action:
    """Return a forward pass on the batch of `step` without gradients; puts the model into evaluation mode."""
    model.eval()

    def act() -> Tensor:
        with torch.no_grad():
            y: Tensor = model(step.x, step.dt)
            return y

    return act


def streaming(model: SequenceModel, workload: Workload) -> Action:
    """Return STREAMED single steps at batch 1 without gradients, each from the previous state."""
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


def stepping(model: SequenceModel, workload: Workload) -> Action | None:
    """Return STREAMED single steps at batch 1 by the model's stepper, on the tensors that `streaming` takes.

    None if it has none.
    """
    try:
        stepper = model.stepper()
    except UsageError:
        return None
    x = torch.randn(STREAMED, 1, workload.inputs, generator=torch.Generator().manual_seed(0))
    dt = elapsed_times(Workload("stream", 1, STREAMED, 1, 1, 1, workload.irregular), STREAMED)[0].tolist()

    def act() -> None:
        stepper.reset()
        for x_t, dt_t in zip(x, dt, strict=True):
            stepper(x_t, dt_t)

    return act


def optimizer_steps(step: TrainingStep) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the optimiser step alone: Adam(fused=True), and Adam with torch's default arguments.

    The gradients are those of one training step.
    """
    step()
    weights = [p for p in step.model.parameters() if p.grad is not None]
    return torch.optim.Adam(weights, fused=True).step, torch.optim.Adam(weights).step


PROBED = 8
"""Steps of the sequence from which time and memory are estimated."""
PEAK_OVER_SAVED = 2.0
"""Peak memory of a training step over the bytes kept for its backward pass; 1.7 was measured for the LTC of ncps."""


def measurable_steps(model: SequenceModel, workload: Workload, limits: Limits) -> int:
    """Return the number of steps on which a training step of `model` is measured.

    It is all steps of the workload, or a half, a quarter, ..., at least PROBED. Runs a few short training steps.
    """
    if workload.steps <= PROBED:
        return workload.steps
    probe = training_step(model, workload, PROBED)
    seconds = warm_up(probe, calls=3, budget=0.5)
    return shortened(workload.steps, seconds / PROBED, PEAK_OVER_SAVED * probe.saved_bytes() / PROBED, limits)


def shortened(steps: int, seconds_per_step: float, bytes_per_step: float, limits: Limits) -> int:
    """Return the number of steps to measure, given the estimated time and memory per step.

    >>> shortened(512, 0.001, 1e6, Limits(bytes=1e9)), shortened(512, 0.001, 4e6, Limits(bytes=1e9))
    (512, 128)
    """
    if steps * seconds_per_step <= limits.seconds and steps * bytes_per_step <= limits.bytes:
        return steps
    fewer = steps
    while fewer // 2 >= PROBED and (fewer * seconds_per_step > limits.shorter or fewer * bytes_per_step > limits.bytes):
        fewer //= 2
    return fewer


class StackedStep:
    """One training step of `copies` networks with seeds 0, 1, ..., each with its own loss, gradient and update.

    x (S, B, T, I), y (S, B, T, O), dt (S, B, T) for S copies, batch, steps, inputs, outputs. Raises UsageError for
    networks that cannot be stacked.
    """

    def __init__(self, candidate: Candidate, workload: Workload, copies: int) -> None:
        models = [build_network(candidate, workload, seed) for seed in range(copies)]
        generator = torch.Generator().manual_seed(0)
        size = (copies, workload.batch, workload.steps)
        self.x = torch.randn(*size, workload.inputs, generator=generator)
        self.y = torch.randn(*size, workload.outputs, generator=generator)
        self.dt = torch.stack([elapsed_times(workload, workload.steps)] * copies)
        self.compiled = fixed_batch(models, self.x, self.dt, self.y)
        if self.compiled is not None:
            return
        self.stack = StackedModel(models)
        self.stack.train(True)
        self.optimizer = torch.optim.Adam(self.stack.rows, fused=True)

    def __call__(self) -> None:
        """Take the step, as training does."""
        if self.compiled is not None:
            self.compiled()
            return
        self.optimizer.zero_grad(set_to_none=True)
        losses = (self.stack(self.x, self.dt) - self.y).square().mean((1, 2, 3))
        losses.sum().backward()
        self.optimizer.step()
        self.stack.constrain()

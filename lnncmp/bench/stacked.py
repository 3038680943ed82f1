"""A training step of several networks in one call, each with its own data."""

import torch

from lnncmp.bench.contenders import Contender
from lnncmp.bench.networks import build_network
from lnncmp.bench.steps import elapsed_times
from lnncmp.bench.workload import Workload
from lnncmp.stacking import StackedModel


class StackedStep:
    """One step of `copies` networks with seeds 0, 1, ...: as many losses, gradients and updates as if each were alone.

    x (S, B, T, I), y (S, B, T, O), dt (S, B, T) for S copies, sequences, steps, inputs, outputs. Raises UsageError for
    networks that cannot be stacked.
    """

    def __init__(self, contender: Contender, workload: Workload, copies: int) -> None:
        self.stack = StackedModel([build_network(contender, workload, seed) for seed in range(copies)])
        self.stack.train(True)
        generator = torch.Generator().manual_seed(0)
        size = (copies, workload.batch, workload.steps)
        self.x = torch.randn(*size, workload.inputs, generator=generator)
        self.y = torch.randn(*size, workload.outputs, generator=generator)
        self.dt = torch.stack([elapsed_times(workload, workload.steps)] * copies)
        self.optimizer = torch.optim.Adam(self.stack.rows, fused=True)

    def __call__(self) -> None:
        """Take the step."""
        self.optimizer.zero_grad(set_to_none=True)
        losses = (self.stack(self.x, self.dt) - self.y).square().mean((1, 2, 3))
        losses.sum().backward()
        self.optimizer.step()
        self.stack.constrain()

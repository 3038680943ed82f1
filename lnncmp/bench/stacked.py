"""A training step of several networks in one call, each with its own data, where the project can stack networks."""

import importlib
import importlib.util

import torch

from lnncmp.bench.contenders import Contender
from lnncmp.bench.networks import build_network
from lnncmp.bench.steps import elapsed_times
from lnncmp.bench.timing import Action
from lnncmp.bench.workload import Workload


def available() -> bool:
    """Tell whether networks can be stacked."""
    return importlib.util.find_spec("lnncmp.stacking") is not None


def training_step(contender: Contender, workload: Workload, copies: int) -> Action:
    """Return one step of `copies` networks with seeds 0, 1, ...: as many losses, gradients and updates as if alone."""
    stacking = importlib.import_module("lnncmp.stacking")
    model = stacking.StackedModel([build_network(contender, workload, seed) for seed in range(copies)])
    generator = torch.Generator().manual_seed(0)
    size = (copies, workload.batch, workload.steps)
    x = torch.randn(*size, workload.inputs, generator=generator)
    y = torch.randn(*size, workload.outputs, generator=generator)
    dt = torch.stack([elapsed_times(workload, workload.steps)] * copies)
    model.train(True)
    optimizer = torch.optim.Adam(model.rows, fused=True)

    def act() -> None:
        optimizer.zero_grad(set_to_none=True)
        losses = (model(x, dt) - y).square().mean((1, 2, 3))
        losses.sum().backward()
        optimizer.step()
        model.constrain()

    return act

"""What a spawned process of test_torch_modules does: trains models on its part of a batch, with those of the others."""

import copy

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


def one_step(model, x, dt):
    """Take one optimiser step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(x, dt).square().mean().backward()
    optimizer.step()


def train(rank, models, x, dt, folder):
    """Train each model on the rows `rank`, `rank` + 2, ... and write its weights."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    models = copy.deepcopy(models)  # what was sent lies in memory that all processes share
    for model in models.values():
        one_step(DistributedDataParallel(model), x[rank::2], dt[rank::2])
    torch.save({family: model.state_dict() for family, model in models.items()}, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()

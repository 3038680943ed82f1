"""Parameter counts of a model: trainable, active, total."""

import copy

import torch

from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import Parameters


def count_parameters(model: SequenceModel, inputs: int) -> Parameters:
    """Return trainable, active and total parameter counts.

    Active parameters receive a nonzero gradient of a random readout of the outputs on at least one of several random
    batches, in double precision. Wiring masks make the gradients of all others exactly zero.
    """
    twin = use_plain(copy.deepcopy(model).double().eval())  # avoids compiling kernels only to count
    reached = [torch.zeros_like(p, dtype=torch.bool) for p in twin.parameters() if p.requires_grad]
    generator = torch.Generator().manual_seed(0)
    device = next(twin.parameters()).device
    for _ in range(3):
        x = torch.randn(8, 4, inputs, generator=generator, dtype=torch.float64).to(device)
        dt = (torch.rand(8, 4, generator=generator, dtype=torch.float64) + 0.5).to(device)
        y = twin(x, dt)
        loss = (y * torch.randn(y.shape, generator=generator, dtype=y.dtype).to(device)).sum()
        trainable = [p for p in twin.parameters() if p.requires_grad]
        for mask, gradient in zip(reached, torch.autograd.grad(loss, trainable, allow_unused=True), strict=True):
            if gradient is not None:
                mask |= gradient != 0
    tensors = [*twin.parameters(), *twin.buffers()]
    return Parameters(
        trainable=sum(p.numel() for p in twin.parameters() if p.requires_grad),
        active=sum(int(mask.sum()) for mask in reached),
        total=sum(t.numel() for t in tensors),
    )

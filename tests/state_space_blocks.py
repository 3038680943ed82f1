"""Small blocks of state-space models in double precision, and what to try them with."""

import numpy as np
import torch

BATCH, STEPS, WIDTH, STATE = 3, 12, 4, 6


def made(kind, *args, seed=0, **more):
    torch.manual_seed(seed)
    block = kind(*args, **more).double()
    with torch.no_grad():
        for name, p in block.named_parameters():
            p.add_(0.1 * torch.randn_like(p))
            if name == "log_step":
                p.fill_(-1.0)
    return block


def drawn(width=WIDTH, seed=1, spread=1.0):
    source = torch.Generator().manual_seed(seed)
    u = torch.randn(BATCH, STEPS, width, generator=source, dtype=torch.float64)
    return u, 0.3 + spread * torch.rand(BATCH, STEPS, generator=source, dtype=torch.float64)


def zeros(block, batch=BATCH):
    return tuple(torch.zeros(batch, width, dtype=torch.float64) for width in block.state_widths)


def run(block, u, dt, fused=False):
    return block.run(u, dt, None, zeros(block), fused and block.has_kernel)[0]


def parts(numbers):
    return numbers.detach().numpy()


def equal(one, other, limit=1e-12):
    return np.allclose(np.asarray(one.detach()), np.asarray(other), rtol=0, atol=limit)

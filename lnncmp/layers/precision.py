"""What recurrent layers do under autocast: compute in the type of their weights.

Rounding to bfloat16 at every step of a recurrence adds up over the sequence, and the kernels know float32 and float64.
So autocast, which is for layers that see each number once, changes what comes in, not how a sequence is computed.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def autocasts(weight: Tensor) -> bool:
    """Return whether autocast is on for the device of a layer's weight."""
    kind = weight.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def as_weights(weight: Tensor, *tensors: Tensor) -> list[Tensor]:
    """Return the tensors in the weight's type, except float64 ones, which autocast never touches."""
    return [own.to(weight.dtype) if own.dtype != torch.float64 and own.is_floating_point() else own for own in tensors]


def unrounded(weight: Tensor) -> AbstractContextManager[object]:
    """Return a block in which autocast is off on the device of a layer's weight."""
    return torch.autocast(weight.device.type, enabled=False) if autocasts(weight) else nullcontext()

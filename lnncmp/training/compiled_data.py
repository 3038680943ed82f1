"""Windows as the compiled training reads them. Legend of shapes: N windows, T steps, I inputs, O outputs, C cells."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Numbers = NDArray[Any]
_NONE = np.empty(0, np.bool_)


class ArrayWindows:
    """Arrays of windows: x (N, T, I), dt (N, T), valid (N, T) or None; y (N, T, O), counted (N, T, C) or empty, 1-D.

    x and dt are 0 at padding. with_time: the elapsed time is the last input.
    """

    def __init__(
        self,
        x: Tensor,
        dt: Tensor,
        y: Tensor,
        valid: Tensor | None,
        counted: Tensor | None,
        with_time: bool,
        kind: torch.dtype,
    ) -> None:
        x, dt, y = x.to(kind), dt.to(kind), y.to(kind)
        if with_time:
            x = torch.cat([x, dt[..., None]], -1)
        if valid is not None:
            x, dt = x.where(valid[..., None], x.new_zeros(())), dt.where(valid, dt.new_zeros(()))
        self.steps, self.inputs, self.outputs = x.shape[1], x.shape[2], y.shape[2]
        self.x, self.dt, self.y = _numbers(x), _numbers(dt), _numbers(y).reshape(-1)
        self.valid = None if valid is None else _numbers(valid)
        self.counted = _NONE if counted is None else _numbers(counted).reshape(-1)


def _numbers(tensor: Tensor) -> Numbers:
    numbers: Numbers = tensor.contiguous().numpy()
    return numbers

"""Large buffers that are used again: fresh memory costs a page fault every 4 KB, more than some kernels take."""

import weakref
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ALIGNMENT = 64
"""Bytes of a cache line, so that no vector of 512 bits lies across two."""
_SMALL = 1 << 16
_KEPT_BYTES = 1 << 29
"""Most bytes that are kept for later use."""

_free: list[NDArray[np.uint8]] = []


def borrow(size: int, kind: Any) -> Tensor:
    """Return a tensor of `size` numbers of numpy's type `kind`, content undefined; its memory returns by itself.

    The memory is lent again when the tensor and its views are gone.
    """
    needed = size * np.dtype(kind).itemsize
    if needed < _SMALL:
        return torch.from_numpy(np.empty(size, kind))
    whole = _take(needed + ALIGNMENT)
    start = -whole.ctypes.data % ALIGNMENT
    numbers = whole[start : start + needed].view(kind)
    weakref.finalize(numbers, _give_back, whole).atexit = False
    return torch.from_numpy(numbers)


def _take(needed: int) -> NDArray[np.uint8]:
    """Return the smallest free buffer that is large enough, but not much too large, or a new one."""
    fitting = [buffer for buffer in _free if needed <= buffer.size <= 4 * needed]
    if not fitting:
        return np.empty(needed, np.uint8)
    best = min(fitting, key=len)
    for index, buffer in enumerate(_free):
        if buffer is best:
            return _free.pop(index)
    return np.empty(needed, np.uint8)  # another thread was faster


def _give_back(buffer: NDArray[np.uint8]) -> None:
    if sum(map(len, _free)) + len(buffer) <= _KEPT_BYTES:
        _free.append(buffer)

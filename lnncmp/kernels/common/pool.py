"""Memory for what kernels write, used again from call to call.

A training step needs the same large arrays each time. Fresh memory costs one page fault per 4 KiB on its first use,
which is a good part of the time of a fast kernel; so blocks whose arrays are gone are kept for the next call.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = 1 << 16
"""Bytes below which the memory allocator is as good."""
LIMIT = 1 << 30
"""Bytes of unused blocks that are kept at most."""

_Block = tuple[NDArray[np.uint8], int]
"""Memory with its address, which takes numpy microseconds to tell."""
_unused: list[_Block] = []


class _Lease:
    """Lends a block to one array; when that array and its views are gone, the block can be used again."""

    def __init__(self, block: _Block, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        self.block = block
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": kind.str, "data": (block[1], False)}

    def __del__(self) -> None:
        if sum([block.nbytes for block, _ in _unused]) + self.block[0].nbytes <= LIMIT:
            _unused.append(self.block)


def _take(size: int) -> _Block:
    """Return an unused block of `size` to 1.5 `size` bytes, the latest one, or a new one."""
    for place in range(len(_unused) - 1, -1, -1):
        if size <= _unused[place][0].nbytes <= size + size // 2:
            try:
                return _unused.pop(place)
            except IndexError:  # another thread took it
                break
    block = np.empty(size, np.uint8)
    return block, block.ctypes.data


def empty(shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
    """Return an array of that shape and type whose content is undefined."""
    kind = np.dtype(kind)
    size = math.prod(shape) * kind.itemsize
    if size < SMALL:
        return np.empty(shape, kind)
    return np.asarray(_Lease(_take(size), shape, kind))

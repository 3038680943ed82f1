"""Memory for what kernels write, used again from call to call.

A training step needs the same large arrays each time. Fresh memory costs one page fault per 4 KiB on its first use,
which is a good part of the time of a fast kernel; so blocks whose arrays are gone are kept for the next call.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Block = tuple[NDArray[np.uint8], int]
"""Memory with its address, which takes numpy microseconds to tell."""


class Pool:
    """Blocks that no array uses now; small arrays are left to the memory allocator, which is as good.

    small: bytes from which on arrays have blocks; limit: bytes of unused blocks that are kept at most.
    """

    def __init__(self, small: int = 0, limit: float = math.inf) -> None:
        self.unused, self.small, self.limit = list[_Block](), small, limit

    def take(self, size: int) -> _Block:
        """Return an unused block of `size` to 1.5 `size` bytes, the latest one, or a new one."""
        for place in range(len(self.unused) - 1, -1, -1):
            if size <= self.unused[place][0].nbytes <= size + size // 2:
                try:
                    return self.unused.pop(place)
                except IndexError:  # another thread took it
                    break
        block = np.empty(max(size, 1), np.uint8)
        return block, block.ctypes.data

    def give_back(self, block: _Block) -> None:
        """Keep a block that is not used any more."""
        if sum([own.nbytes for own, _ in self.unused]) + block[0].nbytes <= self.limit:
            self.unused.append(block)


class _Now(threading.local):
    pool = Pool(small=1 << 16, limit=1 << 30)


_now = _Now()


class _Lease:
    """Lends a block to one array; when that array and its views are gone, the block can be used again."""

    def __init__(self, pool: Pool, size: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        self.pool, self.block = pool, pool.take(size)
        data = self.block[1], False
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": kind.str, "data": data}

    def __del__(self) -> None:
        self.pool.give_back(self.block)


def empty(shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
    """Return an array of that shape and type whose content is undefined."""
    kind, pool = np.dtype(kind), _now.pool
    size = math.prod(shape) * kind.itemsize
    if size < pool.small:
        return np.empty(shape, kind)
    return np.asarray(_Lease(pool, size, shape, kind))


def is_lent(numbers: NDArray[Any]) -> bool:
    """Return whether an array, or the one that it shows a part of, is in a block of a pool."""
    while isinstance(numbers.base, np.ndarray):
        numbers = numbers.base
    return isinstance(numbers.base, _Lease)


@contextmanager
def taking_from(pool: Pool) -> Iterator[None]:
    """Have this thread take the memory of all `empty` arrays from a pool of its own meanwhile."""
    before, _now.pool = _now.pool, pool
    try:
        yield
    finally:
        _now.pool = before

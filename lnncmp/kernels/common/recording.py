"""Calls of kernels, and what lies between them, written down to be done again by compiled code alone.

Between two kernels of a training step there is little: memory is taken, set to 0 or copied. Whoever does it by the
functions here can be recorded once and repeated with other numbers at the same places (lnncmp.kernels.training.replay).
While a thread records, memory comes from a pool of the recording, which nobody else uses as long as that exists.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.entry import address, words_of
from lnncmp.kernels.common.pool import Pool, empty, is_lent, taking_from

Numbers = NDArray[Any]


class Recording:
    """The calls of kernels that a thread made, in order. What they read and wrote stays in memory as long as this."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.complete = pool, True
        self._calls, self._kept = list[tuple[int, Numbers, int]](), list[Any]()
        self._of_threads = dict[tuple[int, int], NDArray[np.int64]]()

    def calls_of(self, thread: int = 0, threads: int = 1) -> NDArray[np.int64]:
        """Return what a thread of several does: of each call the kernel's entry, its words, and 1 if it is shared.

        A thread has a part of the tiles of shared calls; only the first one makes the others.
        """
        if (thread, threads) not in self._of_threads:
            found = []
            for entry, words, tiles in self._calls:
                own = words.copy()
                if tiles:
                    own[:2] = tiles * thread // threads, tiles * (thread + 1) // threads
                self._kept.append(own)
                found += [entry, own.ctypes.data, int(tiles > 0)]
            self._of_threads[thread, threads] = np.array(found, np.int64)
        return self._of_threads[thread, threads]

    def add(self, kernel: Any, args: tuple[Any, ...], made: Any, tiles: int = 0) -> None:
        """Write down a call and what it returned; where that cannot be called from memory this is not `complete`.

        tiles: if not 0, the first arguments are 0 and `tiles`, of which any part may be computed by itself.
        """
        _, kinds = kernel.fold_argument_types(tuple(map(numba.typeof, args)), {})
        # By names: the tuple that *rest becomes is of another class than the one that Numba keeps.
        compiled = [own for known, own in kernel.overloads.items() if str(known) == str(tuple(kinds))]
        entry = address(compiled[0]) if compiled else 0
        if not entry:
            self.complete = False
            return
        words = np.array([*words_of(args), *words_of(made), 0], np.int64)
        self._calls.append((entry, words, tiles))
        self._kept += [kernel, *(own for own in _arrays((args, made)) if not is_lent(own))]


class _Now(threading.local):
    recording: Recording | None = None


_now = _Now()


def _arrays(value: Any) -> Iterator[Numbers]:
    if isinstance(value, tuple):
        for own in value:
            yield from _arrays(own)
    elif isinstance(value, np.ndarray):
        yield value


@contextmanager
def recorded(pool: Pool) -> Iterator[Recording]:
    """Record the calls that this thread makes meanwhile."""
    _now.recording = Recording(pool)
    try:
        with taking_from(pool):
            yield _now.recording
    finally:
        _now.recording = None


def recording() -> bool:
    """Return whether this thread records."""
    return _now.recording is not None


def call(kernel: Callable[..., Any], *args: Any) -> Any:
    """Call a kernel."""
    made = kernel(*args)
    if _now.recording is not None:
        _now.recording.add(kernel, args, made)
    return made


def call_tiles(kernel: Callable[..., None], tiles: int, *args: Any) -> None:
    """Call kernel(0, tiles, *args), where any part of the tiles may be computed by itself."""
    kernel(0, tiles, *args)
    if _now.recording is not None:
        _now.recording.add(kernel, (0, tiles, *args), None, tiles)


@lean_kernel
def _clear(numbers: Array) -> None:
    """Set all numbers to 0."""
    for k in range(numbers.size):
        numbers[k] = 0


@lean_kernel
def _copy(source: Array, into: Array) -> None:
    """Copy all numbers."""
    for k in range(into.size):
        into[k] = source[k]


@lean_kernel
def _take(source: Array, rows: Array, width: int, into: Array) -> None:
    """Copy rows of `width` numbers."""
    for r in range(rows.size):
        at, here = rows[r] * width, r * width
        for k in range(width):
            into[here + k] = source[at + k]


def zeros(count: int, kind: Any) -> Numbers:
    """Return so many zeros."""
    if not recording():
        return np.zeros(count, kind)
    numbers = empty((count,), kind)
    call(_clear, numbers)
    return numbers


def copy(source: Numbers, into: Numbers) -> None:
    """Copy the numbers of a 1-D array to another one."""
    call(_copy, source, into)


def take(source: Numbers, rows: Numbers, into: Numbers) -> None:
    """Write rows (R,) of a contiguous array (N, ...) to another one (..., as many)."""
    call(_take, source.reshape(-1), rows.reshape(-1), source[:1].size, into.reshape(-1))


def joined(parts: Sequence[Numbers]) -> Numbers:
    """Return the numbers of 1-D arrays of one type, one array's after the other's; at least one array."""
    if not recording():
        return np.concatenate(parts)
    numbers, at = empty((sum(part.size for part in parts),), parts[0].dtype), 0
    for part in parts:
        copy(part, numbers[at : at + part.size])
        at += part.size
    return numbers

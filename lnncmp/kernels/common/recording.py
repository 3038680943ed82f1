"""Calls of kernels, and what lies between them, written down to be done again by compiled code alone.

What is called by the functions here, or by those of lnncmp.kernels.common.moves, can be recorded once and repeated with
other numbers at the same places (lnncmp.kernels.training.replay). While a thread records, memory comes from a pool of
the recording, which nobody else uses as long as that exists.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.common.pool import Pool, is_lent, taking_from

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
        # Imported on use: this module is loaded long before the compiler.
        import numba

        from lnncmp.kernels.common.entry import address, words_of

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

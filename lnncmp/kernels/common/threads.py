"""Work that falls into independent tiles, spread over as many threads as torch may use, or more if cores are lent."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import torch

from lnncmp.kernels.common.recording import call_tiles, recording

Found = TypeVar("Found")


class Lent:
    """How many threads the kernels of this process use at least, whatever torch may use; no number depends on it."""

    threads = 1


def threads_now() -> int:
    """Return how many threads kernels may use."""
    return max(torch.get_num_threads(), Lent.threads)


def side_by_side(tasks: Sequence[Callable[[], Found]], stop: Callable[[], None]) -> list[Found]:
    """Do each task on a thread of its own, the first on this one; return what they return.

    `stop` ends the others early: it is called where the first one raises, as on an interrupt.
    """
    others = [_pool(os.getpid(), len(tasks) - 1).submit(task) for task in tasks[1:]]
    try:
        first = tasks[0]()
    except BaseException:
        stop()
        raise
    finally:
        wait(others)
    return [first, *(other.result() for other in others)]


def run_tiles(kernel: Callable[..., Any], tiles: int, *args: Any) -> None:
    """Call kernel(first, end, *args) for parts of range(tiles), one part per thread; each tile is done once.

    The kernel must release the interpreter lock and write to places of its own tiles only. What a tile computes does
    not depend on the number of threads. What is recorded runs on one thread.
    """
    threads = 1 if recording() else min(threads_now(), tiles)
    if threads <= 1:
        call_tiles(kernel, tiles, *args)
        return
    bounds = [tiles * k // threads for k in range(threads + 1)]
    others = [_pool(os.getpid(), threads - 1).submit(kernel, first, end, *args) for first, end in pairwise(bounds[1:])]
    try:
        kernel(0, bounds[1], *args)
    finally:
        for other in others:
            other.result()


@cache
def _pool(process: int, workers: int) -> ThreadPoolExecutor:
    """Return the threads of this process; a forked child has none of its parent's, hence its number."""
    return ThreadPoolExecutor(workers, thread_name_prefix=f"lnncmp-kernels-{process}")

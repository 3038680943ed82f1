"""Work that falls into independent tiles, spread over as many threads as torch may use, or more if cores are lent."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import torch


class Lent:
    """How many threads the kernels of this process use at least, whatever torch may use; no number depends on it."""

    threads = 1


def run_tiles(kernel: Callable[..., Any], tiles: int, *args: Any) -> None:
    """Call kernel(first, end, *args) for parts of range(tiles), one part per thread; each tile is done once.

    The kernel must release the interpreter lock and write to places of its own tiles only. What a tile computes does
    not depend on the number of threads.
    """
    threads = min(max(torch.get_num_threads(), Lent.threads), tiles)
    if threads <= 1:
        kernel(0, tiles, *args)
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

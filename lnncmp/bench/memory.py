"""Measurements that need an isolated process: memory growth over training steps, and the first call of a kernel.

Nothing here may import a kernel early: the folder of compiled code is fixed on import.
"""

import ctypes
import gc
import sys
import time
from contextlib import suppress

from lnncmp.bench.candidates import Candidate
from lnncmp.bench.networks import build_network
from lnncmp.bench.steps import training_step
from lnncmp.bench.workload import Workload
from lnncmp.common.process import Tell
from lnncmp.evaluation.cost import peak_memory


def peak_bytes(tell: Tell, candidate: Candidate, workload: Workload, steps: int) -> int:
    """Return by how much training on `steps` steps raises the peak memory of this process, which must be isolated.

    A training step on one step of the sequence comes first, to load libraries, kernels and their workspaces.
    """
    model = build_network(candidate, workload)
    training_step(model, workload, 1)()
    step = training_step(model, workload, steps)
    gc.collect()
    _give_back_free_memory()
    return peak_memory(step)[0]


def _give_back_free_memory() -> None:
    """Make the C library return its free memory, which the measured steps would reuse unnoticed (glibc only)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def first_call_seconds(tell: Tell, candidate: Candidate, workload: Workload) -> float:
    """Return how much longer the first training step takes than the third, in this process, which must be isolated.

    With an empty kernel cache this is the time to import the compiler and to compile for these arguments.
    """
    step = training_step(build_network(candidate, workload), workload, min(2, workload.steps))
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return seconds[0] - seconds[2]

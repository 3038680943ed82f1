"""Peak rates of this machine in float32: multiply-adds in large matrix products, sigmoids in cache."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lnncmp.bench.messages import PeakRates
from lnncmp.common.process import Tell
from lnncmp.kernels.common.compiling import Array, kernel
from lnncmp.kernels.common.fast_math import sigmoid
from lnncmp.kernels.common.lanes import load, store, wide_lanes
from lnncmp.kernels.common.threads import run_tiles

_SIDE = 512
_NUMBERS = 4096
_PASSES = 256
_TRIES = 9


def measure_peak_rates(tell: Tell) -> PeakRates:
    """Return the best of several short measurements with all threads of torch (about a second, once compiled)."""
    tell("measuring peak rates of this machine", 0, 1)
    a, b = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    product = torch.empty(_SIDE, _SIDE)
    tiles = torch.get_num_threads()
    x, y = (np.linspace(-8.0, 8.0, tiles * _NUMBERS, dtype=np.float32) for _ in range(2))
    found = PeakRates(
        flops=2.0 * _SIDE**3 / _best(lambda: torch.mm(a, b, out=product)),
        sigmoids=tiles * _NUMBERS * _PASSES / _best(lambda: run_tiles(_sigmoids, tiles, x, y)),
    )
    tell("measuring peak rates of this machine", 1, 1)
    return found


def _best(action: Callable[[], Any]) -> float:
    """Return the shortest of several times of `action` in seconds, after one untimed call."""
    action()
    times = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


@kernel
def _sigmoids(first: int, end: int, x: Array, y: Array) -> None:
    lanes = wide_lanes(x)
    for _ in range(_PASSES):
        for at in range(first * _NUMBERS, end * _NUMBERS, lanes):
            store(y, at, sigmoid(load(x, at)))

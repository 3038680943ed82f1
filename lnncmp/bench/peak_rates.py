"""Peak rates of this machine in float32: matrix products, the kernels' elementwise functions in cache, memory."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lnncmp.bench.operations import PeakRates
from lnncmp.common.process import Tell
from lnncmp.kernels.common.compiling import Array, kernel
from lnncmp.kernels.common.fast_math import two_sigmoids2
from lnncmp.kernels.common.lanes import load, store, wide_lanes
from lnncmp.kernels.common.threads import run_tiles

_SIDE = 512
_IN_CACHE, _IN_MEMORY = 64_000, 16_000_000
"""Numbers of an array that is copied: within a core's cache, and far beyond any."""
_NUMBERS = 4096
_PASSES = 256
_TRIES = 9
_SUMS = 64


def measure_peak_rates(tell: Tell) -> PeakRates:
    """Return the best of several short measurements with all threads of torch (about a second, once compiled)."""
    tell("measuring peak rates of this machine", 0, 1)
    a, b = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    product = torch.empty(_SIDE, _SIDE)
    tiles = torch.get_num_threads()
    x, y = (np.linspace(-8.0, 8.0, tiles * _NUMBERS, dtype=np.float32) for _ in range(2))
    sums = np.zeros(tiles * _SUMS, np.float32)
    found = PeakRates(
        flops=2.0 * _SIDE**3 / _best(lambda: torch.mm(a, b, out=product)),
        sigmoids=tiles * _NUMBERS * _PASSES / _best(lambda: run_tiles(_sigmoids, tiles, x, y)),
        adjoints=tiles * _NUMBERS * _PASSES / _best(lambda: run_tiles(_adjoints, tiles, x, y, sums)),
        cache_bytes=_copied(_IN_CACHE * tiles, 50),
        memory_bytes=_copied(_IN_MEMORY, 1),
    )
    tell("measuring peak rates of this machine", 1, 1)
    return found


def _copied(numbers: int, times: int) -> float:
    """Return the bytes a second, read and written, of copies of an array."""
    source, target = torch.zeros(numbers), torch.zeros(numbers)

    def copy() -> None:
        for _ in range(times):
            target.copy_(source)

    return 2.0 * 4.0 * numbers * times / _best(copy)


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
    """Sigmoids in the cheapest way that kernels have: two by one division, of arguments within bounds."""
    lanes = wide_lanes(x)
    for _ in range(_PASSES):
        for at in range(first * _NUMBERS, end * _NUMBERS, 2 * lanes):
            one, other = two_sigmoids2(load(x, at), load(x, at + lanes), True)
            store(y, at, one)
            store(y, at + lanes, other)


@kernel
def _adjoints(first: int, end: int, x: Array, y: Array, sums: Array) -> None:
    """Adjoints of synapses as in `lnncmp.kernels.ltc.adjoint`, with sums that stay in lanes."""
    lanes = wide_lanes(x)
    for tile in range(first, end):
        at_sums = tile * _SUMS
        for _ in range(_PASSES):
            a, b, c, d = (load(sums, at_sums), load(sums, at_sums), load(sums, at_sums), load(sums, at_sums))
            for at in range(tile * _NUMBERS, (tile + 1) * _NUMBERS, 2 * lanes):
                v, w = load(x, at), load(x, at + lanes)
                s, z = two_sigmoids2(v * 0.7 + 0.1, w * 0.7 + 0.1, True)
                p, q = (v * 0.3 + 0.2) * s, (w * 0.3 + 0.2) * z
                r, t = p - s * p, q - z * q
                a, b, c, d = a + s * v + z * w, b + p + q, c + r + t, d + r * v + t * w
                store(y, at, v + r * 0.5)
                store(y, at + lanes, w + t * 0.5)
            store(sums, at_sums, a + b + c + d)

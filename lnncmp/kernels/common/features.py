"""Weights with one number for each feature, such as biases and gains, laid out for vectors, and their gradients.

Legend of shapes: S copies, K weights, H features, N = H padded to whole narrow vectors; all arrays are flat.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.moves import zeros
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.tiles import of_all_blocks

Numbers = NDArray[Any]


@lean_kernel
def _lay_out(copies: int, count: int, place: int, wide: int, own: Array, table: Array) -> None:
    """Write one weight of all features, (S, H), as row `place` of (S, K, N)."""
    width = own.size // copies
    for s in range(copies):
        for n in range(width):
            table[(s * count + place) * wide + n] = own[s * width + n]


@lean_kernel
def _add_up(copies: int, count: int, place: int, wide: int, sums: Array, found: Array) -> None:
    """Write the sums (S, H) of row `place` of the blocks of a copy, for (S, blocks, K, N)."""
    width, blocks = found.size // copies, sums.size // (copies * count * wide)
    for s in range(copies):
        for n in range(width):
            found[s * width + n] = of_all_blocks(sums, (s * blocks * count + place) * wide + n, blocks, count * wide)


def table_of(weights: Sequence[Numbers], copies: int, wide: int, count: int = 0) -> Numbers:
    """Return K weights (S, H) as (S, K, N), 0 at padded features; `count`: K, if it is more than there are."""
    count = count or len(weights)
    table = zeros(copies * count * wide, weights[0].dtype)
    for place, own in enumerate(weights):
        call(_lay_out, copies, count, place, wide, own, table)
    return table


def gradients_of(weights: Sequence[Numbers], copies: int, wide: int, sums: Numbers, count: int = 0) -> list[Numbers]:
    """Return the gradients of those weights from sums (S, blocks, K, N) that are to be added up over the blocks."""
    count, found = count or len(weights), []
    for place, own in enumerate(weights):
        found.append(empty((own.size,), np.dtype(own.dtype)))
        call(_add_up, copies, count, place, wide, sums, found[-1])
    return found

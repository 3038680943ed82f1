"""Vectors of consecutive numbers in one row and step: copied, added, cleared; used by all recurrences of this folder.

What does not fill a vector is done number by number.
"""

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store


@lean
def copy(source: Array, source_at: int, out: Array, out_at: int, count: int) -> None:
    """Copy `count` numbers."""
    lanes, k = narrow_lanes(out), 0
    while k + lanes <= count:
        store(out, out_at + k, load_narrow(source, source_at + k))
        k += lanes
    while k < count:
        out[out_at + k] = source[source_at + k]
        k += 1


@lean
def add(source: Array, source_at: int, out: Array, out_at: int, count: int) -> None:
    """Add `count` numbers to others."""
    lanes, k = narrow_lanes(out), 0
    while k + lanes <= count:
        store(out, out_at + k, load_narrow(out, out_at + k) + load_narrow(source, source_at + k))
        k += lanes
    while k < count:
        out[out_at + k] += source[source_at + k]
        k += 1


@lean
def clear(out: Array, at: int, count: int) -> None:
    """Write `count` zeros."""
    for k in range(count):
        out[at + k] = 0.0

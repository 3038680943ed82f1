"""What lies between two kernels of a training step: memory is taken, set to 0 or copied. All of it can be recorded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call, recording
from lnncmp.kernels.common.threads import run_tiles

Numbers = NDArray[Any]
_PART = 4096
"""Numbers that are added by one thread."""


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
def _add(first: int, end: int, source: Array, into: Array) -> None:
    """Add the numbers of the parts from `first` to `end`."""
    for k in range(first * _PART, min(end * _PART, into.size)):
        into[k] += source[k]


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


def flat_or_zeros(numbers: Numbers | None, count: int, kind: Any) -> Numbers:
    """Return all numbers of a contiguous gradient as a 1-D view, `count` zeros without a gradient."""
    return zeros(count, kind) if numbers is None else numbers.reshape(-1)


def copy(source: Numbers, into: Numbers) -> None:
    """Copy the numbers of a 1-D array to another one."""
    call(_copy, source, into)


def add(source: Numbers, into: Numbers) -> None:
    """Add the numbers of a 1-D array to those of another one."""
    run_tiles(_add, -(-into.size // _PART), source, into)


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


def copied_or_zeros(numbers: Numbers | None, count: int, kind: Any) -> Numbers:
    """Return the numbers of a contiguous gradient as a 1-D array of its own, `count` zeros without a gradient."""
    if numbers is None:
        return zeros(count, kind)
    made = empty((count,), kind)
    copy(numbers.reshape(-1), made)
    return made

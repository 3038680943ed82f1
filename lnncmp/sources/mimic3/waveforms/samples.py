"""The numbers in a signal file of a record of WFDB (https://wfdb.io/spec/signal-files.html), as numerics have them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
BITS = {"16": 16, "61": 16, "160": 16, "24": 24, "32": 32, "80": 8, "212": 12}
"""Bits per sample by signal format, for those in which the length of a file follows from its samples."""


def decode(content: bytes, form: str, count: int) -> Ints:
    """Return the first `count` numbers (count,) in the bytes of a signal file of format `form`, one of BITS.

    The least number of the format means "no value".
    """
    return _DECODERS[form](np.frombuffer(content, np.uint8, -(-count * BITS[form] // 8)), count)


def no_value(form: str) -> int:
    """Return the number that means "no value" in a format."""
    return -(1 << (BITS[form] - 1))


def _plain(kind: str, shift: int = 0) -> Callable[[NDArray[np.uint8], int], Ints]:
    def read(content: NDArray[np.uint8], count: int) -> Ints:
        numbers: Ints = content.view(kind)
        if shift:
            numbers = numbers.astype(np.int32) - np.int32(shift)
        return numbers

    return read


def _three_bytes(content: NDArray[np.uint8], count: int) -> Ints:
    low, middle, high = content.reshape(count, 3).astype(np.int32).T
    numbers: Ints = low + (middle << 8) + (high.astype(np.int8).astype(np.int32) << 16)
    return numbers


def _twelve_bits(content: NDArray[np.uint8], count: int) -> Ints:
    """Two numbers in three bytes: the low bytes are the first and third, the second holds both upper halves."""
    triples = np.zeros(-(-len(content) // 3) * 3, np.int32)
    triples[: len(content)] = content
    low, both, other = triples.reshape(-1, 3).T
    numbers = np.stack([low + ((both & 0x0F) << 8), other + ((both >> 4) << 8)], axis=1).ravel()[:count]
    return np.where(numbers > 0x7FF, numbers - 0x1000, numbers)


_DECODERS: dict[str, Callable[[NDArray[np.uint8], int], Ints]] = {
    "16": _plain("<i2"),
    "61": _plain(">i2"),
    "160": _plain("<u2", 1 << 15),
    "32": _plain("<i4"),
    "80": _plain("u1", 1 << 7),
    "24": _three_bytes,
    "212": _twelve_bits,
}

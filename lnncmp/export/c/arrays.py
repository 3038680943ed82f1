"""The constant arrays of a C file: float32, int8 with a scale for each row, and indices as narrow as they can be."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import UsageError

_PER_LINE = 8
MOST_VALUES = 4_000_000
"""Constants of one file, beyond which no compiler would be happy with it: an LSTM of 1,000 units has as many."""


class Arrays:
    """Collects constant arrays: their names, declarations and bytes. The same array is written once."""

    def __init__(self) -> None:
        self.declarations: list[str] = []
        self.bytes = 0
        self._values = 0
        self._names: dict[tuple[str, bytes], str] = {}

    def floats(self, values: NDArray[np.float64]) -> str:
        """Return the name of an array of float32. Raises UsageError for values that are not finite in float32."""
        return self._add("float", 4, values, literal)

    def integers(self, values: NDArray[np.intp]) -> str:
        """Return the name of an array of int8."""
        return self._add("int8_t", 1, values, str)

    def indices(self, values: NDArray[np.intp], width: int) -> str:
        """Return the name of an array of unsigned integers of `width` bytes."""
        return self._add(index_type(width), width, values, str)

    def _add(self, kind: str, width: int, values: NDArray[Any], written: Callable[[Any], str]) -> str:
        key = kind, values.tobytes()
        if key not in self._names:
            self.bytes += width * values.size
            self._values += values.size
            if self._values > MOST_VALUES:
                raise UsageError(
                    f"the network has more than the {MOST_VALUES:,} constants that one C file takes",
                    "Export it with --to onnx, or train a smaller one.",
                )
            self._names[key] = name = f"k{len(self.declarations)}"
            texts = [written(value) for value in values.ravel().tolist()]
            lines = [", ".join(texts[k : k + _PER_LINE]) for k in range(0, len(texts), _PER_LINE)]
            body = ",\n    ".join(lines)
            self.declarations.append(f"static const {kind} {name}[{len(texts)}] = {{\n    {body}\n}};")
        return self._names[key]


def literal(value: float) -> str:
    """Return a number as a float literal of C. Raises UsageError if it is not finite in float32."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        raise UsageError(f"the network has the weight {value:g}, which is not finite in float32")
    return f"{single!s}f"


def index_type(width: int) -> str:
    """Return the unsigned integer type of `width` bytes."""
    return f"uint{8 * width}_t"


def index_width(largest: int) -> int:
    """Return the bytes of an unsigned integer that holds `largest`."""
    return 1 if largest < 2**8 else 2 if largest < 2**16 else 4


def quantised(rows: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return integers in -127 ... 127, rows one after the other, and a scale for each row: a value is their product."""
    scales = np.array([np.abs(row).max(initial=0.0) / 127.0 for row in rows])
    whole = [np.rint(row / scale if scale else row) for row, scale in zip(rows, scales, strict=True)]
    return np.concatenate(whole).astype(np.intp), scales


def by_row(values: NDArray[np.float64], targets: NDArray[np.intp], rows: int) -> list[NDArray[np.float64]]:
    """Return the values of each row, for values sorted by row."""
    return np.split(values, np.cumsum(np.bincount(targets, minlength=rows))[:-1])

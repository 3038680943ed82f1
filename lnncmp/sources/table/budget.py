"""Keeps reading within the memory that is free."""

from lnncmp.common.memory import available_memory
from lnncmp.errors import DataError

_SHARE = 0.4
"""Fraction of the free memory that the kept cells may take: they are copied once into series."""
_CELL = 8
"""Bytes of a number."""
_HINT = "Name the columns that are needed (--target, --features), or thin the rows out."


class Budget:
    """Counts what is kept, and refuses what would not fit. A later file counts in addition."""

    def __init__(self) -> None:
        self._free = available_memory()
        self._kept = 0

    def expect(self, what: str, rows: int, columns: int) -> None:
        """Raise DataError if `rows` times `columns` numbers would not fit."""
        self._check(what, rows * columns * _CELL)

    def fits(self, what: str, bytes: int) -> None:
        """Raise DataError if `bytes` would not fit."""
        self._check(what, bytes)

    def keep(self, what: str, bytes: int) -> None:
        """Count bytes that are kept. Raises DataError if they do not fit."""
        self._kept += bytes
        self._check(what, self._kept)

    def _check(self, what: str, bytes: int) -> None:
        if bytes > _SHARE * self._free:
            needed, free = _gigabytes(bytes / _SHARE), _gigabytes(self._free)
            raise DataError(f"{what} would need more than {needed} of memory, {free} are free", _HINT)


def _gigabytes(bytes: float) -> str:
    return f"{bytes / 1e9:,.1f} GB"

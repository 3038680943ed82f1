"""stub"""

from collections.abc import Callable, Sequence
from pathlib import Path

from lnncmp.sources.table.table import Roles, Table


def read_table(files: Sequence[Path], roles: Roles, warn: Callable[[str], None]) -> Table:
    """Stub."""
    raise NotImplementedError

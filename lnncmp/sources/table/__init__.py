"""Tables of the user's own: files to series. Import `read_table` from here; polars is loaded when it is called."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lnncmp.sources.table.table import NO_TIME, Column, Roles, Series, Table

__all__ = ["NO_TIME", "Column", "Roles", "Series", "Table", "column_names", "read_table"]


def read_table(files: Sequence[Path], roles: Roles, warn: Callable[[str], None]) -> Table:
    """Return the table in `files`: text (CSV and its relatives, also packed), Parquet, or NPZ; or a folder of them.

    Several files are several series, unless `roles.group` names a column of groups. What is guessed, repaired or left
    out is in the notes of the table; what may change results also goes to `warn`. Messages name files, lines and
    columns, never a cell. Raises DataError for files that cannot be read, UsageError for unknown columns.
    """
    from lnncmp.sources.table.reading import read

    return read(files, roles, warn)


def column_names(files: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the columns that all `files` have. Raises DataError as `read_table`."""
    from lnncmp.sources.table.reading import names_of

    return names_of(files)

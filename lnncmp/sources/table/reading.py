"""Files to a table: opened, their columns given roles, read chunk by chunk, settled, cut into series."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lnncmp.sources.table.assembling import assembled
from lnncmp.sources.table.chunks import Opened
from lnncmp.sources.table.delimited import open_delimited
from lnncmp.sources.table.files import Kind, TableFile, find_files
from lnncmp.sources.table.gathering import gather
from lnncmp.sources.table.npz import open_npz
from lnncmp.sources.table.parquet import open_parquet
from lnncmp.sources.table.roles import Columns, common_columns, resolved
from lnncmp.sources.table.table import Roles, Table

_OPENERS: dict[Kind, Callable[[TableFile], Opened]] = {
    "text": open_delimited,
    "parquet": open_parquet,
    "npz": open_npz,
}


def read(files: Sequence[Path], roles: Roles, warn: Callable[[str], None]) -> Table:
    """Return the table in `files`, as `lnncmp.sources.table.read_table` describes it."""
    found, notes = find_files(files)
    opened = [_OPENERS[file.kind](file) for file in found]
    columns = common_columns(opened)
    chosen, guessed, said = resolved(roles, columns, opened)
    gathered, of_files = gather(opened, columns, chosen)
    table, more = assembled(gathered, chosen, guessed, _unnamed(opened, columns), warn)
    return replace(table, notes=(*notes, *of_files, *columns.notes, *said, *more))


def names_of(files: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the columns that all `files` have."""
    found, _ = find_files(files)
    return common_columns([_OPENERS[file.kind](file) for file in found]).names


def _unnamed(opened: Sequence[Opened], columns: Columns) -> set[str]:
    return {name for name in columns.names if columns.own[0][name] in opened[0].unnamed}

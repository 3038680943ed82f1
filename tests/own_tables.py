"""Small tables of the user's own, written and read."""

from pathlib import Path

from lnncmp.sources.table import Roles, Table, read_table


def write(folder: Path, text: str | bytes, name: str = "own.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(*files: Path, warnings: list[str] | None = None, **roles) -> Table:
    return read_table(files, Roles(**roles), (warnings if warnings is not None else []).append)


def values(table: Table, name: str) -> list[float]:
    """All cells of one column, series after series."""
    place = [column.name for column in table.columns].index(name)
    return [float(value) for series in table.series for value in series.values[:, place]]


def said(table: Table, part: str) -> bool:
    return any(part in note for note in table.notes)

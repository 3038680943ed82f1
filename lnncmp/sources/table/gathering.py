"""All rows of all files, chunk by chunk, into what each column keeps of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lnncmp.sources.table.budget import Budget
from lnncmp.sources.table.cells import MANY, LabelCells, ValueCells
from lnncmp.sources.table.chunks import Chunk, Opened
from lnncmp.sources.table.roles import Columns
from lnncmp.sources.table.table import Roles
from lnncmp.sources.table.time_cells import TimeCells

_NAMED = 3


@dataclass
class Gathered:
    """All cells that were read: by column of values, of times, of names, and the series that files give (T,)."""

    values: dict[str, ValueCells]
    time: TimeCells | None
    labels: dict[str, LabelCells]
    files: list[tuple[str, int]]
    """Series and number of rows, chunk by chunk."""

    def add(self, chunk: Chunk, budget: Budget) -> None:
        """Add the cells of a chunk."""
        kept = sum(cells.add(chunk) for cells in self.labels.values())
        kept += sum(cells.add(chunk) for cells in self.values.values())
        kept += self.time.add(chunk) if self.time else 0
        self.files.append((chunk.series, chunk.rows))
        budget.keep(chunk.file, kept)

    def series(self) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return the series of each row, as the files give it, and the names of the series."""
        names = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in self.files))}
        codes = np.array([names[name] for name, _ in self.files], np.int32)
        return np.repeat(codes, [rows for _, rows in self.files]), tuple(names)


def gather(opened: Sequence[Opened], columns: Columns, roles: Roles) -> tuple[Gathered, tuple[str, ...]]:
    """Return the cells of the columns that have a role, and what is to be said of the files."""
    values = (*roles.targets, *roles.features)
    labels = [name for name in (roles.group, roles.split) if name]
    gathered = Gathered(
        {name: ValueCells(name, name in roles.categories) for name in values},
        TimeCells(roles.time) if roles.time else None,
        {name: LabelCells(name, MANY) for name in labels},
        [],
    )
    wanted = (*values, *labels, *([roles.time] if roles.time else []))
    budget = Budget()
    budget.expect(_several([file.file for file in opened]), sum(file.rows for file in opened), len(wanted))
    said: dict[str, list[str]] = {}
    for file, own in zip(opened, columns.own, strict=True):
        notes = list(file.notes)
        for chunk in file.read([own[name] for name in wanted], notes):
            gathered.add(replace(chunk, cells={name: chunk.cells[own[name]] for name in wanted}), budget)
        for note in notes:
            said.setdefault(note, []).append(file.file)
    return gathered, tuple(f"{_several(files)}: {note}" for note, files in said.items())


def _several(files: Sequence[str]) -> str:
    more = len(files) - _NAMED
    return ", ".join(files[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")

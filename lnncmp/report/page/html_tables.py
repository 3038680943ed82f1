"""Tables of text cells as tables of a page: rows in groups that are sorted separately, the number behind each cell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lnncmp.report.tables.document import Better, Column, Grid


@dataclass(frozen=True)
class Cell:
    """One cell. lines: value first, then what belongs under it. value: for sorting, "" if unknown.

    best: emphasised, because the table says that it is significantly best. first: whether no other cell of the column
    is better.
    """

    lines: tuple[str, ...]
    value: str
    best: bool
    first: bool


@dataclass(frozen=True)
class Heading:
    """The head of a column. sortable: whether its cells have an order."""

    text: str
    sortable: bool


@dataclass(frozen=True)
class Row:
    """One row: its label and cells."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class TableView:
    """One table. groups: rows that belong together, such as models and, after them, untrained baselines."""

    caption: str
    corner: str
    headings: tuple[Heading, ...]
    groups: tuple[tuple[Row, ...], ...]

    @property
    def sortable(self) -> bool:
        """Whether any column has an order."""
        return any(heading.sortable for heading in self.headings)

    @property
    def marked(self) -> bool:
        """Whether the best values of any column are marked."""
        return any(cell.first for group in self.groups for row in group for cell in row.cells)


def table_view(grid: Grid, caption: str | None = None) -> TableView:
    """Return the grid as a table; caption: in place of the grid's title."""
    headings = tuple(Heading(" ".join(column.heading.split()), bool(column.values)) for column in grid.columns)
    best = [_best(column) for column in grid.columns]
    rows = [
        Row(label, tuple(_cell(grid, column, number, first) for column, first in zip(grid.columns, best, strict=True)))
        for number, label in enumerate(grid.labels)
    ]
    groups, start = [], 0
    for count in grid.sections:
        groups.append(tuple(rows[start : start + count]))
        start += count
    return TableView(caption or " ".join(grid.title.split()), grid.corner, headings, tuple(groups))


def turned(grid: Grid, models: int, corner: str, better: Sequence[Better] = ()) -> Grid:
    """Return the grid with a row for each of its columns, which a page can sort; models: how many rows come first.

    better: of each column which values are the better ones; () is neither.
    """
    marks = better or [""] * len(grid.labels)
    numbers = all(column.values for column in grid.columns)
    made = [
        Column(
            label,
            tuple(column.cells[n] for column in grid.columns),
            tuple(column.values[n] for column in grid.columns) if numbers else (),
            marks[n],
        )
        for n, label in enumerate(grid.labels)
    ]
    sections = tuple(count for count in (models, len(grid.columns) - models) if count)
    labels = tuple(" ".join(column.heading.split()) for column in grid.columns)
    return replace(grid, corner=corner, labels=labels, columns=tuple(made), sections=sections)


def _best(column: Column) -> float | None:
    """Return the best value of a column, None if there is no better one."""
    known = [value for value in column.values if value is not None]
    if not column.better or len(set(known)) < 2:
        return None
    return min(known) if column.better == "lower" else max(known)


def _cell(grid: Grid, column: Column, number: int, best: float | None) -> Cell:
    value = column.values[number] if column.values else None
    shown = "" if value is None else repr(float(value))
    first = best is not None and value == best
    return Cell(tuple(column.cells[number].split("\n")), shown, grid.is_best(column, number), first)

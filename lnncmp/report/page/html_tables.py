"""Tables of text cells as tables of a page: rows in groups that are sorted separately, the number behind each cell."""

from dataclasses import dataclass

from lnncmp.report.tables.document import Column, Grid


@dataclass(frozen=True)
class Cell:
    """One cell. lines: value first, then what belongs under it. value: for sorting, "" if unknown. best: emphasised."""

    lines: tuple[str, ...]
    value: str
    best: bool


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


def table_view(grid: Grid, caption: str | None = None) -> TableView:
    """Return the grid as a table; caption: in place of the grid's title."""
    headings = tuple(Heading(" ".join(column.heading.split()), bool(column.values)) for column in grid.columns)
    rows = [
        Row(label, tuple(_cell(grid, column, number) for column in grid.columns))
        for number, label in enumerate(grid.labels)
    ]
    groups, start = [], 0
    for count in grid.sections:
        groups.append(tuple(rows[start : start + count]))
        start += count
    return TableView(caption or " ".join(grid.title.split()), grid.corner, headings, tuple(groups))


def _cell(grid: Grid, column: Column, number: int) -> Cell:
    value = column.values[number] if column.values else None
    text = column.cells[number]
    return Cell(tuple(text.split("\n")), "" if value is None else repr(float(value)), grid.is_best(column, number))

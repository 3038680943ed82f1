"""Tables and sentences for a terminal or a pipe: plain text, never truncated at 80 columns or more."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lnncmp.report.tables.document import MARK, Column, Grid, Section

_UNBOUNDED = 10_000


def section(part: Section, width: int, color: bool = False) -> str:
    """Return tables, and under them lists of sentences by their headings, at most `width` characters wide.

    A table that continues the one before it is joined to it if both fit; those too wide are cut by columns. With ANSI
    bold for the best value if `color`.
    """
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=color, color_system="standard" if color else None)
    for grid in _joined(part.on_terminal(), console):
        for number, piece in enumerate(_by_columns(grid, console)):
            if number == 0:
                console.print(Text(grid.title, style="bold"))
            console.print(_table(piece))
            console.print()
    for number, (heading, sentences) in enumerate(part.lists().items()):
        console.print(Text(("\n" if number else "") + heading))
        for sentence in sentences:
            console.print(_bullet(sentence))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def _joined(grids: Sequence[Grid], console: Console) -> list[Grid]:
    """Return the tables, those that continue the one before joined to it where the page is wide enough."""
    made: list[Grid] = []
    for grid in grids:
        if grid.continues and made and _fits(whole := made[-1].joined(grid), console):
            made[-1] = whole
        else:
            made.append(grid)
    return made


def _bullet(note: str) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column()
    row.add_row("-", Text(note))
    return row


def _table(grid: Grid) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False, show_edge=False, collapse_padding=True)
    table.add_column(Text(grid.corner), vertical="top")
    columns = [_aligned(column) for column in grid.columns]
    for column in columns:
        justify: JustifyMethod = "left" if _marked(column) else "right"
        table.add_column(Text(column.heading, justify="right"), justify=justify, vertical="top")
    ends = {sum(grid.sections[: n + 1]) - 1 for n in range(len(grid.sections) - 1)}
    for number, label in enumerate(grid.labels):
        cells = [Text(column.cells[number], style="bold" if grid.is_best(column, number) else "") for column in columns]
        table.add_row(Text(label), *cells, end_section=number in ends)
    return table


def _marked(column: Column) -> bool:
    return any(cell.endswith(MARK) for cell in column.cells)


def _aligned(column: Column) -> Column:
    """Return a column with marks padded so that its numbers end at one place (Rich drops spaces at the right end)."""
    if not _marked(column):
        return column
    cells = [cell if cell.endswith(MARK) else cell + " " * len(MARK) for cell in column.cells]
    width = max(map(len, cells))
    return Column(column.heading, tuple(cell.rjust(width) for cell in cells))


def _fits(grid: Grid, console: Console) -> bool:
    wide = console.options.update(width=_UNBOUNDED)
    return Measurement.get(console, wide, _table(grid)).maximum <= console.width


def _by_columns(grid: Grid, console: Console) -> list[Grid]:
    """Return grids that fit, filling each with as many columns as fit next to the labels (at least one)."""
    if len(grid.columns) < 2 or _fits(grid, console):
        return [grid]
    parts: list[tuple[Column, ...]] = []
    current: tuple[Column, ...] = ()
    for column in grid.columns:
        if current and not _fits(grid.only((*current, column)), console):
            parts.append(current)
            current = ()
        current = (*current, column)
    return [grid.only(part) for part in (*parts, current)]

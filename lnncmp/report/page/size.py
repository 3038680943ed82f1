"""How large the text of a comparison becomes on a page, known before anything is drawn or written."""

from collections.abc import Sequence

from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.page.chapters import grids_of
from lnncmp.report.tables.document import Grid

_CELL, _LABEL, _RUN, _REST = 85, 60, 340, 12_000
"""Bytes of markup of a cell, a label or a heading; of a run; of all that is no table."""


def text_bytes(table: ComparisonTable, runs: int) -> int:
    """Return about how many bytes of a page the tables of a comparison take, its list of `runs` runs included."""
    notes = sum(map(len, table.notes))
    return _REST + notes + _RUN * runs + sum(_grid_bytes(grid) for grid in grids_of(table) if grid is not None)


def _grid_bytes(grid: Grid) -> int:
    cells = [cell for column in grid.columns for cell in column.cells]
    labels = [*grid.labels, *(column.heading for column in grid.columns)]
    return _bytes(cells, _CELL) + _bytes(labels, _LABEL)


def _bytes(texts: Sequence[str], each: int) -> int:
    return sum(each + len(text) for text in texts)

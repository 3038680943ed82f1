"""The comparison as GitHub Markdown: pipe tables, the best value bold, notes as a list."""

from collections.abc import Sequence

from lnncmp.comparison.table import ComparisonTable
from lnncmp.report.tables.grid import Grid, accuracy_grid, cost_grid
from lnncmp.report.tables.metric_grid import detail_grids


def render(comparison: ComparisonTable) -> str:
    """Return a heading, the accuracy table, those of cost, measures, differences and perturbations, and the notes."""
    grids = [accuracy_grid(comparison), cost_grid(comparison), *detail_grids(comparison)]
    return render_grids(grids, comparison.notes)


def render_grids(grids: Sequence[Grid], notes: Sequence[str]) -> str:
    """Return tables, the title of the first as a heading and those of the others as a line, then notes as a list."""
    first, *others = grids
    blocks = [f"### {escaped(first.title)}", table(first)]
    for grid in others:
        blocks += [f"{escaped(grid.title)}:", table(grid)]
    if notes:
        blocks.append("\n".join(f"- {escaped(note)}" for note in notes))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it stands, on one line."""
    text = text.replace("\\", "\\\\")
    for mark in "|*_`<>[]~":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def table(grid: Grid) -> str:
    """Return one pipe table."""
    lines = [_line([grid.corner, *(column.heading for column in grid.columns)])]
    lines.append("| --- |" + " ---: |" * len(grid.columns))
    for number, label in enumerate(grid.labels):
        cells = [escaped(label)]
        for column in grid.columns:
            cell = escaped(column.cells[number])
            cells.append(f"**{cell}**" if grid.is_best(column, number) else cell)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"

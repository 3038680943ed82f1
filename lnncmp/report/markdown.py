"""The comparison as GitHub Markdown: pipe tables, the best value bold, notes as a list."""

from lnncmp.report.grid import Grid, accuracy_grid, cost_grid
from lnncmp.report.measure_grid import detail_grids
from lnncmp.table import Comparison


def render(comparison: Comparison) -> str:
    """Return a heading, the accuracy table, those of cost, measures, differences and perturbations, and the notes."""
    accuracy = accuracy_grid(comparison)
    blocks = [f"### {escaped(accuracy.title)}", table(accuracy)]
    for grid in (cost_grid(comparison), *detail_grids(comparison)):
        blocks += [f"{escaped(grid.title)}:", table(grid)]
    if comparison.notes:
        blocks.append("\n".join(f"- {escaped(note)}" for note in comparison.notes))
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

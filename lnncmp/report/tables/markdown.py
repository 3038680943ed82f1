"""Tables and sentences as GitHub Markdown: pipe tables, the best value bold, sentences as lists."""

import re

from lnncmp.common.text import visible
from lnncmp.report.tables.document import Grid, Section

_BLOCK = re.compile(r"^(?:#|[-+](?= ))")
"""What begins a heading or a list, at the start of a line."""


def section(part: Section) -> str:
    """Return the title as a heading, each table under its own title unless it is the same, then sentences as lists."""
    blocks = [f"### {escaped(part.title)}"] if part.title else []
    for grid in part.shown():
        blocks += [table(grid)] if grid.title == part.title else [f"{escaped(grid.title)}:", table(grid)]
    blocks += ["\n".join(f"- {escaped(text)}" for text in texts) for texts in part.lists().values()]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = visible(text).replace("\\", "\\\\")
    for mark in "|*_`<>[]~$&":
        text = text.replace(mark, f"\\{mark}")
    return _BLOCK.sub(r"\\\g<0>", " ".join(text.split()))


def code(text: str) -> str:
    """Return text as code on one line, between more backticks than it has in a row."""
    shown = " ".join(visible(text).split())
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


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

"""Tables and sentences as LaTeX: booktabs tables with all text escaped, sentences as a list under them."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from lnncmp.common.text import visible
from lnncmp.report.tables.document import Grid, Section

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
}


def document(sections: Sequence[Section]) -> str:
    """Return the tables, a float each, and under those of a section its sentences; needs the package booktabs."""
    blocks = ["% needs \\usepackage{booktabs}"]
    for part in sections:
        blocks += [_table(grid) for grid in part.shown()]
        texts = [text for sentences in part.lists().values() for text in sentences]
        blocks += [_sentences(texts)] if texts else []
    return "\n\n".join(blocks) + "\n"


def _sentences(texts: Sequence[str]) -> str:
    """Return a list of sentences in small print."""
    items = "\n".join(f"\\item {_cell(text)}" for text in texts)
    return f"{{\\footnotesize\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}}}"


def escaped(text: str) -> str:
    """Return text that LaTeX sets as it is, on one line."""
    return " ".join("".join(_ESCAPES.get(char, char) for char in visible(text)).split())


def _cell(text: str, bold: bool = False) -> str:
    """Return one cell with true minus signs.

    An empty group is put before an opening bracket and a star, which the line end above it would take for its own.
    """
    shown = re.sub(r"(^|[\[ ])-(?=\d)", r"\1$-$", escaped(text))
    if shown.startswith(("[", "*")):
        shown = "{}" + shown
    return f"\\textbf{{{shown}}}" if bold else shown


def _table(grid: Grid) -> str:
    """Return one table as a float."""
    heading = " & ".join(_cell(text) for text in (grid.corner, *(column.heading for column in grid.columns)))
    lines = [
        "\\begin{table}",
        "\\centering\\small",
        f"\\caption{{{escaped(grid.title)}}}",
        f"\\begin{{tabular}}{{l{'r' * len(grid.columns)}}}",
        "\\toprule",
        f"{heading} \\\\",
        "\\midrule",
    ]
    starts = {sum(grid.sections[:number]) for number in range(1, len(grid.sections))}
    for row, label in enumerate(grid.labels):
        if row in starts:
            lines.append("\\addlinespace" if grid.stacked else "\\midrule")
        texts = (label, *(column.cells[row] for column in grid.columns))
        best = (False, *(grid.is_best(column, row) for column in grid.columns))
        stack = zip_longest(*(text.split("\n") for text in texts), fillvalue="") if grid.stacked else [texts]
        lines += [" & ".join(map(_cell, line, best)) + " \\\\" for line in stack]
    lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}"]
    return "\n".join(lines)

"""What a command shows, before any format: tables of text cells, sentences under headings, plain rows, a JSON model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel

MARK = " *"
"""What follows a value that differs significantly from that of the reference."""

Better = Literal["", "lower", "higher"]
"""Which values of a column are the better ones, "" if neither."""

Value = str | int | float | None
Row = Mapping[str, Value]
"""One line of a CSV file: plain numbers in full precision, None for what is not known."""


@dataclass(frozen=True)
class Column:
    """One column: heading (may have two lines) and its cells from top to bottom.

    values: the number behind each cell, for sorting; None where there is none. Empty if the column has no order.
    better: which values are marked as the better ones.
    """

    heading: str
    cells: tuple[str, ...]
    values: tuple[float | None, ...] = ()
    better: Better = ""


@dataclass(frozen=True)
class Grid:
    """One table. labels: first column; sections: how many rows each block has; best: number of the best row, if any.

    The best row's cell in a column whose heading is `best_heading` is emphasised. stacked: the lines of a cell are
    values of their own, too long for one line. continues: its columns may follow those of the table before it, whose
    first rows are the same, on a page wide enough for both.
    """

    title: str
    corner: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    sections: tuple[int, ...]
    best: int | None = None
    best_heading: str = ""
    stacked: bool = False
    continues: bool = False

    def only(self, columns: tuple[Column, ...]) -> "Grid":
        """Return the same rows with these columns."""
        return replace(self, columns=columns)

    def joined(self, other: "Grid") -> "Grid":
        """Return this table with the columns of another whose labels are the first of this one's."""
        blank = ("",) * (len(self.labels) - len(other.labels))
        return self.only((*self.columns, *(Column(column.heading, column.cells + blank) for column in other.columns)))

    def is_best(self, column: Column, row: int) -> bool:
        """Tell whether this cell holds the best value of the table."""
        return row == self.best and column.heading == self.best_heading


@dataclass(frozen=True)
class Section:
    """One part of a document. title: its heading where a format has headings; the first table may have the same.

    grids: the tables that a reader needs; details: those that explain them; rest: those that a terminal has no room
    for. notes: sentences by heading.
    """

    title: str = ""
    grids: Sequence[Grid] = ()
    details: Sequence[Grid] = ()
    rest: Sequence[Grid] = ()
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def shown(self) -> list[Grid]:
        """Return the tables that a page shows: all of them."""
        return [*self.on_terminal(), *self.rest]

    def on_terminal(self) -> list[Grid]:
        """Return the tables that a terminal shows."""
        return [*self.grids, *self.details]

    def lists(self) -> dict[str, Sequence[str]]:
        """Return the sentences by heading, without headings that have none."""
        return {heading: texts for heading, texts in self.notes.items() if texts}


@dataclass(frozen=True)
class Document:
    """All that a command shows. rows: for CSV. content: for JSON."""

    sections: Sequence[Section]
    rows: Sequence[Row]
    content: BaseModel


def ends(name: str, interval: tuple[float, float] | None) -> dict[str, Value]:
    """Return an interval as two columns of a row."""
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def columns(cells: Mapping[str, Sequence[str]]) -> tuple[Column, ...]:
    """Return the columns of a table from their cells by heading."""
    return tuple(Column(heading, tuple(texts)) for heading, texts in cells.items())

"""What the user says of a table and what reading it gives: roles of columns, and series as arrays."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NO_TIME = ""
"""As `Roles.time`: no column holds the time, rows are equally far apart."""


@dataclass(frozen=True)
class Roles:
    """Names of columns by what they are for; None and () are to be guessed, and the guess is said in the notes.

    time: the column of times, NO_TIME for none. group: the column that names the series of a row; without one each
    file is a series. targets: what is to be predicted. features: what may be known for it; guessed as all other
    columns of numbers or few classes. split: the column that says which part a row belongs to.
    categories: columns to be read as classes even if they look like numbers.
    """

    time: str | None = None
    group: str | None = None
    targets: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    split: str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column of the values: its role "target" or "feature", its classes if it is a category, what is missing.

    missing: share of its cells, 0 to 1, in the rows that were kept.
    """

    name: str
    role: str
    kind: Literal["number", "category", "time"]
    classes: tuple[str, ...]
    missing: float


@dataclass(frozen=True)
class Series:
    """Rows of one group in the order of time, T rows and C columns.

    times: (T,) strictly increasing; their unit is that of `Table.time_kind`. values: (T, C), NaN where missing,
    categories as codes 0..K-1 into the classes of their column. split: (T,) texts, None without such a column.
    group: name of the series, possibly of a person: never to be shown or logged.
    """

    group: str
    times: Floats
    values: Floats
    split: NDArray[np.str_] | None


@dataclass(frozen=True)
class Table:
    """Series of a user's files, with the same columns: targets first, then features.

    time_kind: unit of the times: "seconds" since the first row of a series, "number" in the column's own unit, "row"
    0, 1, 2, ... without a column of times. notes: what was guessed, repaired or left out, one sentence each.
    time: the column that holds the times, None without one.
    """

    columns: tuple[Column, ...]
    series: tuple[Series, ...]
    time_kind: Literal["seconds", "number", "row"]
    notes: tuple[str, ...]
    time: str | None = None

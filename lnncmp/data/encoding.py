"""From the columns of a table to the features that a network reads at each step, in raw units.

Legend of shapes: T steps of one series, V columns, F features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Quantity:
    """A column or a feature: its name and its unit."""

    name: str
    unit: str


@dataclass(frozen=True)
class Encoding:
    """How a case makes features of columns, before they are scaled.

    columns (V): what a table of raw values holds. features (F): what a step of the input is; the first are the columns
    that are predicted.
    encode: (values (T, V), observed (T, V), times (T,)) -> features (T, F), NaN where nothing is known, which becomes
    0 after scaling. Nothing comes from the future of a step.
    words: how features are made of columns, for a reader who has to make them; empty if they are the columns.
    classes: of each column that holds words, which ones; its values are their numbers, counted from 0.
    """

    columns: Sequence[Quantity]
    features: Sequence[Quantity]
    encode: Callable[[Floats, Bools, Floats], Floats]
    words: tuple[str, ...] = ()
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def as_measured(quantities: Sequence[Quantity]) -> Encoding:
    """Return the encoding whose features are the columns themselves, where they were observed."""
    return Encoding(quantities, quantities, lambda values, observed, times: np.where(observed, values, np.nan))

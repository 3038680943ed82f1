"""From the columns of a table to what a network reads at each row: values carried forward, classes, masks, ages.

Legend of shapes: T rows, V input columns, F features, O targets, N windows, K rows ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.table.settings import TableSettings
from lnncmp.data.carried import carried
from lnncmp.data.encoding import Encoding, Quantity

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """Which features there are, in order: of each column its value or one feature a class, then masks, then ages.

    columns (V): of a forecast the targets first. classes: column -> its classes, of columns that hold such.
    missing: columns with missing cells: these alone have a mask (measured in this row) and an age. cap: age up to which
    a value gets older, in units of elapsed time; ages are given as shares of it.
    """

    columns: tuple[str, ...]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    cap: float = 1.0

    @property
    def quantities(self) -> list[Quantity]:
        """All features by name, with their units."""
        values = [
            feature
            for name in self.columns
            for feature in (
                [Quantity(f"{name} = {one}", "0 or 1") for one in self.classes[name]]
                if name in self.classes
                else [Quantity(name, "")]
            )
        ]
        masks = [Quantity(f"{name} (measured)", "0 or 1") for name in self.missing]
        return values + masks + [Quantity(f"{name} (age)", f"{self.cap:g} units") for name in self.missing]

    @property
    def numbers(self) -> NDArray[np.intp]:
        """The features that are values of a column of numbers."""
        names = [name for name in self.columns if name not in self.classes]
        places = {quantity.name: place for place, quantity in enumerate(self.quantities)}
        return np.array([places[name] for name in names], np.intp)

    def encode(self, values: Floats, observed: Bools, times: Floats) -> Floats:
        """Return the features (T, F) of values (T, V), NaN where nothing was measured yet. Nothing is of the future."""
        held, ages = carried(values, observed, times, self.cap)
        parts = [
            _one_hot(held[:, n], len(self.classes[name])) if name in self.classes else held[:, n : n + 1]
            for n, name in enumerate(self.columns)
        ]
        sparse = [self.columns.index(name) for name in self.missing]
        return np.concatenate([*parts, observed[:, sparse], ages[:, sparse] / self.cap], axis=1, dtype=np.float64)

    def beside_predictions(self, last: Floats, elapsed: Floats, targets: int) -> Floats:
        """Return the features (N, K, F - O) beside values of the O targets that a network has predicted itself.

        last (N, F): features of the last true row, in their own units; elapsed (N, K): time since then. The targets
        count as measured; nothing else is, so that it is held and gets older.
        """
        held = np.repeat(last[:, None], elapsed.shape[1], axis=1)
        sparse = len(self.missing)
        values = held.shape[2] - 2 * sparse
        masks, ages = held[..., values : values + sparse], held[..., values + sparse :]
        measured = np.array([name in self.columns[:targets] for name in self.missing], bool)
        masks[:] = measured
        ages[:] = np.where(measured, 0.0, np.minimum(ages + elapsed[..., None] / self.cap, 1.0))
        return held[..., targets:]


def _one_hot(codes: Floats, classes: int) -> Floats:
    """Return (T, classes): 1 where a row is of this class, NaN where its class is not known."""
    return np.where(np.isnan(codes)[:, None], np.nan, codes[:, None] == np.arange(classes))


def layout_of(settings: TableSettings) -> Layout:
    """Return the features that complete settings ask for."""
    return Layout(
        settings.inputs,
        {name: classes for name, classes in settings.classes.items() if name in settings.inputs},
        tuple(name for name in settings.inputs if name in settings.missing),
        float(settings.window or 1),
    )


def encoding(settings: TableSettings) -> Encoding:
    """Return how the columns of a table become features."""
    layout = layout_of(settings)
    columns = [Quantity(name, "class" if name in layout.classes else "") for name in layout.columns]
    return Encoding(columns, layout.quantities, layout.encode, _words(layout), layout.classes)


def _words(layout: Layout) -> tuple[str, ...]:
    """Return how the features are made."""
    words = ["An input is the latest known value of its column, carried forward by the caller over missing cells."]
    if layout.classes:
        words.append("An input 'NAME = CLASS' is 1 where the latest known class of NAME is CLASS, else 0.")
    if layout.missing:
        words.append(
            f"'NAME (measured)' is 1 in a row that has a value, else 0; 'NAME (age)' is the elapsed time since the "
            f"last one over {layout.cap:g}, at most 1. Before the first one, inputs of NAME are their means, its age 1."
        )
    return tuple(words)

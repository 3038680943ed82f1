"""Gathers a column of times. Which way of writing them holds is decided over the whole column."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.errors import DataError
from lnncmp.sources.table.chunks import Chunk
from lnncmp.sources.table.numbers import parsed, stripped
from lnncmp.sources.table.times import CLOCK_ALONE, EXAMPLES, NS, WAYS, Integers, Written, as_epoch

Numbers = NDArray[np.int64] | NDArray[np.float64]
Reading = tuple[Numbers, NDArray[np.bool_]]
Way = Written | Literal["integer", "number", "date"]


@dataclass(frozen=True)
class Moments:
    """Times of all rows (T,), in nanoseconds since 1970 or in the column's own unit.

    notes: what is to be said of them. doubts: what may be wrong.
    """

    values: Numbers
    kind: Literal["seconds", "number"]
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def since(self, first: int, rows: Integers) -> NDArray[np.float64]:
        """Return the times of `rows` as they are shown: seconds since row `first`, or numbers as they are."""
        chosen = self.values[rows]
        if self.kind == "number":
            return chosen.astype(np.float64)
        return np.asarray(chosen - self.values[first], np.float64) / NS


class TimeCells:
    """A column of times: every way in which all cells so far are written stays alive until none or one is left."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._alive: dict[Way, list[Numbers]] | None = None
        self._dotted = False

    def add(self, chunk: Chunk) -> int:
        """Add a chunk; return the bytes that are now kept for it. Raises DataError for a cell that is no time."""
        readings = self._readings(chunk)
        wrong = {way: np.flatnonzero(~good) for way, (_, good) in readings.items()}
        alive = [way for way, rows in wrong.items() if not len(rows)]
        if not alive:
            self._refuse(chunk, max((int(rows[0]) for rows in wrong.values()), default=0))
        before = self._alive or {}
        self._alive = {way: [*before.get(way, []), readings[way][0]] for way in alive}
        return sum(self._alive[way][-1].nbytes for way in alive)

    def _readings(self, chunk: Chunk) -> dict[Way, Reading]:
        """Return, for every way that is still alive, the times and which cells are written so."""
        cells = chunk.cells[self.name]
        text = stripped(cells) if cells.dtype == pl.String else cells
        if cells.dtype.is_float():
            text = cells.fill_nan(None)
        if text.null_count():
            row = int(np.flatnonzero(text.is_null().to_numpy())[0])
            raise DataError(f"{chunk.where(row)} has no time in column '{self.name}'", "Fill it in or delete the row.")
        if cells.dtype == pl.String and len(text) and self._alive is None:
            self._dotted = str(text[0]).count(".") >= 2
        ways = _typed_ways(text) if cells.dtype != pl.String else _text_ways(text, chunk)
        return {way: read() for way, read in ways.items() if self._alive is None or way in self._alive}

    def _refuse(self, chunk: Chunk, row: int) -> None:
        """Raise the DataError of a chunk in which no way is left from `row` on."""
        cells = chunk.cells[self.name]
        what = f"column '{self.name}' should hold times; {chunk.where(row)} holds something else"
        if cells.dtype == pl.String and CLOCK_ALONE.fullmatch(str(cells[row]).strip()):
            raise DataError(f"column '{self.name}' holds times of day without a date", "Join both in one column.")
        if self._alive is not None or row:
            what = f"column '{self.name}' mixes ways of writing times; {chunk.where(row)} differs from those before"
        raise DataError(what, f"Read are {EXAMPLES}, one of them in all rows.")

    def settle(self, increasing: Callable[[Numbers], float]) -> Moments:
        """Return all times. increasing: share of steps forwards, which decides between two orders of day and month."""
        alive: dict[Way, Any] = {way: np.concatenate(blocks) for way, blocks in (self._alive or {}).items()}
        self._alive = None
        if "date" in alive:
            return Moments(alive["date"], "seconds")
        if "integer" in alive:
            return self._of_integers(alive["integer"].astype(np.int64))
        if "number" in alive:
            return self._of_integers_like(alive["number"].astype(np.float64))
        written = [way for way in alive if isinstance(way, Written)]
        forwards = {way: increasing(alive[way]) if len(written) > 1 else 1.0 for way in written}
        usual = "day/month/year" if self._dotted else "month/day/year"
        best = max(written, key=lambda way: (forwards[way], way.order == usual))
        if best.order == "year first":
            return Moments(alive[best], "seconds")
        note = f"dates in column '{self.name}' are read as {best.order}"
        rivals = [way.order for way in written if way != best and forwards[way] == forwards[best]]
        if rivals and not self._dotted:  # 1.2.2020 is written where the day comes first
            return Moments(alive[best], "seconds", doubts=(f"{note}; {rivals[0]} would fit as well: check this",))
        return Moments(alive[best], "seconds", (note,))

    def _of_integers(self, numbers: Integers) -> Moments:
        epoch = as_epoch(numbers)
        if epoch:
            return Moments(epoch[0], "seconds", (f"column '{self.name}' is read as {epoch[1]}",))
        return Moments(numbers, "number")

    def _of_integers_like(self, numbers: NDArray[np.float64]) -> Moments:
        """Return numbers with a fraction: seconds since 1970 where they look so."""
        epoch = as_epoch(numbers.astype(np.int64)) if np.abs(numbers).max() < 2.0**62 else None
        if epoch and epoch[1] == "seconds since 1970":
            nanoseconds = np.round(numbers * 1e6).astype(np.int64) * 1000
            return Moments(nanoseconds, "seconds", (f"column '{self.name}' is read as {epoch[1]}",))
        return Moments(numbers, "number")


def _typed_ways(cells: pl.Series) -> dict[Way, Callable[[], Reading]]:
    if cells.dtype == pl.Date or isinstance(cells.dtype, pl.Datetime):
        return {"date": lambda: _dates(cells)}
    if cells.dtype.is_integer() and cells.dtype != pl.UInt64:
        return {
            "integer": lambda: (cells.cast(pl.Int64).to_numpy(), np.ones(len(cells), bool)),
            "number": lambda: _floats(cells),
        }
    return {"number": lambda: _floats(cells)} if cells.dtype.is_numeric() else {}


def _dates(cells: pl.Series) -> Reading:
    times = cells.cast(pl.Datetime("ns"), strict=False).to_physical()  # null outside 1678 to 2261
    return times.fill_null(0).to_numpy(), times.is_not_null().to_numpy()


def _floats(cells: pl.Series) -> Reading:
    numbers = cells.cast(pl.Float64).to_numpy()
    return numbers, np.isfinite(numbers)


def _text_ways(text: pl.Series, chunk: Chunk) -> dict[Way, Callable[[], Reading]]:
    def integers() -> Reading:
        whole = text.cast(pl.Int64, strict=False)
        return whole.fill_null(0).to_numpy(), whole.is_not_null().to_numpy()

    def numbers() -> Reading:
        values, bad = parsed(text, chunk.style)
        return values, ~bad

    ways: dict[Way, Callable[[], Reading]] = {"integer": integers, "number": numbers}
    for way in WAYS:
        ways[way] = _bound(way, text)
    return ways


def _bound(way: Written, text: pl.Series) -> Callable[[], Reading]:
    return lambda: way.read(text)

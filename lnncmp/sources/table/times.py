"""Ways in which times are written, and texts turned into nanoseconds since 1970 or plain numbers.

A clock may have seconds, a fraction, AM or PM; a zone is Z, UTC or an offset. A year of two digits is 1969 to 2068.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Integers = NDArray[np.int64]
NS = 1_000_000_000
_CLOCK = r"[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: *([AaPp])\.?[Mm]\.?)?"
_ZONE = r" ?(Z|z|UTC|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})"
_YEAR_FIRST = r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})"
_YEAR_LAST = r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}|[0-9]{2})"
_TIME = re.compile(f"(?:{_YEAR_FIRST}|{_YEAR_LAST})(?:{_CLOCK}(?:{_ZONE})?)?")
_EPOCHS = ((10**9, 42 * 10**8, NS, "seconds"), (10**11, 42 * 10**11, 10**6, "milliseconds"))
_FINE_EPOCHS = ((10**14, 42 * 10**14, 10**3, "microseconds"), (10**17, 42 * 10**17, 1, "nanoseconds"))
_FIRST_DAY, _LAST_DAY = 1900_01_01, 2100_12_31
_PIVOT = 69
_EARLIEST, _LATEST = 1678, 2261
"""Years that nanoseconds since 1970 reach."""
CLOCK_ALONE = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: *[AaPp][Mm])?")
EXAMPLES = "numbers, 2012-10-02 09:00:00 (also with T, a fraction or a zone), 10/2/2012 9:00, or dates alone"


def looks_like_time(cell: str) -> bool:
    """Return whether a text is a date, with or without a clock."""
    return bool(_TIME.fullmatch(cell))


@dataclass(frozen=True)
class Written:
    """One way of writing dates: the order of year, month and day, whether a clock and a zone follow."""

    order: Literal["year first", "month/day/year", "day/month/year"]
    clock: bool
    zone: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression of a whole cell."""
        date = _YEAR_FIRST if self.order == "year first" else _YEAR_LAST
        return f"^{date}{_CLOCK if self.clock else ''}{_ZONE if self.zone else ''}$"

    def read(self, text: pl.Series) -> tuple[Integers, NDArray[np.bool_]]:
        """Return texts as nanoseconds since 1970, and which of them are written so; others are 0."""
        groups = text.str.extract_groups(self.pattern).struct.unnest()
        matched = groups.to_series(0).is_not_null().to_numpy()
        if not matched.any():  # spares the rest, as most ways do not fit at all
            return np.zeros(len(text), np.int64), matched
        places = {"year first": (0, 1, 2), "month/day/year": (2, 0, 1), "day/month/year": (2, 1, 0)}[self.order]
        year, month, day = (_whole(groups.to_series(place)) for place in places)
        short = groups.to_series(places[0]).str.len_bytes().fill_null(0).to_numpy() == 2
        year = np.where(short, np.where(year < _PIVOT, year + 2000, year + 1900), year)
        days, valid = _days(year, month, day)
        nanoseconds = days * (86_400 * NS)
        if self.clock:
            clock, running = _clock(groups)
            nanoseconds, valid = nanoseconds + clock, valid & running
        if self.zone:
            nanoseconds -= _offset(groups.to_series(8))
        good = matched & valid
        return np.where(good, nanoseconds, 0), good


WAYS = tuple(
    Written(order, clock, zone)
    for order in ("year first", "month/day/year", "day/month/year")
    for clock, zone in ((False, False), (True, False), (True, True))
)


def _whole(text: pl.Series) -> Integers:
    return text.cast(pl.Int64, strict=False).fill_null(0).to_numpy()


def _days(year: Integers, month: Integers, day: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Return days since 1970 of dates in the calendar, and which dates exist."""
    valid = (year >= _EARLIEST) & (year <= _LATEST) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    first, following = months.astype("M8[D]"), (months + 1).astype("M8[D]")
    valid &= day <= (following - first).astype(np.int64)
    days: Integers = first.astype(np.int64) + day - 1
    return days, valid


def _clock(groups: pl.DataFrame) -> tuple[Integers, NDArray[np.bool_]]:
    """Return the time of day in nanoseconds, and which clocks exist (a second may be a leap second)."""
    hour, minute, second = (_whole(groups.to_series(place)) for place in (3, 4, 5))
    fraction = _whole(groups.to_series(6).str.pad_end(9, "0"))
    half = groups.to_series(7).str.to_lowercase()
    afternoon, twelve = (half == "p").fill_null(False).to_numpy(), half.is_not_null().to_numpy()
    valid = (minute < 60) & (second <= 60) & np.where(twelve, (hour >= 1) & (hour <= 12), hour < 24)
    hour = np.where(twelve, hour % 12 + 12 * afternoon, hour)
    nanoseconds: Integers = ((hour * 60 + minute) * 60 + second) * NS + fraction
    return nanoseconds, valid


def _offset(zone: pl.Series) -> Integers:
    """Return the nanoseconds that a zone is ahead of UTC."""
    digits = zone.str.replace(":", "", literal=True)
    hours, minutes = _whole(digits.str.slice(1, 2)), _whole(digits.str.slice(3, 2))
    sign = np.where(zone.str.starts_with("-").fill_null(False).to_numpy(), -1, 1)
    ahead: Integers = sign * (hours * 60 + minutes) * 60 * NS
    return ahead


def as_epoch(numbers: Integers) -> tuple[Integers, str] | None:
    """Return integers that all look like times since 1970, or like days written 20121002, in nanoseconds.

    Also says what they were taken for. None if they are some other numbers.
    """
    low, high = int(numbers.min()), int(numbers.max())
    for least, most, factor, unit in (*_EPOCHS, *_FINE_EPOCHS):
        if least <= low and high <= most:
            return numbers * factor, f"{unit} since 1970"
    if low >= _FIRST_DAY and high <= _LAST_DAY:
        days, valid = _days(numbers // 10_000, numbers // 100 % 100, numbers % 100)
        if valid.all():
            return days * (86_400 * NS), "dates written YYYYMMDD"
    return None

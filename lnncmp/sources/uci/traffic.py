"""Metro Interstate Traffic Volume (UCI 492): hourly traffic on a road of Minnesota with weather, 2012 to 2018.

As recorded there are 48,204 rows of 40,575 hours: an hour with several words for its weather has several rows. Option
`rows`: "hours" (default) keeps the first row of each hour and counts impossible weather as not measured; "recorded"
returns all rows as they are, and counts rows for times. The data card is `datasets/traffic/uci.md`.
"""

import numpy as np

from lnncmp.data.recording import Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.uci.manifest import published
from lnncmp.sources.uci.obtain import DataSet, obtain
from lnncmp.sources.uci.text import Floats, Parsed, numbers, rows_of, times

FILE = "Metro_Interstate_Traffic_Volume.csv"
COLUMNS = (
    *("holiday", "temp", "rain_1h", "snow_1h", "clouds_all", "weather_main", "weather_description"),
    *("date_time", "traffic_volume"),
)
DATES = ("%Y-%m-%d %H:%M:%S", "%m/%d/%y %H:%M")
"""As published, and as a spreadsheet writes them again."""
QUANTITIES: tuple[tuple[str, str], ...] = (
    ("traffic_volume", "vehicles/h"),
    ("holiday", "0 or 1"),
    ("temperature", "K"),
    ("rain", "mm/h"),
    ("snow", "mm/h"),
    ("clouds", "%"),
    ("weekday", "0 Monday to 6"),
    ("hour_sine", "sin(h pi / 24)"),
)
"""(name, unit) of the columns of the recording; the first is predicted."""
_COLDEST = 150.0
"""Kelvin; ten rows say 0 K."""
_WETTEST = 500.0
"""Millimetres in an hour; one row says 9,831, and no hour of rain on record has more than 500."""
_DAY = 24.0


def parse(name: str, content: bytes) -> Parsed:
    """Return weather (T, 4), volume (T,), hours since 1970 (T,), and the words for holidays (T,).

    No missing cell exists: the word None in the first column says that a day is no holiday.
    """
    header, *rows = rows_of(name, content, len(COLUMNS))
    if tuple(cell.lower() for cell in header) != COLUMNS:
        raise DataError(f"{name}: the columns should be {', '.join(COLUMNS)}")
    values = numbers(name, [[*row[1:5], row[8]] for row in rows])
    holidays = ["" if row[0] in ("None", "") else row[0] for row in rows]
    return {
        "weather": values[:, :4],
        "volume": values[:, 4],
        "hours": times(name, [row[7] for row in rows], DATES, 3600.0),
        "holiday": np.array(holidays, np.str_),
    }


DATA_SET = DataSet("traffic", "the traffic counts", parse)


def _load(context: SourceContext) -> list[Recording]:
    """Return one recording with the columns QUANTITIES; times in hours from the first row, or rows."""
    parsed = obtain(context, DATA_SET, published("traffic"))[1][FILE]
    recorded = context.options.get("rows", "hours") == "recorded"
    hours = parsed["hours"]
    marked = (parsed["holiday"] != "").astype(np.float64)
    holiday = marked if recorded else _whole_days(hours, marked)
    values = np.column_stack([parsed["volume"], holiday, parsed["weather"], *_calendar(hours)])
    if recorded:
        return [Recording(values, np.arange(len(values), dtype=np.float64), np.ones(values.shape, bool), "I-94")]
    if (np.diff(hours) < 0).any():
        raise DataError(f"{FILE}: the hours should not decrease from row to row")
    first = np.flatnonzero(np.concatenate([[True], np.diff(hours) > 0]))
    return [Recording(values[first], hours[first] - hours[0], _possible(values[first]), "I-94")]


def _whole_days(hours: Floats, marked: Floats) -> Floats:
    """Return 1 for every row of a day of which one row is marked: the file names a holiday at midnight only."""
    days = hours // _DAY
    return np.isin(days, days[marked > 0]).astype(np.float64)


def _calendar(hours: Floats) -> tuple[Floats, Floats]:
    """Return the day of the week, 0 for Monday, and sin(pi h / 24) of the hour h of the day."""
    weekday = (hours // _DAY + 3) % 7  # 1 January 1970 was a Thursday
    return weekday, np.sin(hours % _DAY * np.pi / 24)


def _possible(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which cells can have been measured."""
    names = [name for name, _ in QUANTITIES]
    observed = np.ones(values.shape, bool)
    observed[:, names.index("temperature")] = values[:, names.index("temperature")] > _COLDEST
    observed[:, names.index("rain")] = values[:, names.index("rain")] <= _WETTEST
    return observed


SOURCE = Source(
    name="uci",
    summary="Hourly traffic on a road of Minnesota with weather, 2012 to 2018 (UCI 492); downloaded once, 3 MB.",
    card="traffic",
    version=1,
    load=_load,
    fetch=lambda context: obtain(context, DATA_SET, published("traffic"), whole=True)[0],
)

"""Ozone Level Detection, eight hours (UCI 172): weather of 2,534 days in Houston and whether ozone was high.

The file has no header; `?` is a missing cell, 8% of all. The data card is `datasets/ozone/uci.md`.
"""

import numpy as np

from lnncmp.data.recording import Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.uci.manifest import published
from lnncmp.sources.uci.obtain import DataSet, obtain
from lnncmp.sources.uci.text import Parsed, numbers, rows_of, times

FILE = "eighthr.data"
CLASSES = ("normal day", "ozone day")
_LEVELS = ("85", "70", "50")
FEATURES: tuple[str, ...] = (
    *(f"wind_speed_{hour}h" for hour in range(24)),
    *("wind_speed_peak", "wind_speed_mean"),
    *(f"temperature_{hour}h" for hour in range(24)),
    *("temperature_peak", "temperature_mean"),
    *(f"{what}_{level}0hPa" for level in _LEVELS for what in ("temperature", "humidity", "u_wind", "v_wind", "height")),
    *("k_index", "t_totals", "sea_level_pressure", "pressure_change", "precipitation"),
)
"""The 72 inputs, in the order of the file."""


def parse(name: str, content: bytes) -> Parsed:
    """Return the inputs (T, 72), NaN where missing, days since 1970 (T,), and the label (T,), 1 for an ozone day."""
    rows = rows_of(name, content, len(FEATURES) + 2)
    label = numbers(name, [row[-1:] for row in rows])[:, 0]
    if not np.isin(label, (0.0, 1.0)).all():
        raise DataError(f"{name}: the last column should hold 0 or 1")
    return {
        "values": numbers(name, [row[1:-1] for row in rows], missing="?"),
        "days": times(name, [row[0] for row in rows], ("%m/%d/%Y",), 86_400.0),
        "label": label,
    }


DATA_SET = DataSet("ozone", "the ozone days", parse)


def _load(context: SourceContext) -> list[Recording]:
    """Return one recording: the label, then the 72 inputs; times in days from the first."""
    parsed = obtain(context, DATA_SET, published("ozone"))[1][FILE]
    values, days = np.column_stack([parsed["label"], parsed["values"]]), parsed["days"]
    if (np.diff(days) <= 0).any():
        raise DataError(f"{FILE}: the dates should increase from row to row")
    return [Recording(values, days - days[0], ~np.isnan(values), "Houston")]


SOURCE = Source(
    name="uci",
    summary="Weather of 2,534 days in Houston and whether ozone was high (UCI 172); downloaded once, 0.8 MB.",
    card="ozone",
    version=1,
    load=_load,
    fetch=lambda context: obtain(context, DATA_SET, published("ozone"), whole=True)[0],
)

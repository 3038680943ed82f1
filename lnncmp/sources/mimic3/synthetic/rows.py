"""From readings to rows of a chart: item numbers, units, and values as each charting system writes them."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lnncmp.sources.mimic3.synthetic.charting import Readings
from lnncmp.sources.mimic3.synthetic.cohort import Flags, Ints
from lnncmp.sources.mimic3.synthetic.items import CAREVUE, EYES, METAVISION, MOTOR, WORDS, Items
from lnncmp.sources.mimic3.synthetic.physiology import Floats

SCHEMA = {
    "stay": pl.Int64,  # index of the stay
    "time": pl.Int64,  # seconds since 1970
    "item": pl.Int64,
    "value": pl.Float64,
    "text": pl.String,  # what VALUE says; null: as the number
    "unit": pl.String,
    "error": pl.Int64,  # null in CareVue
    "tagged": pl.Boolean,  # ICUSTAY_ID is filled in
    "again": pl.Boolean,  # a second copy under another HADM_ID
}
"""Columns of a frame of chart rows."""


def frame(
    stay: Ints, time: Ints, item: NDArray[np.int64], value: Floats, text: list[str | None] | None = None
) -> pl.DataFrame:
    """Return chart rows in the columns of SCHEMA; errors are filled in later."""
    units = CAREVUE.units | METAVISION.units
    rows = pl.DataFrame({"stay": stay, "time": time, "item": item, "value": value}).with_columns(
        text=pl.Series(text, dtype=pl.String) if text is not None else pl.lit(None, pl.String),
        unit=pl.col("item").replace_strict(units, default=None, return_dtype=pl.String),
        error=pl.lit(None, pl.Int64),
        tagged=pl.lit(True),
        again=pl.lit(False),
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def chart_rows(readings: Mapping[str, Readings], metavision: Flags) -> pl.DataFrame:
    """Return the rows of all readings but urine."""
    parts = []
    for name, read in readings.items():
        if name == "urine":
            continue
        system = metavision[read.stay]
        item = np.where(system, _item(METAVISION, name)[read.way], _item(CAREVUE, name)[read.way])
        value = _as_written(name, read, system)
        text = _words(name, read.value) if name in _SCALES else None
        parts.append(frame(read.stay, read.time, item, value, text))
    return pl.concat(parts)


_SCALES = {"eyes": EYES, "words": WORDS, "motor": MOTOR}


def _item(items: Items, name: str) -> Ints:
    """Return the items (2,) of the quantity `name`, by way."""
    pressures, scales = ("sbp", "dbp", "map"), ("eyes", "words", "motor")
    if name in pressures:
        which = pressures.index(name)
        return np.array([items.arterial[which], items.cuff[which]])
    if name in scales:
        return np.array([items.gcs[scales.index(name)]] * 2)
    pairs = {"temp": (items.fahrenheit, items.celsius), "glucose": items.glucose, "fio2": items.fio2}
    singles = {"hr": items.hr, "rr": items.rr, "spo2": items.spo2}
    return np.array(pairs[name] if name in pairs else [singles[name]] * 2)


def _as_written(name: str, read: Readings, metavision: Flags) -> Floats:
    """Return values in the unit of their item; CareVue keeps fractions in single precision."""
    value: Floats = read.value
    if name == "temp":
        value = np.asarray(np.round(np.where(read.way == 0, value * 9 / 5 + 32, value), 1), dtype=np.float64)
    if name == "fio2":
        value = np.where(metavision | (read.way == 1), np.round(100 * value), value)
    if name in ("temp", "fio2"):
        value = np.where(metavision, value, np.asarray(value, dtype=np.float32).astype(np.float64))
    return value


def _words(name: str, score: Floats) -> list[str | None]:
    return [_SCALES[name][int(points) - 1] for points in score]

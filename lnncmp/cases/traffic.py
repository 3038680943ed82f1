"""Traffic on a road of Minnesota, hour by hour, from weather and calendar (UCI 492).

Usually the last years are kept for the test, each hour is there once, and the time between hours is given.
`data.preparation = "published"` is the LTC paper's table: all 48,204 rows as if they were an hour apart, windows that
share 28 of 32 rows with the next, split at random.
"""

from collections.abc import Sequence

import numpy as np

from lnncmp.cases._ltc_paper import Cut, columns_scaler, strided
from lnncmp.cases._uci import AsPublished, UciSettings, table_of, uci_case
from lnncmp.cases.base import Target
from lnncmp.cases.table.settings import Names, Task
from lnncmp.data.encoding import Quantity
from lnncmp.data.recording import Recording
from lnncmp.data.scaling import Scaler, Scalers
from lnncmp.data.task import Task as TaskOfWindows
from lnncmp.sources.table.table import Table
from lnncmp.sources.uci.traffic import QUANTITIES

_HOUR = 3600.0
_NAMES = tuple(name for name, _ in QUANTITIES)


class TrafficSettings(UciSettings):
    """The `data` table of a traffic recipe. No window spans a gap of more than a day."""

    target: Names = ("traffic_volume",)
    task: Task = "regress"
    window: int | None = 32
    stride: int | None = 8
    split: str = "time"
    max_gap: float = 24.0


def _read(recordings: Sequence[Recording]) -> Table:
    return table_of(recordings, _NAMES, (), "date_time", _HOUR)


def _cut(recordings: Sequence[Recording]) -> Cut:
    values = recordings[0].values
    volume = columns_scaler(values[:, :1])
    # Temperatures are centred, nothing else is scaled.
    mean = np.where(np.array(_NAMES[1:]) == "temperature", values[:, 1:].mean(axis=0), 0.0)
    inputs = values[:, 1:] - mean
    # The code compares the words for holidays with None, which no word is equal to.
    inputs[:, _NAMES.index("holiday") - 1] = 0.0
    target = (values[:, :1] - volume.mean) / volume.std
    scalers = Scalers(Scaler(mean, np.ones(len(mean)), fitted=True), volume)
    return Cut(strided(inputs), strided(target), scalers)


def _sample() -> list[Recording]:
    """Return two months of made-up hours with a daily course, a gap and missing temperatures."""
    rng = np.random.default_rng(0)
    hours = np.concatenate([np.arange(800.0), np.arange(840.0, 1500.0)])
    day = np.sin(hours % 24 * np.pi / 24)
    weather = rng.standard_normal((len(hours), 4)) + np.array([280, 1, 0, 40])
    volume = 3000 * day + 100 * rng.standard_normal(len(hours)) + 10 * weather[:, 0]
    values = np.column_stack([volume, hours % 240 < 24, weather, hours // 24 % 7, day])
    observed = np.ones(values.shape, bool)
    observed[rng.integers(0, len(hours), 40), _NAMES.index("temperature")] = False
    return [Recording(values, hours, observed, "sample")]


CASE = uci_case(
    "traffic",
    title="Traffic volume",
    summary="Estimate the traffic on a road, hour by hour, from weather and calendar.",
    settings=TrafficSettings,
    read=_read,
    published=AsPublished(
        _cut,
        TaskOfWindows("values", "mse", in_inputs=False),
        [Target("traffic_volume", "sd")],
        [Quantity(name, unit) for name, unit in QUANTITIES[1:]],
        {"rows": "recorded"},
    ),
    sample=_sample,
)

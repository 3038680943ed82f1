"""Days of high ozone in Houston, from the weather of the day (UCI 172).

Usually the last days are kept for the test, missing cells are told, and the time between days is given.
`data.preparation = "published"` is the LTC paper's table as its code makes it: windows are stacked along a wrong axis,
so that the network reads 626 days, four days apart, and sequences of the test hold the same days as those of the
training, shifted by one step.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lnncmp.cases._ltc_paper import Cut, one_hot, strided
from lnncmp.cases._uci import AsPublished, UciSettings, table_of, uci_case
from lnncmp.cases.base import Target
from lnncmp.cases.table.settings import Names, Share, Task, Weight
from lnncmp.data.encoding import Quantity
from lnncmp.data.recording import Recording
from lnncmp.data.scaling import Scaler, Scalers, identity
from lnncmp.data.task import LOGIT, classes
from lnncmp.sources.table.table import Table
from lnncmp.sources.uci.ozone import CLASSES, FEATURES

_DAY = 86_400.0
_WEIGHTS = (0.1, 1.6)
"""Of a day and of an ozone day in the paper's loss: 0.1 + 1.5 times the label."""


class OzoneSettings(UciSettings):
    """The `data` table of an ozone recipe."""

    target: Names = ("ozone",)
    task: Task = "classify"
    window: int | None = 32
    stride: int | None = 8
    split: str = "time"
    fractions: tuple[Share, Share, Share] = (0.6, 0.15, 0.25)
    class_weights: Literal["none", "balanced"] | tuple[Weight, ...] = "balanced"


def _read(recordings: Sequence[Recording]) -> Table:
    return table_of(recordings, ("ozone", *FEATURES), CLASSES, "date", _DAY)


def _cut(recordings: Sequence[Recording]) -> Cut:
    (recording,) = recordings
    inputs = np.where(recording.observed, recording.values, 0.0)[:, 1:]
    mean, std = inputs.mean(), inputs.std()  # one for all columns together
    x = strided((inputs - mean) / std)
    y = strided(one_hot(recording.values[:, 0], len(CLASSES)))
    scaler = Scaler(np.full(len(FEATURES), mean), np.full(len(FEATURES), std), fitted=True)
    # (windows, days of one, ...) -> (days of one, windows, ...): the code's second stacking takes days for windows.
    return Cut(x.swapaxes(0, 1), y.swapaxes(0, 1), Scalers(scaler, identity(len(CLASSES))))


def _sample() -> list[Recording]:
    """Return made-up days: hot ones are ozone days; a tenth of the cells is missing."""
    rng = np.random.default_rng(0)
    days = np.concatenate([np.arange(300.0), np.arange(304.0, 600.0)])
    values = rng.standard_normal((len(days), len(FEATURES))) + 5
    hot = values[:, :5].mean(axis=1) > 5.4
    observed = rng.random((len(days), len(FEATURES) + 1)) > 0.1
    observed[:, 0] = True
    return [Recording(np.column_stack([hot, values]), days, observed, "sample")]


CASE = uci_case(
    "ozone",
    title="Ozone days",
    summary="Tell days of high ozone from others, by 72 measurements of the weather.",
    settings=OzoneSettings,
    read=_read,
    published=AsPublished(
        _cut,
        classes(CLASSES, "balanced_error_rate", _WEIGHTS),
        [Target(name, LOGIT) for name in CLASSES],
        [Quantity(name, "") for name in FEATURES],
        {},
    ),
    sample=_sample,
)

"""Gestures of people who tell stories: the phase of the gesture in each frame of a video (UCI 302).

Usually whole videos are kept for the test and the time between frames is given. `data.preparation = "published"` is
the LTC paper's table: windows of all videos, half of each shared with the next, split at random, standardised together.
"""

from collections.abc import Sequence

import numpy as np

from lnncmp.cases._ltc_paper import Cut, columns_scaler, interleaved, one_hot
from lnncmp.cases._uci import AsPublished, UciSettings, table_of, uci_case
from lnncmp.cases.base import Target
from lnncmp.cases.table.settings import Names, Share, Task
from lnncmp.data.encoding import Quantity
from lnncmp.data.recording import Recording
from lnncmp.data.scaling import Scalers, identity
from lnncmp.data.task import LOGIT, classes
from lnncmp.sources.table.table import Table
from lnncmp.sources.uci.gesture import FEATURES, PHASES, VIDEOS

_ORDER = ("a3", "b1", "b3", "c1", "c3", "a2", "a1")
"""The videos as the paper's code reads them, which decides what the permutation of windows does."""


class GestureSettings(UciSettings):
    """The `data` table of a gesture recipe; by default four videos are for training, one for validation, two test."""

    target: Names = ("phase",)
    task: Task = "classify"
    window: int | None = 32
    stride: int | None = 16
    split: str = "group"
    fractions: tuple[Share, Share, Share] = (0.56, 0.15, 0.29)


def _read(recordings: Sequence[Recording]) -> Table:
    return table_of(recordings, ("phase", *FEATURES), PHASES, "timestamp", 1.0)


def _cut(recordings: Sequence[Recording]) -> Cut:
    videos = {recording.group: recording.values for recording in recordings}
    windows = np.concatenate([interleaved(videos[name]) for name in _ORDER])
    scaler = columns_scaler(windows[..., 1:])
    phases = one_hot(windows[..., 0], len(PHASES))
    return Cut((windows[..., 1:] - scaler.mean) / scaler.std, phases, Scalers(scaler, identity(len(PHASES))))


def _sample() -> list[Recording]:
    """Return made-up videos: each phase has a mean of its own."""
    rng = np.random.default_rng(0)
    made = []
    for video in VIDEOS:
        phase = np.repeat(rng.integers(0, len(PHASES), 20), 8).astype(np.float64)
        values = rng.standard_normal((len(phase), len(FEATURES))) + phase[:, None]
        times = np.cumsum(rng.uniform(0.02, 0.05, len(phase)))
        made.append(Recording(np.column_stack([phase, values]), times, np.ones((len(phase), 33), bool), video))
    return made


CASE = uci_case(
    "gesture",
    title="Gesture phases",
    summary="Name the phase of a gesture in each frame of a video, from velocities and accelerations of the hands.",
    settings=GestureSettings,
    read=_read,
    published=AsPublished(
        _cut,
        classes(PHASES),
        [Target(name, LOGIT) for name in PHASES],
        [Quantity(name, "") for name in FEATURES],
        {},
    ),
    sample=_sample,
    data_seed="seed",  # draws which videos are for the test
)

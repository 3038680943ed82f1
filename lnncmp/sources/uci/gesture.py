"""Gesture Phase Segmentation (UCI 302): seven videos of people who tell stories, 9,873 frames with the phase of each.

Inputs are 32 velocities and accelerations of hands and wrists (`*_va3.csv`), made by the publishers from positions
over four frames, so they begin with the fifth frame of a video. When each frame was taken stands in `*_raw.csv`, as
the digits MMSSmmm (minutes, seconds, milliseconds): read as one number, a minute would seem to be followed by a gap of
40 seconds. Without these files frames are counted. The data card is `datasets/gesture/uci.md`.
"""

from collections.abc import Mapping

import numpy as np

from lnncmp.data.recording import Recording
from lnncmp.errors import DataError
from lnncmp.sources.base import Source, SourceContext
from lnncmp.sources.uci.manifest import published
from lnncmp.sources.uci.obtain import DataSet, obtain
from lnncmp.sources.uci.text import Floats, Parsed, numbers, rows_of

VIDEOS = ("a1", "a2", "a3", "b1", "b3", "c1", "c3")
PHASES = ("rest", "preparation", "stroke", "hold", "retraction")
"""The phases; in the files of features D is rest, and the others have their initials."""
_INITIALS = ("D", "P", "S", "H", "R")
_PARTS = ("left_hand", "right_hand", "left_wrist", "right_wrist")
_AXES = ("x", "y", "z")
FEATURES: tuple[str, ...] = (
    *(f"{part}_velocity_{axis}" for part in _PARTS for axis in _AXES),
    *(f"{part}_acceleration_{axis}" for part in _PARTS for axis in _AXES),
    *(f"{part}_speed" for part in _PARTS),
    *(f"{part}_scalar_acceleration" for part in _PARTS),
)
"""The 32 inputs, in the order of the files; no unit is published."""
_FIRST = 4
"""The frame of a video, counted from 0, that the first row of features belongs to."""


def parse(name: str, content: bytes) -> Parsed:
    """Return the features (T, 32) and phases (T,) of a `*_va3.csv`, or the times in seconds (T,) of a `*_raw.csv`."""
    return _times(name, content) if name.endswith("_raw.csv") else _features(name, content)


def _features(name: str, content: bytes) -> Parsed:
    # The last column is called Phase or phase, by file; the others have numbers for names.
    header, *rows = rows_of(name, content, len(FEATURES) + 1)
    if header[-1].lower() != "phase":
        raise DataError(f"{name}: the last column should be called Phase")
    codes = {initial: float(code) for code, initial in enumerate(_INITIALS)}
    for number, row in enumerate(rows, start=1):
        if row[-1] not in codes:
            raise DataError(f"{name}: row {number} of the data has none of the phases {', '.join(_INITIALS)}")
    values = numbers(name, [row[:-1] for row in rows])
    return {"values": values, "phase": np.array([codes[row[-1]] for row in rows])}


def _times(name: str, content: bytes) -> Parsed:
    _, *rows = rows_of(name, content, 20)
    digits = numbers(name, [row[18:19] for row in rows])[:, 0]
    minutes, rest = np.divmod(digits, 100_000)
    if (rest >= 60_000).any() or (digits < 0).any():
        raise DataError(f"{name}: the timestamps are not minutes, seconds and milliseconds (MMSSmmm)")
    seconds = minutes * 60 + rest / 1000
    hours = np.concatenate([[0.0], np.cumsum(np.diff(seconds) < -1800)])  # the clock begins anew after an hour
    seconds = seconds + 3600 * hours
    if (np.diff(seconds) <= 0).any():
        raise DataError(f"{name}: the timestamps do not increase from row to row")
    return {"times": seconds}


DATA_SET = DataSet("gesture", "the gesture recordings", parse)


def _load(context: SourceContext) -> list[Recording]:
    """Return one recording per video: phase codes, then the 32 features; times in seconds from its first frame."""
    files = obtain(context, DATA_SET, published("gesture"))[1]
    clocks = [f"{video}_raw.csv" in files for video in VIDEOS]
    if not all(clocks):
        context.warn("the gesture files *_raw.csv, which hold the times of the frames, are missing: frames are counted")
    made = []
    for video in VIDEOS:
        features = files[f"{video}_va3.csv"]
        values = np.column_stack([features["phase"], features["values"]])
        times = _clock(video, files, len(values)) if all(clocks) else np.arange(len(values), dtype=np.float64)
        made.append(Recording(values, times, np.ones(values.shape, bool), video))
    return made


def _clock(video: str, files: Mapping[str, Parsed], rows: int) -> Floats:
    """Return when each row of features was taken, in seconds from the first. Raises DataError if there are others."""
    times = files[f"{video}_raw.csv"]["times"][_FIRST:]
    if len(times) != rows:
        raise DataError(f"{video}_raw.csv has {len(times) + _FIRST:,} frames, expected {rows + _FIRST:,}")
    return np.asarray(times - times[0])


SOURCE = Source(
    name="uci",
    summary="Seven videos of gestures with the phase of each frame (UCI 302); downloaded once, 5 MB, checked by hash.",
    card="gesture",
    version=1,
    load=_load,
    fetch=lambda context: obtain(context, DATA_SET, published("gesture"), whole=True)[0],
)

"""From stays to windows: which rows make a window, its inputs, the next hour at each of them, the hours after it.

Legend of shapes: N windows, T rows of a window, K hours ahead, C core variables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lnncmp.cases.mimic3.features import Floats, Stay, beside_predictions, inputs_of, next_hour
from lnncmp.data.windows import Futures, Windows

_SLACK = 1e-6


@dataclass(frozen=True)
class Anchor:
    """A window: the stay's place in the list, and its first and last input row."""

    stay: int
    first: int
    last: int


@dataclass(frozen=True)
class Frame:
    """How windows are cut: hours of context, hours ahead, most rows of a window, core variables.

    measured: predictions that are fed back count as measurements. known: whether each core variable is there at all,
    () = all; predictions of another are not fed back.
    """

    context: int
    horizon: int
    most_steps: int
    core: int
    measured: bool = False
    known: tuple[bool, ...] = ()

    @property
    def fed_back(self) -> NDArray[np.bool_]:
        """Which predictions are fed back (C,)."""
        return np.array(self.known or (True,) * self.core)


def ends(times: Floats, frame: Frame) -> NDArray[np.intp]:
    """Return the rows with a whole context behind them and a whole horizon before them; `times` (T,) in hours."""
    if not len(times):
        return np.zeros(0, np.intp)
    fits = (times - times[0] >= frame.context - 1 - _SLACK) & (times + frame.horizon <= times[-1] + _SLACK)
    return np.flatnonzero(fits)


def anchors(stays: Sequence[Stay], frame: Frame, stride: int, at_most: int | None) -> list[Anchor]:
    """Return the windows of `stays`; each ends in one of the rows `ends`.

    Every `stride`-th of these rows of a stay ends one, the first among them; more than `at_most` are thinned evenly.
    """
    found = []
    for number, stay in enumerate(stays):
        times = stay.times
        for last in ends(times, frame)[::stride]:
            first = int(np.searchsorted(times, times[last] - frame.context + _SLACK, side="right"))
            found.append(Anchor(number, max(first, int(last) - frame.most_steps + 1), int(last)))
    if at_most is None or len(found) <= at_most:
        return found
    return [found[row] for row in np.linspace(0, len(found) - 1, at_most).round().astype(int)]


def cut(
    stays: Sequence[Stay], inputs: Sequence[Stay], places: Sequence[Anchor], frame: Frame, more: int = 0
) -> Windows:
    """Return the windows at `places`: inputs of the stays `inputs`, targets of `stays`, which have the same rows.

    more: rows after the last one that are given as inputs too; the stay must have them. Windows shorter than
    frame.most_steps + more are padded at the end.
    """
    given = {place.stay: inputs_of(inputs[place.stay], frame.core) for place in places}
    truth = {n: next_hour(stays[n], frame.core, stays[n].times) for n in given}
    elapsed = {n: np.diff(stays[n].times, prepend=stays[n].times[0] - 1.0) for n in given}
    features = (stays[0].values.shape[1] if stays else frame.core) * 3
    shape = (len(places), frame.most_steps + more)
    x = np.zeros((*shape, features), np.float32)
    y = np.zeros((*shape, frame.core), np.float32)
    target_mask = np.zeros((*shape, frame.core), bool)
    valid, dt = np.zeros(shape, bool), np.ones(shape, np.float32)
    for row, place in enumerate(places):
        rows = slice(place.first, place.last + 1 + more)
        count = rows.stop - rows.start
        x[row, :count], dt[row, :count], valid[row, :count] = given[place.stay][rows], elapsed[place.stay][rows], True
        values, observed = truth[place.stay]
        y[row, :count], target_mask[row, :count] = values[rows], observed[rows]
    groups = np.array([stays[place.stay].group for place in places], np.str_)
    # An input that was never measured is the training mean with mask 0 and age 1, so all of x is given.
    return Windows(x, dt, valid, np.ones(x.shape, bool), y, target_mask, groups)


def futures(stays: Sequence[Stay], places: Sequence[Anchor], context: Windows, frame: Frame) -> Futures:
    """Return the hours after the windows `context`, which were cut at `places`, hour by hour."""
    shape = (len(places), frame.horizon, frame.core)
    future, observed = np.zeros(shape, np.float32), np.zeros(shape, bool)
    by_stay: dict[int, list[int]] = {}
    for row, place in enumerate(places):
        by_stay.setdefault(place.stay, []).append(row)
    for number, rows in by_stay.items():
        now = stays[number].times[[places[row].last for row in rows]]
        for k in range(frame.horizon):
            future[rows, k], observed[rows, k] = next_hour(stays[number], frame.core, now, first=float(k))
    last = context.valid.sum(axis=1) - 1
    others = beside_predictions(
        context.x[np.arange(len(places)), last], frame.core, frame.horizon, frame.fed_back & frame.measured
    )
    return Futures(context, future, np.ones(shape[:2], np.float32), observed, others, frame.fed_back)

"""The axis of the errors of a picture: linear with means, or logarithmic with geometric means, and what it shows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

from matplotlib.axes import Axes

from lnncmp.comparison.table import Interval
from lnncmp.report.figures import style

REACH = 30.0
"""How many times smaller or larger than those of the models the errors of baselines may be and still be shown, at most:
the square of how many times those of the models are from one another, but at least `_REACH`."""
_REACH = 2.0
_BEYOND = 100.0
"""How many times the largest of the models' own least errors an axis shows: what explodes leaves it."""
_INTERVAL = 3.0
"""How many times smaller or larger than all means the end of an interval may be and still be shown."""


class Known(Protocol):
    """An error over seeds: `Estimate`, `CurvePoint`."""

    @property
    def mean(self) -> float | None:
        """The mean, None if a seed has none that is finite."""

    @property
    def ci95(self) -> Interval | None:
        """Its interval."""

    @property
    def geometric_mean(self) -> float | None:
        """The geometric mean, None unless all seeds are above zero."""

    @property
    def geometric_ci95(self) -> Interval | None:
        """Its interval, above zero."""


class Spot(NamedTuple):
    """An error on the axis and the ends of its interval; the error itself where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorAxis:
    """Whether the axis is logarithmic, and its ends."""

    log: bool
    low: float
    high: float

    @property
    def words(self) -> str:
        """What is shown of an error over seeds."""
        return self.means.replace("mean ", "mean with 95% interval ")

    @property
    def means(self) -> str:
        """The same where no interval is shown."""
        return "geometric mean over seeds" if self.log else "mean over seeds"

    def over(self, seeds: int) -> str:
        """Return what is shown of this many seeds: "mean of 6 seeds"."""
        return "1 seed" if seeds == 1 else f"{'geometric mean' if self.log else 'mean'} of {seeds} seeds"

    def spot(self, known: Known) -> Spot | None:
        """Return where an error is shown, None if it is not known."""
        value, ends = (known.geometric_mean, known.geometric_ci95) if self.log else (known.mean, known.ci95)
        return None if value is None else Spot(value, *(ends or (value, value)))

    def share(self, value: float) -> float:
        """Return where on the axis `value` is: 0 at its lower end, 1 at its upper one."""
        low, high, at = (math.log(one) if self.log else one for one in (self.low, self.high, value))
        return (at - low) / (high - low)

    def holds(self, value: float) -> bool:
        """Return whether the axis reaches as far as `value`."""
        return self.low <= value <= self.high

    def beyond(self, models: Mapping[str, Sequence[Known]], others: Mapping[str, Sequence[float]]) -> str:
        """Return a sentence on those who leave the axis, after a semicolon; empty if nobody does."""
        own = {name: [spot.value for known in all_of if (spot := self.spot(known))] for name, all_of in models.items()}
        names = [name for name, values in (own | dict(others)).items() if not all(map(self.holds, values))]
        return f"; in part beyond the axis: {', '.join(names)}" if names else ""

    def put_on(self, axes: Axes, which: Literal["x", "y"] = "y") -> None:
        """Give the axis its scale, ends, ticks and grid."""
        if self.log:
            style.log_axis(axes, self.high / self.low, which)
        axes.set(**{f"{which}lim": (self.low, self.high)})
        axes.grid(True, axis=which)


def error_axis(
    models: Mapping[str, Sequence[Known]],
    others: Mapping[str, Sequence[float]],
    *,
    from_zero: bool = False,
    factor: float = style.LOG_FACTOR,
) -> ErrorAxis:
    """Return the axis for the errors of `models` and of baselines (`others`).

    It is logarithmic if they span more than `factor` and all are above zero. A baseline that is exact or far off, an
    error that explodes and an interval of two seeds must not stretch it until the models fall together.
    from_zero: where a linear axis begins.
    """
    known = [one for all_of in models.values() for one in all_of if one.mean is not None]
    logs = ErrorAxis(all(one.geometric_mean is not None for one in known), 0.0, 0.0)
    spots = _kept(logs, models)
    if not spots:
        return ErrorAxis(False, 0.0, 1.0)
    own = [spot.value for spot in spots]
    least, most = min(own), max(own)
    reach = min(REACH, max(_REACH, (most / least) ** 2)) if logs.log else REACH
    near = [v for values in others.values() for v in values if least / reach <= v <= most * reach]
    shown = [*own, *near]
    if not logs.log or max(shown) <= factor * min(shown):
        return _linear(_kept(ErrorAxis(False, 0.0, 0.0), models), others, from_zero)
    low = max(min(spot.low for spot in spots), least / _INTERVAL)
    high = min(max(spot.high for spot in spots), most * _INTERVAL)
    return replace(logs, low=min([low, *shown]) / 1.15, high=max([high, *shown]) * 1.15)


def _kept(axis: ErrorAxis, models: Mapping[str, Sequence[Known]]) -> list[Spot]:
    """Return the errors on an axis without those that explode."""
    spots = [[spot for one in all_of if (spot := axis.spot(one))] for all_of in models.values()]
    least = max((min(spot.value for spot in own) for own in spots if own), default=0.0)
    return [spot for own in spots for spot in own if spot.value <= _BEYOND * least or least <= 0]


def _linear(spots: Sequence[Spot], others: Mapping[str, Sequence[float]], from_zero: bool) -> ErrorAxis:
    """Return an axis that keeps the models apart: baselines further off than these from one another do not count."""
    values = [spot.value for spot in spots]
    room = (_INTERVAL - 1) * max(map(abs, values))
    floor = 0.0 if min(values) >= 0 else min(values) - room
    low, high = max(min(spot.low for spot in spots), floor), min(max(spot.high for spot in spots), max(values) + room)
    span = high - low or abs(high) or 1.0
    near = [v for values in others.values() for v in values if low - span <= v <= high + span]
    low, high = min([low, *near]), max([high, *near])
    if from_zero:
        return ErrorAxis(False, 0.0, 1.06 * high or 1.0)
    margin = 0.08 * (high - low or span)
    return ErrorAxis(False, low - margin, high + margin)

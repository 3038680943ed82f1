"""What tuning varies, the same three dimensions for every model: learning rate, its decay, one argument of the model.

A point of the space has plain, rounded numbers, so that a trial and its identity are the same on every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lnncmp.models.base import Tuned

RATES = (1e-4, 1.0)
"""Learning rates, four decades, on a logarithmic scale."""
RATES_LEFT = (0.01, 1.0)
"""Shares of the learning rate that are left after the last epoch, on a logarithmic scale; 1: no decay."""
DIMENSIONS = ("learning_rate", "rate_left", "argument")
"""The names of the dimensions."""
EDGE = 0.05
"""Which share of a range, from either end, counts as its edge."""
_DIGITS = 3
"""Significant digits of sampled numbers."""
Point = Mapping[str, Any]
"""A value for each of DIMENSIONS."""


@dataclass(frozen=True)
class Space:
    """The settings of one model among which tuning searches. default: those of the recipe, in the ranges or not."""

    tuned: Tuned
    default: Point

    def at(self, place: "np.ndarray[Any, Any]") -> Point:
        """Return the point at a place (3,) of the unit cube."""
        rate, left, which = (float(part) for part in place)
        choices = self.tuned.values
        return self.rounded(
            {
                "learning_rate": _between(RATES, rate),
                "rate_left": _between(RATES_LEFT, left),
                "argument": choices[min(int(which * len(choices)), len(choices) - 1)],
            }
        )

    def rounded(self, point: Point) -> Point:
        """Return a point with numbers of three significant digits, still within their ranges."""
        ranges = {"learning_rate": RATES, "rate_left": RATES_LEFT}
        return {
            **point,
            **{name: min(max(float(f"{point[name]:.{_DIGITS}g}"), low), high) for name, (low, high) in ranges.items()},
        }

    def holds(self, point: Point) -> bool:
        """Tell whether a point lies within the ranges: that of a recipe may not."""
        return (
            RATES[0] <= point["learning_rate"] <= RATES[1]
            and RATES_LEFT[0] <= point["rate_left"] <= RATES_LEFT[1]
            and point["argument"] in self.tuned.values
        )

    def edges(self, point: Point) -> list[str]:
        """Return at which ends of which ranges a point lies, e.g. "learning_rate (high)".

        No decay at all is no edge: there is nothing beyond. Nor is an alternative that is not a number.
        """
        found = []
        for name, ends in (("learning_rate", RATES), ("rate_left", RATES_LEFT)):
            place = float(np.log(point[name] / ends[0]) / np.log(ends[1] / ends[0]))
            found += [f"{name} (low)"] if place < EDGE else []
            found += [f"{name} (high)"] if place > 1 - EDGE and name != "rate_left" else []
        values, value = self.tuned.values, point["argument"]
        if len(values) > 2 and all(isinstance(one, int | float) for one in values):
            found += [f"{self.tuned.argument} (low)"] if value <= values[0] else []
            found += [f"{self.tuned.argument} (high)"] if value >= values[-1] else []
        return found


def _between(ends: tuple[float, float], place: float) -> float:
    """Return the number at a place from 0 to 1 of a logarithmic range."""
    return float(ends[0] * (ends[1] / ends[0]) ** place)

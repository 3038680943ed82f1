"""How low the validation loss of each model was after how many epochs and seconds: who wins at which budget.

Reads the histories of runs. Only runs that ended well count; a run that stopped on a plateau keeps its last value.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from lnncmp.comparison.rows import outcome
from lnncmp.records.schema import RunRecord

Runs = Mapping[str, Sequence[RunRecord]]


@dataclass(frozen=True)
class BudgetPoint:
    """The lowest validation loss so far after `epochs` epochs: median over seeds, least and largest.

    seconds: median time of training until then; where seeds were trained in one call, a run's share of it.
    """

    epochs: int
    seconds: float
    loss: float
    low: float
    high: float


def budget_curves(runs: Runs) -> dict[str, list[BudgetPoint]]:
    """Return a curve for each row of a table that has runs with positive losses. runs: by row."""
    found = {row: _curve([run for run in group if outcome(run) == "ok" and run.history]) for row, group in runs.items()}
    return {row: curve for row, curve in found.items() if curve}


def median_losses(runs: Sequence[RunRecord]) -> dict[int, float]:
    """Return the median of the validation loss by epoch over the runs that ended well, up to where the first ended.

    Beyond that it would be a median over other runs. Only where it is positive and finite; empty under two runs.
    """
    found = [{e.epoch: e.validation_loss for e in run.history} for run in runs if outcome(run) == "ok" and run.history]
    if len(found) < 2:
        return {}
    shared = sorted(set.intersection(*map(set, found)))
    medians = {epoch: statistics.median(losses[epoch] for losses in found) for epoch in shared}
    return {epoch: loss for epoch, loss in medians.items() if 0 < loss < math.inf}


def leaders(curves: Mapping[str, Sequence[BudgetPoint]], by: str) -> list[tuple[float, str]]:
    """Return who has the lowest median loss from which budget on: (budget, row), in order of budget.

    by: "epochs" or "seconds". A model takes part from its first epoch on.
    """
    budgets = sorted({float(getattr(point, by)) for curve in curves.values() for point in curve})
    found: list[tuple[float, str]] = []
    for budget in budgets:
        losses = {row: _at(curve, by, budget) for row, curve in curves.items()}
        known = {row: loss for row, loss in losses.items() if loss is not None}
        best = min(known, key=lambda row: known[row])
        if not found or found[-1][1] != best:
            found.append((budget, best))
    return found


def _at(curve: Sequence[BudgetPoint], by: str, budget: float) -> float | None:
    """Return the loss that was reached within a budget, None if not even one epoch fits."""
    return min((point.loss for point in curve if getattr(point, by) <= budget), default=None)


def _curve(runs: Sequence[RunRecord]) -> list[BudgetPoint]:
    losses = [list(accumulate((epoch.validation_loss for epoch in run.history), min)) for run in runs]
    times = [list(accumulate(epoch.seconds for epoch in run.history)) for run in runs]
    longest = max(map(len, losses), default=0)
    points = []
    for n in range(longest):
        values = [own[min(n, len(own) - 1)] for own in losses]
        seconds = statistics.median(own[min(n, len(own) - 1)] for own in times)
        if min(values) > 0:
            points.append(BudgetPoint(n + 1, seconds, statistics.median(values), min(values), max(values)))
    return points

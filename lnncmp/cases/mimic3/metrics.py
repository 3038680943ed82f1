"""Metrics of predicted patient states: errors by hour ahead, how they grow, when skill ends.

Legend of shapes: N windows, K hours ahead, C core variables, R bootstrap samples.
"""

from collections.abc import Sequence

import numpy as np

from lnncmp.cases.base import MetricValues
from lnncmp.cases.mimic3.errors_by_hour import Floats, Sums, pooled
from lnncmp.records.horizon_metrics import horizon_values
from lnncmp.records.metric import Metric
from lnncmp.sources.mimic3.variables import CORE

HOURS = (1, 2, 4, 6, 12)
"""Hours ahead at which errors are reported."""


def metrics() -> tuple[Metric, ...]:
    """Return the metrics of the case, those of single variables last and only in JSON and CSV."""
    free = [
        Metric(
            name=f"z_rmse_{hour}h",
            heading=f"z-RMSE\nat {hour} h",
            unit="sd",
            better="lower",
            formula=f"mean over the variables of the root mean squared error, {hour} h after the last true input, "
            "predictions being fed back; over observed targets, in standard deviations of the training data",
        )
        for hour in HOURS
    ]
    growth = [
        Metric(
            name="accumulation_ratio",
            heading="Error\ngrowth",
            unit="",
            better="lower",
            formula="z-RMSE at the last hour of free-running prediction over that of one-step predictions of the same "
            "hour from true inputs: 1 is no accumulation of error",
        ),
        Metric(
            name="first_hour_without_skill",
            heading="Skill\nends at",
            unit="h",
            better="higher",
            formula="first hour at which the mean squared error of free-running prediction is not below that of the "
            "last measured values (persistence); one more than the horizon if skill never ends",
            compared=False,
        ),
    ]
    return (*free, *growth, *_details())


def _details() -> list[Metric]:
    found = [
        Metric(
            name=f"teacher_z_rmse_{hour}h",
            heading=f"one-step z-RMSE\nat {hour} h",
            unit="sd",
            better="lower",
            formula="as z-RMSE, of one-step predictions of the same hours from true inputs",
            compared=False,
            detail=True,
        )
        for hour in HOURS
    ]
    for variable in CORE:
        for hour in HOURS:
            shared = {"better": "lower", "compared": False, "detail": True}
            where = f"of {variable.words}, {hour} h after the last true input"
            found.append(
                Metric(
                    name=f"z_rmse_{variable.name}_{hour}h",
                    heading=f"z-RMSE {variable.name}\nat {hour} h",
                    unit="sd",
                    formula=f"root mean squared error {where}",
                    **shared,
                )
            )
            found.append(
                Metric(
                    name=f"mae_{variable.name}_{hour}h",
                    heading=f"MAE {variable.name}\nat {hour} h",
                    unit=variable.unit,
                    formula=f"mean absolute error {where}, in clinical units",
                    **shared,
                )
            )
    return found


def measured(
    free: Sums,
    teacher: Sums | None,
    naive: Sums,
    one_step: Sums,
    std: Floats,
    weights: Floats,
    target_std: Floats,
) -> MetricValues:
    """Return all metrics with their bootstrap replicates.

    free, naive (K hours): of free-running prediction, and of persistence. teacher: of one-step
    predictions of the same hours, None if there are none. one_step (1 hour): over all rows of the test windows.
    std (C,): of the training data, in clinical units. target_std (C,): of the training targets, in units of the sums.
    weights (R, G): see `bootstrap_weights`. The metrics over the horizon are every case's (`horizon_metrics`): here are
    their replicates only. Left out is what is not defined: hours beyond K, variables that were not observed then,
    replicates of which one is not defined.
    """
    whole = pooled(free)
    hours = [hour for hour in HOURS if hour <= whole.squared.shape[1]]
    values = {f"z_rmse_{hour}h": float(whole.mean_rmse()[0, hour - 1]) for hour in hours}
    replicates = {
        f"z_rmse_{hour}h": row
        for hour, row in zip(hours, _rows(free.resampled(weights).mean_rmse(), hours), strict=True)
    }
    if teacher is not None:
        values |= {f"teacher_z_rmse_{hour}h": float(pooled(teacher).mean_rmse()[0, hour - 1]) for hour in hours}
        values["accumulation_ratio"] = float(_growth(whole, pooled(teacher))[0])
        replicates["accumulation_ratio"] = _growth(free.resampled(weights), teacher.resampled(weights)).tolist()
    values["first_hour_without_skill"] = _end_of_skill(whole, pooled(naive))
    for number, variable in enumerate(CORE):
        for hour in hours:
            values[f"z_rmse_{variable.name}_{hour}h"] = float(whole.rmse()[0, hour - 1, number])
            values[f"mae_{variable.name}_{hour}h"] = float(whole.mae()[0, hour - 1, number] * std[number])
    replicates |= _over_horizon(free.resampled(weights), naive.resampled(weights), target_std)
    replicates["mse"] = one_step.resampled(weights).mean_mse()[:, 0].tolist()
    known = {name: value for name, value in values.items() if not np.isnan(value)}
    return MetricValues(known, {name: row for name, row in replicates.items() if not np.isnan(row).any()})


def _over_horizon(free: Sums, naive: Sums, target_std: Floats) -> dict[str, list[float]]:
    """Return the metrics over the horizon, by name and bootstrap sample; those that every sample has."""
    both = zip(free.mean_nmse(target_std).tolist(), naive.mean_nmse(target_std).tolist(), strict=True)
    found = [horizon_values(errors, persistence) for errors, persistence in both]
    return {name: [one[name] for one in found] for name in found[0] if all(name in one for one in found)}


def _rows(values: Floats, hours: Sequence[int]) -> list[list[float]]:
    return [values[:, hour - 1].tolist() for hour in hours]


def _growth(free: Sums, teacher: Sums) -> Floats:
    """Return (R,): the z-RMSE of the last hour over that of one-step predictions.

    NaN where both are 0 or nothing was observed; infinite where either is, also where both are.
    """
    last, from_truth = free.mean_rmse()[:, -1], teacher.mean_rmse()[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isinf(last) | np.isinf(from_truth), np.inf, last / from_truth)


def _end_of_skill(free: Sums, naive: Sums) -> float:
    """Return the first hour, counted from 1, without skill; hours without an observed target do not count."""
    error, known = free.mean_mse()[0], naive.mean_mse()[0]
    lost = ~(error < known) & ~np.isnan(known)
    if np.isnan(known).all():
        return float("nan")
    return float(np.argmax(lost) + 1 if lost.any() else len(lost) + 1)

"""From the records of one model to its row of the comparison: means over seeds, costs, noise slope.

Statistics are recomputed from raw values each time. Runs that did not end well are counted, but excluded from means.
"""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lnncmp import stats
from lnncmp.comparison.by_target import by_target
from lnncmp.comparison.costs import cost_fields
from lnncmp.comparison.estimates import cells, estimates
from lnncmp.comparison.table import (
    BaselineRow,
    CostRow,
    Counts,
    CurvePoint,
    ModelRow,
    PerturbationSummary,
    PerturbationValue,
    many_kinds,
)
from lnncmp.data.task import CLASS_ERRORS
from lnncmp.models.base import GROUPS, group_of
from lnncmp.records.operations import OperationCounts
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, PerturbationPoint, RunRecord, Scores, Status

Shape = tuple[int, int]
_Key = tuple[str, str, float | None]
_SCALED = dict.fromkeys(CLASS_ERRORS, "log_loss")
"""Main error -> the one without a unit, by which growth under noise is measured; NMSE if not named."""


def error_of(scores: Scores | None, metric: str | None = None) -> float | None:
    """Return one metric of the test split, the main error if none is named, or None if it was not scored."""
    return None if scores is None else scores.metrics.get("test", {}).get(metric or scores.main)


def outcome(run: RunRecord) -> Status:
    """Return the status of a run as the table counts it.

    A run that calls itself ok counts as failed without a test error, and as diverged if that error is not finite.
    """
    if run.status != "ok":
        return run.status
    error = error_of(run.scores)
    if error is None:
        return "failed"
    return "ok" if math.isfinite(error) else "diverged"


def ok_scores(runs: Iterable[RunRecord]) -> dict[int, Scores]:
    """Return the scores of the runs that ended well, by root seed."""
    return {run.seeds.root: run.scores for run in runs if run.scores is not None and outcome(run) == "ok"}


def errors_by_seed(runs: Iterable[RunRecord], metric: str | None = None) -> dict[int, float]:
    """Return one metric of the test split (None: the main error) by root seed, of runs that ended well and have it."""
    return _errors(ok_scores(runs), metric)


def replicates_by_seed(runs: Iterable[RunRecord], metric: str | None = None) -> dict[int, list[float]]:
    """Return one metric (None: the main error) over bootstrap samples of the test groups, by seed, where known."""
    return _replicates(ok_scores(runs), metric)


def _errors(scores: Mapping[int, Scores], metric: str | None) -> dict[int, float]:
    return _by_seed(scores, lambda one: error_of(one, metric))


def _replicates(scores: Mapping[int, Scores], metric: str | None) -> dict[int, list[float]]:
    named = {seed: (score.replicates, metric or score.main) for seed, score in scores.items()}
    return {seed: found[name] for seed, (found, name) in named.items() if name in found}


def _by_seed(scores: Mapping[int, Scores], value: Callable[[Scores], float | None]) -> dict[int, float]:
    found = {seed: value(score) for seed, score in scores.items()}
    return {seed: number for seed, number in found.items() if number is not None}


def curve(scores: Mapping[int, Scores]) -> list[CurvePoint]:
    """Return the mean free-running error over seeds at every step that any seed has, in order of step."""
    by_step: dict[int, dict[int, float]] = {}
    for seed, score in scores.items():
        for point in score.horizons:
            by_step.setdefault(point.step, {})[seed] = point.error
    steps = sorted(by_step)
    return [
        CurvePoint(
            step=step,
            mean=made.mean,
            ci95=made.ci95,
            geometric_mean=made.geometric_mean,
            geometric_ci95=made.geometric_ci95,
            seeds=len(made.seeds),
            not_finite=made.values.count(None),
        )
        for step, made in zip(steps, cells([by_step[step] for step in steps]), strict=True)
    ]


def noise_slope(scores: Scores) -> float | None:
    """Return the noise slope of one predictor from its perturbations of group "noise" (`stats.noise_slope`)."""
    points = [point for point in scores.perturbations if point.group == "noise" and point.level is not None]
    clean = error_of(scores, _SCALED.get(scores.main, "nmse"))
    if clean is None:
        return None
    return stats.noise_slope([p.level for p in points if p.level is not None], [p.scaled for p in points], clean)


def timespans_change(scores: Scores) -> float | None:
    """Return the relative change of the test error when every elapsed time is 1 at test time (0.01 = 1% more error)."""
    clean = error_of(scores)
    for point in scores.perturbations:
        if (point.group, point.name) == ("timespans", "ones") and clean:
            return point.error / clean - 1
    return None


def _key(point: PerturbationPoint) -> _Key:
    return point.group, point.name, point.level


def perturbations(scores: Mapping[int, Scores]) -> list[PerturbationSummary]:
    """Return error and ratio to the error of persistence over seeds, for each perturbation, in the order stored."""
    by_key: dict[_Key, dict[int, PerturbationPoint]] = {}
    for seed in sorted(scores):
        for point in scores[seed].perturbations:
            by_key.setdefault(_key(point), {})[seed] = point

    each = list(by_key.values())
    errors = [{seed: p.error for seed, p in found.items()} for found in each]
    ratios = [{seed: p.ratio for seed, p in found.items() if p.ratio is not None} for found in each]
    scaled_errors = [{seed: p.scaled for seed, p in found.items()} for found in each]
    made, count = estimates([*errors, *ratios, *scaled_errors]), len(each)
    columns = made[:count], made[count : 2 * count], made[2 * count :]
    return [
        PerturbationSummary(group=group, name=name, level=level, error=error, ratio=ratio, scaled=scaled)
        for (group, name, level), error, ratio, scaled in zip(by_key, *columns, strict=True)
    ]


def as_run(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Return what an epoch took in training: the median over runs of each run's median epoch, and the largest stack.

    A run of a stack has its share of the stack's time, so this is no time of a model alone.
    """
    medians = [statistics.median(epoch.seconds for epoch in run.history) for run in runs if run.history]
    most = max((run.stacked for run in runs), default=1)
    return {"run_epoch_seconds": statistics.median(medians) if medians else None, "run_stacked": most}


def cost_shape(costs: Mapping[str, MeasurementRecord]) -> Shape | None:
    """Return the (batch, steps) at which most models were measured, the largest of those if tied. costs: by row."""
    counts = Counter((record.batch, record.steps) for record in costs.values())
    return max(counts, key=lambda shape: (counts[shape], shape), default=None)


def _convergence(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the fields of a row on how the training of its runs ended; nothing without a history."""
    found = [run.convergence for run in runs if run.convergence is not None and outcome(run) == "ok"]
    if not found:
        return {}
    epochs = [one.epochs for one in found]
    return {
        "n_converged": sum(one.converged for one in found),
        "last_gain": statistics.median(one.gain for one in found),
        "epochs": (min(epochs), max(epochs)),
    }


def _middle(values: Iterable[int]) -> int:
    return statistics.median_low(values)


def _structure(runs: Sequence[RunRecord]) -> dict[str, int]:
    names = dict.fromkeys(name for run in runs for name in run.structure)
    return {name: _middle(run.structure[name] for run in runs if name in run.structure) for name in names}


def model_row(
    runs: Sequence[RunRecord],
    cost: MeasurementRecord | None,
    shape: Shape | None,
    horizons: Sequence[int],
    names: Mapping[str, str],
) -> ModelRow:
    """Return the row of the model that all `runs` share. names: key in the row -> name of the metric in records.

    Sizes are low medians over runs (wiring may vary by seed).
    """
    outcomes = Counter(outcome(run) for run in runs)
    scores = ok_scores(runs)
    points = curve(scores)
    means = {point.step: point.mean for point in points}
    implementation = "+".join(sorted({run.implementation for run in runs}))
    *metrics, slope, change = estimates(
        [
            *(_errors(scores, name) for name in names.values()),
            _by_seed(scores, noise_slope),
            _by_seed(scores, timespans_change),
        ],
        [_replicates(scores, name) for name in names.values()],
    )
    counts = {name: _middle(getattr(run.parameters, name) for run in runs) for name in Counts.model_fields}
    return ModelRow(
        model=runs[0].model,
        group=group_of(runs[0].recipe.model.name),
        implementation=implementation,
        n_ok=outcomes["ok"],
        n_diverged=outcomes["diverged"],
        n_failed=outcomes["failed"],
        n_stopped=outcomes["stopped"],
        **_convergence(runs),
        tuning=runs[0].tuning,
        params=Counts(**counts),
        structure=_structure(runs),
        metrics=dict(zip(names, metrics, strict=True)),
        per_target=by_target(scores.values()),
        horizons={str(step): means.get(step) for step in horizons},
        curve=points,
        noise_slope=slope,
        perturbations=perturbations(scores),
        timespans_change=change,
        **as_run([run for run in runs if outcome(run) == "ok"]),
        operations=_operations(runs),
        **cost_fields(cost, shape),
    )


def _operations(runs: Sequence[RunRecord]) -> OperationCounts | None:
    """Return the means over the runs whose operations were counted."""
    found = [run.operations for run in runs if run.operations is not None]
    if not found:
        return None
    names = OperationCounts.model_fields
    return OperationCounts(**{name: statistics.fmean(getattr(one, name) for one in found) for name in names})


def cost_row(record: MeasurementRecord, shape: Shape | None) -> CostRow:
    """Return the row of a model that was measured and not trained."""
    return CostRow(model=record.model, implementation=record.implementation, **cost_fields(record, shape))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def by_kind(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """Return the rows by kind of network if there are many kinds, else in their order."""
    order: Sequence[str] = GROUPS
    return sorted(rows, key=lambda row: order.index(row.group)) if many_kinds(rows) else list(rows)


def baseline_row(record: BaselineRecord, horizons: Sequence[int], names: Mapping[str, str]) -> BaselineRow:
    """Return the row of one untrained baseline; names as in `model_row`."""
    scores = record.scores
    ahead = {point.step: point.error for point in scores.horizons}
    points = curve({0: scores})
    perturbed = [
        PerturbationValue(
            group=p.group,
            name=p.name,
            level=p.level,
            error=_finite(p.error),
            ratio=_finite(p.ratio),
            scaled=_finite(p.scaled),
        )
        for p in scores.perturbations
    ]
    return BaselineRow(
        name=record.name,
        metrics={key: _finite(error_of(scores, name)) for key, name in names.items()},
        per_target=by_target([scores]),
        horizons={str(step): _finite(ahead.get(step)) for step in horizons},
        curve=points,
        noise_slope=_finite(noise_slope(scores)),
        perturbations=perturbed,
    )

"""Compare models from stored records: one row per model, differences to a reference, notes.

Reads records only: it works without torch, on somebody else's records, years later. One comparison is one case, one
source under one set of conditions, and one data hash; anything else is refused. Only the main error and the metrics
that the case declares are tested. Each metric is a family of its own for Holm's correction, over the models of the
table.
"""

from collections.abc import Iterable, Mapping, Sequence

from lnncmp.comparison.best_model import best_model
from lnncmp.comparison.costs import costs_of, untrained
from lnncmp.comparison.differences import differences_to
from lnncmp.comparison.estimates import estimate
from lnncmp.comparison.notes import notes
from lnncmp.comparison.rows import (
    baseline_row,
    by_kind,
    cost_row,
    cost_shape,
    errors_by_seed,
    model_row,
    replicates_by_seed,
)
from lnncmp.comparison.table import (
    BaselineRow,
    ComparisonTable,
    CostShape,
    Estimate,
    ModelDifference,
    ModelRow,
    on_test,
    titled,
)
from lnncmp.errors import DataError, LnncmpError, unknown_name
from lnncmp.records.metric import ERRORS, Metric, Published
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, RunRecord

__all__ = ["BaselineRow", "ComparisonTable", "Estimate", "ModelDifference", "ModelRow", "Published", "compare"]


def compare(
    runs: Sequence[RunRecord],
    measurements: Sequence[MeasurementRecord],
    baselines: Sequence[BaselineRecord],
    *,
    reference: str,
    horizons: Sequence[int] = (1, 10, 50),
    title: str | None = None,
    published: Mapping[str, Published] | None = None,
    ablations: Mapping[str, Sequence[RunRecord]] | None = None,
    metrics: Sequence[Metric] = (),
) -> ComparisonTable:
    """Return the comparison of all models in `runs`, by kind or in order of appearance, with all that a format prints.

    reference: the model that the others are compared with. horizons: free-running steps shown. title: of the case
    study, its name if None. published: model -> published value. ablations: name -> runs of the same case and source
    under a change, e.g. trained with `data.timespans = "ones"`; they enter as relative changes only.
    metrics: the case's own metrics; those that no record holds are left out.
    Raises DataError without runs, UsageError if the reference has none, LnncmpError for records that do not belong
    together (case, source, conditions, data hash, main error), for two runs of one model with one seed or under two
    protocols.
    """
    by_model = _grouped(runs)
    _require_one_data_set(runs, baselines)
    if reference not in by_model:
        raise unknown_name("reference model", reference, by_model)
    ablated = {name: _grouped_ablation(name, list(given), runs[0]) for name, given in (ablations or {}).items()}
    costs = costs_of(by_model, measurements)
    shape = cost_shape(costs)
    known = [metric for metric in metrics if any(errors_by_seed(group, metric.name) for group in by_model.values())]
    task_errors = _task_errors(by_model, [metric.name for metric in known])
    names = {on_test(error.name): error.name for error in task_errors} | {metric.name: metric.name for metric in known}
    rows = []
    for model, group in by_model.items():
        row = model_row(group, costs.get(model), shape, horizons, names)
        changes = {name: _change(group, others.get(model, [])) for name, others in ablated.items()}
        update = {"published": (published or {}).get(model), "ablation_changes": changes}
        rows.append(row.model_copy(update=update))
    main = on_test(task_errors[0].name)
    comparisons = _compared(by_model, reference, main, known)
    best = best_model(rows, main, by_model)
    first, preset = runs[0], "+".join(dict.fromkeys(run.preset for run in runs))
    return ComparisonTable(
        title=titled(f"{title or first.case} ({_origin(first)}), preset {preset}", task_errors[0]),
        case=first.case,
        source=first.source,
        conditions=first.conditions,
        data_hash=first.data_hash,
        preset=preset,
        reference=reference,
        best=best,
        cost_shape=None if shape is None else CostShape(batch=shape[0], steps=shape[1]),
        rows=by_kind(rows),
        cost_only=[cost_row(record, shape) for record in untrained(costs, runs, measurements)],
        baselines=[baseline_row(record, horizons, names) for record in baselines],
        comparisons=comparisons,
        errors=task_errors,
        measures=known,
        notes=notes(rows, task_errors, by_model, comparisons, best, shape, measurements, ablated, known),
    )


def _origin(first: RunRecord) -> str:
    return ", ".join(filter(None, [first.source, first.conditions]))


def _task_errors(by_model: Mapping[str, Sequence[RunRecord]], declared: Sequence[str]) -> list[Metric]:
    """Return the errors of the task that these runs hold, the main one first; without any score those of values.

    declared: names of the case's own metrics, among which the others may be.
    """
    scores = [run.scores for group in by_model.values() for run in group if run.scores is not None]
    mains = list(dict.fromkeys(score.main for score in scores)) or ["mse"]
    if len(mains) > 1:
        raise LnncmpError(
            f"records of one comparison must share one main error, these have {' and '.join(mains)}",
            "Compare each on its own.",
        )
    held = {name for score in scores for name in score.metrics.get("test", {})} or {"mse", "nmse"}
    others = [name for name in ERRORS if name in held and name not in declared]
    return [ERRORS[name] for name in dict.fromkeys([*mains, *others])]


def _grouped(runs: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Return the runs by model, refusing a seed that occurs twice and runs of one model under two protocols."""
    groups: dict[str, dict[int, RunRecord]] = {}
    for run in runs:
        group = groups.setdefault(run.model, {})
        other = group.setdefault(run.seeds.root, run)
        if other is not run:
            raise LnncmpError(
                f"{run.model} has two runs with seed {run.seeds.root}: {other.run_id} and {run.run_id}",
                "Compare one setting of a model at a time.",
            )
        first = next(iter(group.values()))
        if first.protocol_id != run.protocol_id:
            raise LnncmpError(
                f"the runs of {run.model} do not share one protocol: "
                f"{first.run_id} is of protocol {first.protocol_id}, {run.run_id} of {run.protocol_id}",
                "Compare runs made by one recipe with one set of options.",
            )
    return {model: list(group.values()) for model, group in groups.items()}


def _require_one_data_set(runs: Sequence[RunRecord], baselines: Sequence[BaselineRecord]) -> None:
    if not runs:
        raise DataError("no runs to compare", "Run a case first, or name a folder that holds records of runs.")
    first = runs[0]
    for name, what in {"case": "case", "source": "source", "conditions": "set of conditions"}.items():
        for run in runs:
            _require_equal(what, (first.run_id, getattr(first, name)), (run.run_id, getattr(run, name)))
    for run in runs:
        _require_equal("data hash", (first.run_id, first.data_hash), (run.run_id, run.data_hash))
    for baseline in baselines:
        found = (f"baseline {baseline.name}", baseline.data_hash)
        _require_equal("data hash", (first.run_id, first.data_hash), found)


def _require_equal(what: str, expected: tuple[str, str], found: tuple[str, str]) -> None:
    if expected[1] != found[1]:
        raise LnncmpError(
            f"records of one comparison must share one {what}: "
            f"{expected[0]} has '{expected[1] or 'none'}', {found[0]} has '{found[1] or 'none'}'",
            "Compare each on its own: errors on different data say nothing about the models.",
        )


def _grouped_ablation(name: str, runs: list[RunRecord], first: RunRecord) -> dict[str, list[RunRecord]]:
    """Return the runs of an ablation by model. Its data hash may differ (it changes the data), case and source not."""
    for run in runs:
        for field in ("case", "source"):
            expected = (first.run_id, getattr(first, field))
            _require_equal(field, expected, (f"{run.run_id} of ablation '{name}'", getattr(run, field)))
    return _grouped(runs)


def _change(runs: Sequence[RunRecord], ablated: Sequence[RunRecord]) -> Estimate:
    """Return the relative change of the test error from `runs` to `ablated`, paired by seed (0.01 = 1% more error)."""
    before, after = errors_by_seed(runs), errors_by_seed(ablated)
    return estimate({seed: after[seed] / error - 1 for seed, error in before.items() if seed in after and error > 0})


def _differences(
    by_model: Mapping[str, Sequence[RunRecord]], reference: str, metric: str, stored: str | None, *, ratios: bool = True
) -> list[ModelDifference]:
    """Return the comparisons on one metric, which records know by the name `stored`; None is the main error."""
    values = {model: errors_by_seed(group, stored) for model, group in by_model.items()}
    replicates = {model: replicates_by_seed(group, stored) for model, group in by_model.items()}
    return differences_to(reference, values, metric, replicates, ratios=ratios)


def _compared(
    by_model: Mapping[str, Sequence[RunRecord]], reference: str, main: str, metrics: Sequence[Metric]
) -> list[ModelDifference]:
    """Return the comparisons on the main error, whose key is `main`, then on the case's metrics that are compared."""
    found = _differences(by_model, reference, main, None)
    for metric in metrics:
        if metric.compared:
            ratios = metric.ratio and metric.better != "ideal"
            found += _differences(by_model, reference, metric.name, metric.name, ratios=ratios)
    return found

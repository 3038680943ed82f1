"""A case study from plan to comparison table: execute the missing runs, then compare. Prints nothing."""

from lnncmp.baselines import BASELINES_VERSION
from lnncmp.common.cache import content_key
from lnncmp.comparison.ablations import ablations_of
from lnncmp.comparison.compare import compare
from lnncmp.comparison.table import ComparisonTable
from lnncmp.evaluation.evaluate import Scorer
from lnncmp.records.schema import BaselineRecord, RunRecord
from lnncmp.runs.execute import execute
from lnncmp.runs.ready import Ready, Request, StudyListener, worker_config


def run_study(ready: Ready, request: Request, listener: StudyListener) -> ComparisonTable:
    """Execute the missing runs and return the comparison of all runs of the plan."""
    store, recipe = ready.store, ready.recipe
    store.prepare()
    listener.doing("scoring untrained predictors")
    baselines = _baselines(ready)  # first: this generates every test set once, before the workers need them
    if request.fresh:
        for spec in ready.plan.runs:
            store.discard(spec.run_id)
    listener.doing("")
    outcome = execute(ready.plan, store, worker_config(request, recipe), listener, request.executor)
    listener.doing("comparing")
    by_row: dict[str, list[RunRecord]] = {}
    for run in outcome.runs:
        by_row.setdefault(run.model, []).append(run)
    # A run may have been made before its settings came out of a search: they are the same numbers.
    tuning = {spec.run_id: spec.tuning for spec in ready.plan.runs}
    return compare(
        [run.model_copy(update={"tuning": tuning[run.run_id]}) for run in outcome.runs],
        outcome.measurements,
        baselines,
        reference=recipe.reference,
        horizons=[h for h in ready.case.horizons if h <= recipe.evaluate_settings().horizon],
        title=recipe.title,
        published={label: number for label in recipe.models if (number := recipe.entry(label).published)},
        ablations=ablations_of(by_row, store.runs()),
        metrics=ready.case.metrics,
    )


def _baselines(ready: Ready) -> list[BaselineRecord]:
    """Return the scores of the baselines, computed once per data hash."""
    data_hash, scorer = ready.plan.shape.data_hash, Scorer(ready.prepared, ready.case)
    records = []
    for name, predictor in ready.prepared.baselines().items():
        key = content_key({"baseline": name, "version": BASELINES_VERSION, "data_hash": data_hash})
        record = ready.store.baseline(key)
        if record is None:
            record = BaselineRecord(baseline_id=key, name=name, data_hash=data_hash, scores=scorer.score(predictor))
            ready.store.write_baseline(record)
        records.append(record)
    return records

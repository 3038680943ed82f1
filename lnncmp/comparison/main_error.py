"""Records with their main error alone: all that a ranked table and its sentences need of the scores."""

from collections.abc import Collection
from dataclasses import replace

from lnncmp.cases.base import case_of
from lnncmp.records.read import Records
from lnncmp.records.schema import Scores


def main_error_only(records: Records) -> Records:
    """Return the records without other metrics, errors of targets or shifted test sets: compared in half the time.

    Free-running errors stay at the steps that cases show.
    """
    first = {run.protocol_id: run for run in records.runs}
    steps = {step for run in first.values() for step in case_of(run.case, run.recipe.data).horizons}
    runs = [
        run if run.scores is None else run.model_copy(update={"scores": _main_error(run.scores, steps)})
        for run in records.runs
    ]
    baselines = [
        record.model_copy(update={"scores": _main_error(record.scores, steps)}) for record in records.baselines
    ]
    return replace(records, runs=runs, baselines=baselines)


def _main_error(scores: Scores, steps: Collection[int]) -> Scores:
    main, test = scores.main, scores.metrics.get("test", {})
    kept = {
        "metrics": {"test": {main: test[main]} if main in test else {}},
        "horizons": [point for point in scores.horizons if point.step in steps],
        "replicates": {main: scores.replicates[main]} if main in scores.replicates else {},
    }
    return scores.model_copy(update={"per_target": {}, "perturbations": [], "examples": [], "forecasts": [], **kept})

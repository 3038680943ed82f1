"""MLflow: a local file store (mlruns) with an experiment for each study, and in it a run for each run."""

import math
from pathlib import Path
from typing import Any

from lnncmp.records.read import Records
from lnncmp.results.environment import without_reports
from lnncmp.results.formats.base import ResultFormat
from lnncmp.results.run_log import RunLog, run_logs

_MOST = {"metrics": 1000, "params": 100, "tags": 100}
"""How many of each MLflow takes at once."""


def write(records: Records, path: Path, place: Path) -> None:
    """Write the store; times are milliseconds of training, since records hold no date."""
    with without_reports():
        import mlflow

        client = mlflow.MlflowClient(tracking_uri=path.absolute().as_uri())
        experiments: dict[str, str] = {}
        for log in run_logs(records):
            if log.project not in experiments:
                artifacts = f"{place.absolute().as_uri()}/{log.project}"
                experiments[log.project] = client.create_experiment(log.project, artifact_location=artifacts)
            _write(mlflow.entities, client, experiments[log.project], log)


def _write(entities: Any, client: Any, experiment: str, log: RunLog) -> None:
    tags = {**log.tags, "lnncmp.group": log.group, "mlflow.source.name": "lnncmp", "mlflow.user": ""}
    made = client.create_run(experiment, start_time=0, tags=tags, run_name=log.name)
    last = log.points[-1].epoch if log.points else 0
    metrics = [
        entities.Metric(name, value, round(1000 * point.seconds), point.epoch)
        for point in log.points
        for name, value in point.values.items()
    ]
    results = [(name, value, last) for name, value in log.results.items()]
    results += [(name, value, step) for name, curve in log.curves.items() for step, value in curve]
    metrics += [entities.Metric(name, value, round(1000 * log.seconds), step) for name, value, step in results]
    given = {
        "metrics": [one for one in metrics if not math.isnan(one.value)],
        "params": [entities.Param(name, str(value)) for name, value in log.settings.items()],
    }
    for kind, ones in given.items():
        for start in range(0, len(ones), _MOST[kind]):
            client.log_batch(made.info.run_id, **{kind: ones[start : start + _MOST[kind]]})
    client.set_terminated(
        made.info.run_id, status="FINISHED" if log.status == "ok" else "FAILED", end_time=round(1000 * log.seconds)
    )


FORMAT = ResultFormat("A local file store for MLflow (mlruns).", "", write, "mlflow")

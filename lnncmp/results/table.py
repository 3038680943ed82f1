"""Records as one long table: one row for each number, with all that says what it is a number of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lnncmp import __version__
from lnncmp.cases.base import case_of
from lnncmp.comparison.costs import epoch_seconds
from lnncmp.comparison.rows import outcome
from lnncmp.comparison.run_metrics import COUNTS, TRAINED, value_of
from lnncmp.comparison.studies import why_lacking
from lnncmp.models.base import group_of
from lnncmp.records.metric import ERRORS, Metric
from lnncmp.records.read import Records
from lnncmp.records.schema import BaselineRecord, MeasurementRecord, Provenance, RunRecord, Scores

SCHEMA: Mapping[str, type[pl.DataType]] = {
    "record": pl.String,
    "case": pl.String,
    "source": pl.String,
    "conditions": pl.String,
    "preset": pl.String,
    "data_hash": pl.String,
    "protocol_id": pl.String,
    "id": pl.String,
    "model": pl.String,
    "kind": pl.String,
    "matching": pl.String,
    "seed": pl.Int64,
    "data_seed": pl.Int64,
    "split": pl.String,
    "shift": pl.String,
    "level": pl.Float64,
    "metric": pl.String,
    "unit": pl.String,
    "better": pl.String,
    "step": pl.Int64,
    "repeat": pl.Int64,
    "value": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
    "converged": pl.Boolean,
    "implementation": pl.String,
    "cpu": pl.String,
    "system": pl.String,
    "device": pl.String,
    "threads": pl.Int64,
    "python": pl.String,
    "torch": pl.String,
    "made_by": pl.String,
    "exported_by": pl.String,
}
"""Columns and their types; docs/export.md says what they mean."""
_COSTS = {
    "step_seconds": "s",
    "step_cpu_seconds": "s",
    "latency_seconds": "s",
    "peak_memory_samples": "B",
    "memory_spread_samples": "B",
    "joules_per_window": "J",
}
"""Lists of a measurement, a value for each repeat, with their units."""

Row = dict[str, Any]


def table_of(records: Records) -> pl.DataFrame:
    """Return the table of all records of a folder: runs first, then untrained baselines, then measurements of cost."""
    rows = list(rows_of(records))
    columns = {name: [row.get(name) for row in rows] for name in SCHEMA}
    return pl.DataFrame(columns, schema=SCHEMA, strict=False)


def rows_of(records: Records) -> Iterator[Row]:
    """Yield the rows of the table; columns that do not apply are left out."""
    known = _Known.of(records)
    for run in records.runs:
        yield from _of_run(run, known)
    for baseline in records.baselines:
        yield from _of_baseline(baseline, known)
    for measurement in records.measurements:
        yield from _of_measurement(measurement)


@dataclass(frozen=True)
class _Known:
    """What rows need of other records: by protocol its metrics and its main error, by data hash a run."""

    metrics: Mapping[str, Mapping[str, Metric]]
    mains: Mapping[str, str]
    runs: Mapping[str, RunRecord]

    @classmethod
    def of(cls, records: Records) -> "_Known":
        first = {run.protocol_id: run for run in reversed(records.runs)}
        mains = {run.protocol_id: run.scores.main for run in reversed(records.runs) if run.scores is not None}
        data = {run.data_hash: run for run in reversed(records.runs)}
        return cls({protocol: _metrics(run) for protocol, run in first.items()}, mains, data)


def _metrics(run: RunRecord) -> Mapping[str, Metric]:
    """Return errors and metrics by name; of a case that is not installed here the errors alone."""
    lacking = why_lacking(run.case, run.recipe.data)
    own = () if lacking else case_of(run.case, run.recipe.data).metrics
    return {**ERRORS, **{metric.name: metric for metric in own}}


def _of_run(run: RunRecord, known: _Known) -> Iterator[Row]:
    common: Row = {
        "record": "run",
        **_data(run),
        "preset": run.preset,
        "protocol_id": run.protocol_id,
        "id": run.run_id,
        "model": run.model,
        "kind": group_of(run.recipe.model.name),
        "matching": run.recipe.match,
        "seed": run.seeds.root,
        "status": outcome(run),
        "reason": run.reason,
        "converged": None if run.convergence is None else run.convergence.converged,
        "implementation": run.implementation,
        **_host(run.provenance),
    }
    metrics = known.metrics[run.protocol_id]
    if run.scores is None:  # lost runs count: their error is not known, and they are no gap
        main = known.mains.get(run.protocol_id, "mse")
        yield common | {"split": "test", **_named(main, metrics), "value": None}
    else:
        for row in _scored(run.scores, metrics):
            yield common | row
    for name, measure in {**COUNTS, **TRAINED}.items():
        value = value_of(run, name, ((), ()))
        if value is not None:
            yield common | {"metric": name, "unit": measure.unit, "value": float(value)}


def _scored(scores: Scores, metrics: Mapping[str, Metric]) -> Iterator[Row]:
    """Yield metrics by split, free-running errors by step, errors on shifted test sets with their ratio."""
    for split, values in scores.metrics.items():
        for name, value in values.items():
            yield {"split": split, **_named(name, metrics), "value": value}
    scaled = "nmse" if scores.main in ("mse", "nmse") else "log_loss"
    both = dict.fromkeys((scores.main, scaled))
    for point in scores.horizons:
        for name in both:
            value = point.error if name == scores.main else point.scaled
            yield {"split": "test", **_named(name, metrics), "step": point.step, "value": value}
    for shifted in scores.perturbations:
        where = {"split": "shifted", "shift": f"{shifted.group}: {shifted.name}", "level": shifted.level}
        for name in both:
            yield where | _named(name, metrics) | {"value": shifted.error if name == scores.main else shifted.scaled}
        if shifted.ratio is not None:
            yield where | {"metric": "ratio_to_baseline", "unit": "", "better": "lower", "value": shifted.ratio}


def _named(name: str, metrics: Mapping[str, Metric]) -> Row:
    found = metrics.get(name)
    return {"metric": name, "unit": found.unit if found else None, "better": found.better if found else None}


def _data(run: RunRecord | None) -> Row:
    if run is None:
        return {}
    return {
        **{name: getattr(run, name) for name in ("case", "source", "conditions", "data_hash")},
        "data_seed": run.seeds.data,
        "exported_by": __version__,
    }


def _host(made: Provenance) -> Row:
    facts = {name: getattr(made, name) for name in ("cpu", "system", "device", "threads", "python")}
    return {**facts, "torch": made.packages.get("torch"), "made_by": made.lnncmp}


def _of_baseline(baseline: BaselineRecord, known: _Known) -> Iterator[Row]:
    """Yield the rows of an untrained baseline, on the data of the runs that share its data hash."""
    run = known.runs.get(baseline.data_hash)
    metrics = ERRORS if run is None else known.metrics[run.protocol_id]
    common = {
        "record": "baseline",
        **_data(run),
        "data_hash": baseline.data_hash,
        "id": baseline.baseline_id,
        "model": baseline.name,
        "kind": "untrained baseline",
        "exported_by": __version__,
    }
    for row in _scored(baseline.scores, metrics):
        yield common | row


def _of_measurement(one: MeasurementRecord) -> Iterator[Row]:
    """Yield the rows of a measurement of cost: a value for each repeat, and what is the same in all."""
    common = {
        "record": "measurement",
        "case": one.case,
        "id": one.measurement_id,
        "model": one.model,
        "kind": None if one.name is None else group_of(one.name),
        "implementation": one.implementation,
        "better": "lower",
        **_host(one.provenance),
        "exported_by": __version__,
    }
    yield common | {"metric": "saved_bytes", "unit": "B", "value": float(one.saved_bytes)}
    yield common | {"metric": "peak_memory_bytes", "unit": "B", "value": float(one.peak_memory_bytes)}
    lists = {name: (getattr(one, name), unit) for name, unit in _COSTS.items()}
    for name, (values, unit) in {**lists, "epoch_seconds": (epoch_seconds(one), "s")}.items():
        for repeat, value in enumerate(values):
            yield common | {"metric": name, "unit": unit, "repeat": repeat, "value": float(value)}

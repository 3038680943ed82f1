"""A comparison as plain rows in full precision, one for each model and each baseline."""

from lnncmp.comparison.differences import differences_on
from lnncmp.comparison.table import BaselineRow, ComparisonTable, Estimate, ModelDifference, ModelRow, on_test
from lnncmp.records.operations import OperationCounts
from lnncmp.report.tables.document import Row, Value, ends


def rows_of(comparison: ComparisonTable) -> list[Row]:
    """Return one row for each model and each baseline. Bytes and seconds are plain numbers; errors in raw units."""
    differences = differences_on(comparison.comparisons, comparison.main)
    models = [
        _model(comparison, row, differences.get(row.model)) | _metrics(comparison, row) for row in comparison.rows
    ]
    return [*models, *(_baseline(comparison, row) for row in comparison.baselines)]


def _identity(comparison: ComparisonTable, kind: str, name: str) -> dict[str, Value]:
    return {
        "case": comparison.case,
        "source": comparison.source,
        "conditions": comparison.conditions,
        "preset": comparison.preset,
        "data_hash": comparison.data_hash,
        "kind": kind,
        "name": name,
    }


def _estimate(name: str, value: Estimate) -> dict[str, Value]:
    return {name: value.mean, **ends(name, value.ci95)}


def _errors(comparison: ComparisonTable, row: ModelRow) -> dict[str, Value]:
    """Return every error of the task with its interval, the main one first."""
    found: dict[str, Value] = {}
    for error in comparison.errors:
        found |= _estimate(on_test(error.name), row.metrics[on_test(error.name)])
    return found


def _targets(row: ModelRow | BaselineRow) -> dict[str, Value]:
    return {f"{metric}_of_{name}": value for metric, found in row.per_target.items() for name, value in found.items()}


def _horizons(comparison: ComparisonTable, horizons: dict[str, float | None]) -> dict[str, Value]:
    return {f"{comparison.error.name}_step_{step}": value for step, value in horizons.items()}


def _model(comparison: ComparisonTable, row: ModelRow, against: ModelDifference | None) -> dict[str, Value]:
    published = row.published
    return {
        **_identity(comparison, "model", row.model),
        "n_ok": row.n_ok,
        "n_diverged": row.n_diverged,
        "n_failed": row.n_failed,
        "n_stopped": row.n_stopped,
        "n_converged": row.n_converged,
        "last_gain": row.last_gain,
        "epochs_least": row.epochs[0] if row.epochs else None,
        "epochs_most": row.epochs[1] if row.epochs else None,
        "tuning_trials": row.tuning.trials if row.tuning else 0,
        "params_active": row.params.active,
        "params_trainable": row.params.trainable,
        "params_total": row.params.total,
        **_errors(comparison, row),
        "reference": comparison.reference,
        "change_kind": against.kind if against else None,
        "change": against.change if against else None,
        **ends("change", against.ci95 if against else None),
        "seeds_compared": against.n_seeds if against else None,
        "p": against.p if against else None,
        "p_holm": against.p_holm if against else None,
        "verdict": against.verdict if against else "reference",
        **_targets(row),
        **_horizons(comparison, row.horizons),
        **_estimate("noise_slope", row.noise_slope),
        "epoch_seconds": row.epoch_seconds,
        **ends("epoch_seconds", row.epoch_seconds_ci95),
        "run_epoch_seconds": row.run_epoch_seconds,
        "run_stacked": row.run_stacked,
        "step_seconds": row.step_seconds,
        "windows_per_second": row.windows_per_second,
        "latency_seconds": row.latency_seconds,
        "peak_memory_bytes": row.peak_memory_bytes,
        "memory_spread_bytes": row.memory_spread_bytes,
        "saved_bytes": row.saved_bytes,
        "joules_per_window": row.joules_per_window,
        **_operations(row),
        "implementation": row.implementation,
        "published_mean": published.mean if published else None,
        "published_std": published.std if published else None,
        "published_source": published.source if published else None,
    }


def _operations(row: ModelRow) -> dict[str, Value]:
    """Return the operations of one step and their energy by published figures."""
    own = row.operations
    counts = {f"step_{name}": None if own is None else getattr(own, name) for name in OperationCounts.model_fields}
    energy, events = (None, None) if own is None else (own.energy, own.event_energy)
    return {**counts, "step_joules": energy, "step_event_joules": events}


def _metrics(comparison: ComparisonTable, row: ModelRow) -> dict[str, Value]:
    """Return each metric with its interval and, if it is compared, its change against the reference and p."""
    found: dict[str, Value] = {}
    for measure in comparison.measures:
        found |= _estimate(measure.name, row.metrics[measure.name])
        if measure.compared:
            against = differences_on(comparison.comparisons, measure.name).get(row.model)
            found |= {
                f"{measure.name}_change_kind": against.kind if against else None,
                f"{measure.name}_change": against.change if against else None,
                **ends(f"{measure.name}_change", against.ci95 if against else None),
                f"{measure.name}_seeds_compared": against.n_seeds if against else None,
                f"{measure.name}_p": against.p if against else None,
                f"{measure.name}_p_holm": against.p_holm if against else None,
            }
    return found


def _baseline(comparison: ComparisonTable, row: BaselineRow) -> dict[str, Value]:
    return {
        **_identity(comparison, "baseline", row.name),
        **{on_test(error.name): row.metrics.get(on_test(error.name)) for error in comparison.errors},
        **_targets(row),
        **_horizons(comparison, row.horizons),
        "noise_slope": row.noise_slope,
        **{measure.name: row.metrics.get(measure.name) for measure in comparison.measures},
    }

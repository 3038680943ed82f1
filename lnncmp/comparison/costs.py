"""Which stored measurement of cost belongs to which runs."""

from collections.abc import Mapping, Sequence

from lnncmp.records.schema import MeasurementRecord, RunRecord


def cost_of(run: RunRecord, measurements: Sequence[MeasurementRecord]) -> MeasurementRecord | None:
    """Return the measurement of a run's model as it ran, None if there is none.

    A run names its measurement. Records of schema 1 do not: there the measurement of their model at its batch counts,
    or at a smaller one, if it is the only one. A measurement of another implementation than the one that ran never
    counts.
    """
    fitting = [one for one in measurements if one.implementation == run.implementation]
    if run.measurement_id is not None:
        fitting = [one for one in fitting if one.measurement_id == run.measurement_id]
    else:
        label, batch = run.recipe.model.label, run.recipe.train.batch_size
        fitting = [one for one in fitting if one.model == label and one.batch <= batch]
        fitting = [one for one in fitting if one.batch == batch] or fitting
    return fitting[0] if len(fitting) == 1 else None


def costs_of(
    runs: Mapping[str, Sequence[RunRecord]], measurements: Sequence[MeasurementRecord]
) -> dict[str, MeasurementRecord]:
    """Return the measurements of models by row, without rows that have none. runs: by row of the table."""
    found = {row: cost_of(group[0], measurements) for row, group in runs.items()}
    return {row: record for row, record in found.items() if record is not None}

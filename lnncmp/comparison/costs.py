"""Which stored measurement belongs to which stored run.

Neither record names the other, and one folder holds the costs of one model in several cases and sizes. But the
identity of a measurement is a hash of all that it depends on; of that, only the number of input features stands in no
record, so it is tried out. In folders whose identities are made otherwise (another version of lnncmp) the shape of
the batch has to do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lnncmp.common.cache import content_key
from lnncmp.records.schema import MeasurementRecord, RunRecord

MOST_INPUTS = 512
"""Up to how many input features are tried."""


def costs_of(
    runs: Mapping[str, Sequence[RunRecord]], measurements: Sequence[MeasurementRecord]
) -> list[MeasurementRecord]:
    """Return the measurements of these models as they ran, under the names of their rows. runs: by row of the table.

    A row whose measurement is not there, or cannot be told from others, has none.
    """
    made, first_tries = [], list(range(1, MOST_INPUTS + 1))
    for row, group in runs.items():
        outputs = max((len(_targets(run)) for run in group), default=0)
        for record in _candidates(group[0], measurements):
            inputs = next((n for n in first_tries if _identity(group[0], record, n, outputs) == _id(record)), None)
            if inputs is not None:
                first_tries.insert(0, inputs)  # all models of a comparison have as many
                made.append(record.model_copy(update={"model": row}))
    return made or _by_shape(runs, measurements)


def _by_shape(
    runs: Mapping[str, Sequence[RunRecord]], measurements: Sequence[MeasurementRecord]
) -> list[MeasurementRecord]:
    """Return the only measurement of each model with its implementation and batch; none where there are several."""
    made = []
    for row, group in runs.items():
        found = _candidates(group[0], measurements)
        if len(found) == 1:
            made.append(found[0].model_copy(update={"model": row}))
    return made


def _candidates(run: RunRecord, measurements: Sequence[MeasurementRecord]) -> list[MeasurementRecord]:
    batch = _table(run.recipe, "train").get("batch_size")
    label = _table(run.recipe, "model").get("label", run.model)
    return [
        record
        for record in measurements
        if record.model == label
        and record.implementation == run.implementation
        and (batch is None or record.batch <= batch)
    ]


def _identity(run: RunRecord, record: MeasurementRecord, inputs: int, outputs: int) -> str:
    """Return the identity of a measurement of this run's model at the record's shape (see lnncmp.runs.plan)."""
    recipe, model = run.recipe, _table(run.recipe, "model")
    return content_key(
        {
            "label": model.get("label"),
            "model": model.get("name"),
            "arguments": model.get("arguments"),
            "dt_as_input": recipe.get("dt_as_input"),
            "batch": record.batch,
            "steps": record.steps,
            "inputs": inputs,
            "outputs": outputs,
            "device": recipe.get("device"),
            "threads": recipe.get("threads"),
            "version": model.get("version"),
            "machine": record.provenance,
        }
    )


def _id(record: MeasurementRecord) -> str:
    return record.measurement_id


def _targets(run: RunRecord) -> Sequence[str]:
    """Return the names of the predicted quantities, as far as the record has errors of each."""
    tables = run.scores.per_target.values() if run.scores else ()
    return max((list(table) for table in tables), key=len, default=[])


def _table(recipe: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = recipe.get(name)
    return value if isinstance(value, Mapping) else {}

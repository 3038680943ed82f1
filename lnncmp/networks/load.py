"""Loading the network of a run by its id or its file."""

from pathlib import Path

import torch

from lnncmp.cases.base import Case, case_of, load_case
from lnncmp.data.encoding import Encoding
from lnncmp.data.task import LOGIT
from lnncmp.errors import DataError
from lnncmp.layers.recurrent_layer import use_plain
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.models.base import load_model
from lnncmp.networks.network import Network
from lnncmp.networks.weights import Card, unpack
from lnncmp.recipe.recipe import parse
from lnncmp.records.find import read_record, record_path
from lnncmp.records.run_recipe import RunRecipe
from lnncmp.records.schema import RunRecord
from lnncmp.records.weights import AGAIN, SUFFIX, read_weights
from lnncmp.training.build import build_named

RESULTS = "lnncmp-results"
"""The folder of records where commands put them if nothing else is said."""


def load(run: str | Path, out: str | Path = RESULTS) -> Network:
    """Return the trained network of a run, with its scalers.

    run: the id of a run in the folder `out`, or the path of its record or of its weights (each lies beside the other).
    Only tensors and text are read, never a pickle, and only the file whose SHA-256 the record holds.
    Raises UsageError for a run that is unknown, DataError if its weights were not kept, are damaged, or belong to
    another model or shape.
    """
    path = record_path(run, Path(out))
    record = read_record(path)
    return load_recorded(record, path.with_suffix(SUFFIX))


def load_recorded(record: RunRecord, path: Path) -> Network:
    """Return the network of a record from the file of weights at `path`. Raises DataError."""
    if record.weights is None:
        why = "" if record.status == "ok" else f" (it {record.status})"
        hint = AGAIN.format(run_id=record.run_id) if record.status == "ok" else "Choose a run that ended ok."
        raise DataError(f"the weights of run {record.run_id} were not kept{why}", hint)
    module = untrained(record)
    content = read_weights(path, record.weights, sum(tensor.numel() for tensor in module.state_dict().values()))
    scalers, card = unpack(content, path, module)
    encoding = encoding_of(record.recipe)
    if card != card_of(case_of(record.case, record.recipe.data), encoding):
        raise DataError(f"{path} names other columns than the case {record.case} has", "Use the version that made it.")
    if record.kernel_check is not None and not record.kernel_check.agrees:
        use_plain(module)
    classes = tuple(name for name, unit in card.outputs if unit == LOGIT)
    return Network(
        module=module.eval(),
        record=record,
        inputs=tuple(name for name, _ in card.inputs),
        outputs=tuple(name for name, _ in card.outputs),
        columns=tuple(name for name, _ in card.columns),
        units=dict((*card.inputs, *(() if classes else card.outputs), *card.columns)),
        time_unit=card.time_unit,
        scaler=scalers,
        encoding=encoding,
        classes=classes,
    )


def encoding_of(recipe: RunRecipe) -> Encoding:
    """Return how the case of a run makes features of columns."""
    case = load_case(recipe.case)
    settings = parse(case.settings, recipe.data, "data")
    return case.of(settings).encoding_of(settings)


def card_of(case: Case, encoding: Encoding) -> Card:
    """Return what a file of weights says of a network of this case; a value that is a column too has its raw unit."""
    inputs, columns = (tuple((q.name, q.unit) for q in part) for part in (encoding.features, encoding.columns))
    raw = dict(columns)
    units = [one.unit if one.unit == LOGIT else raw.get(one.name, one.unit) for one in case.targets]
    outputs = tuple((target.name, unit) for target, unit in zip(case.targets, units, strict=True))
    return Card(inputs=inputs, outputs=outputs, columns=columns, time_unit=case.step_unit)


def untrained(record: RunRecord) -> SequenceModel:
    """Return the model of a record as it was before training. Raises DataError if this version has another one."""
    require_versions(record)
    chosen, case = record.recipe.model, case_of(record.case, record.recipe.data)
    encoding = encoding_of(record.recipe)
    sizes = len(encoding.features), len(case.targets)
    if record.inputs is not None and (record.inputs, record.outputs) != sizes:
        raise DataError(
            f"run {record.run_id} has {record.inputs} inputs and {record.outputs} outputs, its case has "
            f"{sizes[0]} and {sizes[1]}"
        )
    seeds = record.seeds.model, record.seeds.wiring
    with torch.random.fork_rng(devices=[]):  # to build draws weights: the caller's random numbers go on undisturbed
        return build_named(record.model, chosen.name, chosen.arguments, sizes, record.recipe.dt_as_input, seeds)


def require_versions(record: RunRecord) -> None:
    """Raise DataError if this lnncmp has another version of the model or the case of a record."""
    chosen = record.recipe.model
    for kind, name, then, now in (
        ("model", chosen.name, chosen.version, load_model(chosen.name).version),
        ("case", record.case, record.recipe.case_version, load_case(record.case).version),
    ):
        if then != now:
            raise DataError(
                f"run {record.run_id} was made with version {then} of the {kind} {name}; this lnncmp has version {now}",
                "Use the lnncmp that made it, or run the study again.",
            )

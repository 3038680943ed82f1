"""The weights of a finished run made again: the same training, kept only if it gives the recorded score."""

import math
from pathlib import Path

import torch

from lnncmp.cases.base import Prepared, case_of, load_case
from lnncmp.common.files import make_dir
from lnncmp.errors import DataError, UsageError
from lnncmp.evaluation.errors import errors_of, one_step
from lnncmp.networks.load import load_recorded, require_versions
from lnncmp.records.inventory import remove_folder
from lnncmp.records.schema import RunRecord
from lnncmp.records.store import Store
from lnncmp.records.weights import WeightsFile, read_weights
from lnncmp.runs.execute import train_batches
from lnncmp.runs.executors.local import LocalExecutor
from lnncmp.runs.plan import RunBatch, RunSpec, run_id
from lnncmp.runs.processes import WorkerConfig
from lnncmp.runs.ready import Request, StudyListener, require_device
from lnncmp.runs.worker import prepare_data
from lnncmp.sources.base import SourceContext
from lnncmp.training.predict import NetworkPredictor

_ROUNDING = 1e-5
"""Relative difference of scores that may come from the order of sums."""


def train_weights(record: RunRecord, request: Request, listener: StudyListener) -> WeightsFile | None:
    """Train a finished run once more, check its score and keep its weights beside its record, which then names them.

    None: they were there already, whole. An interrupted training goes on from its last epoch. Raises DataError if the
    data, the versions or the score are not the recorded ones, and keeps nothing then; UsageError without the device.
    """
    store = Store(request.out, listener.warn)
    if record.status != "ok":
        raise DataError(f"run {record.run_id} {record.status}: it has no weights to keep", "Choose one that ended ok.")
    if _are_there(record, store):
        return None
    require_versions(record)
    require_device(record.recipe.device)
    store.check()
    prepared = data_of(record, request, listener)
    with store.lock(record.run_id) as mine:
        if not mine:
            raise UsageError(f"another process works on run {record.run_id}", "Wait for it, then try again.")
        again = Store(store.again(record.run_id), listener.warn)
        again.prepare()
        made = trained_again(record, again, request, listener)
        try:
            _require_score(record, made, again, prepared)
            content = again.weights_path(record.run_id).read_bytes()
            kept = store.write_weights(record.run_id, content, load_case(record.case).private)
            if record.weights != kept:
                store.write_run(record.model_copy(update={"weights": kept}))
        finally:
            remove_folder(again.out)
    return kept


def _are_there(record: RunRecord, store: Store) -> bool:
    path = store.weights_path(record.run_id)
    if record.weights is None or not path.exists():
        return False
    try:
        read_weights(path, record.weights, record.parameters.total)
    except DataError as error:
        store.warn(f"{error.message}; they are made again")
        return False
    return True


def data_of(record: RunRecord, request: Request, listener: StudyListener) -> Prepared:
    """Return the data of a run. Raises DataError if those here are others than it was trained on."""
    if request.data_dir is None:
        make_dir(request.cache)
    context = SourceContext(
        request.cache,
        request.data_dir,
        request.files,
        request.offline,
        request.jobs,
        progress=listener.data,
        warn=listener.warn,
    )
    prepared = prepare_data(record.recipe, context)
    if prepared.data_hash != record.data_hash:
        raise DataError(
            f"the data of {record.case} ({record.source}) here, {prepared.data_hash}, are not those of run "
            f"{record.run_id}, {record.data_hash}",
            "Name the folder with the same data (--data).",
        )
    if run_id(record.recipe, prepared.data_hash) != record.run_id:
        raise DataError(
            f"the recipe of run {record.run_id} gives another run id: an older lnncmp made it, or it was edited",
            "Run the study again.",
        )
    return prepared


def trained_again(
    record: RunRecord,
    again: Store,
    request: Request,
    listener: StudyListener,
    evaluate: bool = False,
    keep_weights: bool = True,
) -> RunRecord:
    """Return the record of the same run, trained in a worker process; it looks at test data only to evaluate.

    Raises DataError if it did not end as the recorded run did.
    """
    config = WorkerConfig(
        out=again.out,
        cache=request.cache,
        data_dir=request.data_dir,
        files=request.files,
        threads=record.recipe.threads,
        deterministic=record.recipe.deterministic,
        jobs=1,
        stack=1,
        evaluate=evaluate,
        keep_weights=keep_weights,
    )
    train_batches([RunBatch(runs=(_spec(record),))], config, listener, LocalExecutor())
    made = again.run(record.run_id)
    if made is None or made.status != record.status:
        what = "left no record" if made is None else f"ended {made.status} ({made.reason})"
        remove_folder(again.out)
        raise DataError(f"trained again, run {record.run_id} {what}; recorded is that it ended {record.status}")
    return made


def _spec(record: RunRecord) -> RunSpec:
    shared = record.model_dump(include=set(RunSpec.model_fields) - {"recipe", "tuning", "label", "seed"})
    sizes = {name: shared[name] or 0 for name in ("inputs", "outputs")}
    return RunSpec(
        **{**shared, **sizes, "measurement_id": record.measurement_id or ""},
        label=record.model,
        seed=record.seeds.root,
        tuning=record.tuning,
        recipe=record.recipe,
    )


def _require_score(record: RunRecord, made: RunRecord, again: Store, prepared: Prepared) -> None:
    """Raise DataError unless the kept weights give the recorded score: on test data, else the validation loss."""
    if record.scores is None:
        name, recorded, found = "validation loss", _chosen_loss(record), _chosen_loss(made)
    else:
        name, recorded = "test error", record.scores.metrics["test"][record.scores.main]
        found = _test_error(made, again.weights_path(made.run_id), prepared)
    if not math.isclose(recorded, found, rel_tol=_ROUNDING):
        raise DataError(
            f"trained again, run {record.run_id} has a {name} of {found:.6g}, recorded is {recorded:.6g}: nothing was "
            "kept",
            "Only the same machine, packages and lnncmp give the same numbers; the record's provenance names them.",
        )


def _chosen_loss(record: RunRecord) -> float:
    epochs = {epoch.epoch: epoch.validation_loss for epoch in record.history}
    return epochs.get(-1 if record.best_epoch is None else record.best_epoch, math.nan)


def _test_error(made: RunRecord, path: Path, prepared: Prepared) -> float:
    module = load_recorded(made, path).module
    predictor = NetworkPredictor(module, torch.device("cpu"), made.recipe.evaluate.batch_size)
    splits = prepared.splits
    names = [target.name for target in case_of(made.case, made.recipe.data).targets]
    return errors_of(splits, names).judge(one_step(predictor, splits.test, splits)).metrics[splits.task.main]

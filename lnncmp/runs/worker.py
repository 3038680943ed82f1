"""Runs in a worker process, from their specifications to their records."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lnncmp.cases.base import Prepared, case_of, load_case, load_source
from lnncmp.errors import DataError, LnncmpError
from lnncmp.evaluation.evaluate import Scorer
from lnncmp.evaluation.operations import count_operations
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.networks.load import card_of, encoding_of
from lnncmp.networks.weights import packed
from lnncmp.recipe.recipe import parse
from lnncmp.records.operations import OperationCounts
from lnncmp.records.run_recipe import RunRecipe
from lnncmp.records.schema import RunRecord, Scores, Seeds
from lnncmp.records.weights import WeightsFile
from lnncmp.runs.keeper import RunKeeper
from lnncmp.runs.kernel_checks import require_sound_kernels
from lnncmp.runs.machine_errors import pass_on
from lnncmp.runs.plan import RunBatch, RunSpec
from lnncmp.runs.train_runs import EpochReport, PendingRun, fit
from lnncmp.runs.unfinished import begun
from lnncmp.sources.base import SourceContext
from lnncmp.training.build import build_named
from lnncmp.training.parameter_counts import count_parameters
from lnncmp.training.predict import NetworkPredictor, tensors
from lnncmp.training.trainer import Fitted

_COUNTED = 64
"""Test windows on which operations are counted."""


def prepare_data(recipe: RunRecipe, context: SourceContext) -> Prepared:
    """Return the data of a resolved run recipe. Raises DataError."""
    case = load_case(recipe.case)
    settings = parse(case.settings, recipe.data, "data")
    return case.of(settings).prepare(load_source(case, recipe.source), context, settings, recipe.evaluate.horizon)


def prepare_run(spec: RunSpec, context: SourceContext) -> Prepared:
    """Return the data of a run. Raises DataError if they are not those that it was planned for."""
    prepared = prepare_data(spec.recipe, context)
    if prepared.data_hash != spec.data_hash:
        raise DataError(
            f"the data of {spec.case} have changed since the study began: no run may mix them",
            "Run the command again: what is finished stays about the data as they were.",
        )
    return prepared


def execute_runs(
    batch: RunBatch,
    prepared: Prepared,
    store: RunKeeper,
    jobs: int,
    report: EpochReport,
    ended: Callable[[RunRecord], None],
    evaluate: bool = True,
    keep_weights: bool = False,
    scorer: Scorer | None = None,
) -> None:
    """Train, evaluate and record runs of one model from their checkpoints; `ended` is called with each record.

    keep_weights: the weights that are evaluated are written beside the record. scorer: that of the data, if other
    batches have used it (see `scorer_of`).
    Without `evaluate` and a scorer nothing but training and validation windows is read, and the records hold no scores.
    Runs of stackable models are trained in one call, which changes no numbers. A run that raises is recorded as failed
    with the reason, and the others continue. Raises LnncmpError (invalid settings, a full disk) and ConnectionError
    (the receiver of `report` has ended) without recording anything.
    """
    if scorer is None and evaluate:
        scorer = scorer_of(batch.runs[0], prepared)
    for specs in _groups(batch, store):
        for run in _trained(specs, prepared, store, jobs, report):
            with _recorded(run):
                if run.record.get("status") == "ok" and run.model is not None:
                    if scorer is not None:
                        run.record["scores"] = _scores(run.spec, run.model, scorer)
                        run.record["operations"] = _operations(run.spec, run.model, prepared, store)
                    run.record["weights"] = _kept(run.spec, run.model, prepared, store) if keep_weights else None
            finished = RunRecord(**run.record)
            store.write_run(finished)
            ended(finished)


@dataclass
class _Run:
    """A run whose record is being filled; `model` is None if it could not be built, with the reason in the record."""

    spec: RunSpec
    seeds: Seeds
    record: dict[str, Any]
    model: SequenceModel | None = None


def _groups(batch: RunBatch, store: RunKeeper) -> list[list[RunSpec]]:
    """Return the runs grouped by the number of finished epochs: each group can continue together."""
    by_epoch: dict[int, list[RunSpec]] = {}
    for spec in batch.runs:
        history = (store.load_checkpoint(spec.run_id) or {}).get("history")
        by_epoch.setdefault(len(history) if isinstance(history, list) else 0, []).append(spec)
    return list(by_epoch.values())


def _trained(
    specs: Sequence[RunSpec], prepared: Prepared, store: RunKeeper, jobs: int, report: EpochReport
) -> Iterator[_Run]:
    """Yield the runs after training: all in one call if the model supports it, otherwise one by one."""
    first = _begin(specs[0], prepared, store, jobs)
    if len(specs) > 1 and first.model is not None and first.model.stackable:
        runs = [first, *(_begin(spec, prepared, store, jobs) for spec in specs[1:])]
        try:
            _fit(runs, prepared, store, report)
        except (LnncmpError, ConnectionError):
            raise
        except Exception as error:  # of one run or of the stack: trained alone, each run gets its own outcome
            pass_on(error)
            store.warn(
                f"{first.spec.label}: training {len(runs)} runs in one call failed ({failure(error)}); "
                "training them one by one"
            )
        else:
            yield from runs
            return
        first = _begin(specs[0], prepared, store, jobs)
    for spec in specs:
        # A model is built right before training: torch's generator continues from its weights to its dropout.
        run = first if spec is specs[0] else _begin(spec, prepared, store, jobs)
        with _recorded(run):
            if run.model is not None:
                _fit([run], prepared, store, report)
        yield run


def _begin(spec: RunSpec, prepared: Prepared, store: RunKeeper, jobs: int) -> _Run:
    """Return a run with its untrained model; torch's generator is left in the state for training."""
    record = begun(spec, jobs)
    seeds = record["seeds"]
    run = _Run(spec, seeds, record)
    with _recorded(run):
        run.model = _model(spec, prepared, seeds)
        record |= require_sound_kernels(run.model, spec, prepared.splits.train, store.warn)
        record["implementation"] = run.model.implementation
        record["parameters"] = count_parameters(run.model, prepared.splits.train.x.shape[2])
        record["structure"] = run.model.structure()
    return run


@contextmanager
def _recorded(run: _Run) -> Iterator[None]:
    """Record any exception of a model, not of the machine, as the outcome of its run, so that the study continues."""
    try:
        yield
    except (LnncmpError, ConnectionError):
        raise
    except Exception as error:
        pass_on(error)
        run.record |= {"status": "failed", "reason": failure(error)}
        run.model = None


def _fit(runs: Sequence[_Run], prepared: Prepared, store: RunKeeper, report: EpochReport) -> None:
    """Train the models of `runs` in place and store the outcomes in their records."""
    pending = [
        PendingRun(run.spec, run.seeds, run.model, partial(_model, run.spec, prepared, run.seeds))
        for run in runs
        if run.model is not None
    ]
    for run, fitted in zip(runs, fit(pending, prepared.splits, store, report), strict=True):
        run.record |= _outcome(fitted) | {"stacked": len(runs)}


def failure(error: Exception) -> str:
    """Return the exception and its location in one line."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    message = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {message} ({Path(where.filename).name}:{where.lineno})"


def _model(spec: RunSpec, prepared: Prepared, seeds: Seeds) -> SequenceModel:
    """Return the untrained model; torch's generator is left in the state for training."""
    return build_named(
        spec.label,
        spec.recipe.model.name,
        spec.recipe.model.arguments,
        (prepared.splits.train.x.shape[2], prepared.splits.train.y.shape[2]),
        spec.recipe.dt_as_input,
        (seeds.model, seeds.wiring),
    ).to(spec.recipe.device)


def _outcome(fitted: Fitted) -> dict[str, Any]:
    return {
        "status": fitted.status,
        "reason": fitted.reason,
        "stopped_epoch": fitted.stopped_epoch,
        "history": fitted.history,
        "best_epoch": fitted.best_epoch,
    }


def _kept(spec: RunSpec, model: SequenceModel, prepared: Prepared, store: RunKeeper) -> WeightsFile:
    """Write the weights of a run and its scalers; return what its record says of them."""
    case = case_of(spec.case, spec.recipe.data)
    content = packed(model, prepared.scalers, card_of(case, encoding_of(spec.recipe)))
    return store.write_weights(spec.run_id, content, case.private)


def _operations(spec: RunSpec, model: SequenceModel, prepared: Prepared, store: RunKeeper) -> OperationCounts | None:
    """Return the operations of a step on some test windows; None, with a warning, if a model's cannot be counted."""
    windows = prepared.splits.test.take(slice(0, _COUNTED))
    try:
        return count_operations(model, *tensors(windows, torch.device(spec.recipe.device)))
    except Exception as error:  # a model may do what the counting cannot follow
        pass_on(error)
        store.warn(f"{spec.label}: its operations were not counted ({failure(error)})")
        return None


def scorer_of(spec: RunSpec, prepared: Prepared) -> Scorer:
    """Return what scores the networks of all runs on the data of a run."""
    return Scorer(prepared, case_of(spec.case, spec.recipe.data))


def _scores(spec: RunSpec, model: SequenceModel, scorer: Scorer) -> Scores:
    return scorer.score(NetworkPredictor(model, torch.device(spec.recipe.device), spec.recipe.evaluate.batch_size))

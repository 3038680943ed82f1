"""Runs inside a worker process, from their specifications to their records."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lnncmp.cases.base import Prepared, load_case, load_source
from lnncmp.common.provenance import provenance
from lnncmp.common.seeding import streams
from lnncmp.errors import LnncmpError
from lnncmp.evaluation.evaluate import score
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.recipe.recipe import parse
from lnncmp.records.run_recipe import RunRecipe
from lnncmp.records.schema import Parameters, RunRecord, Seeds
from lnncmp.records.store import Store
from lnncmp.runs.kernel_checks import require_sound_kernels
from lnncmp.runs.plan import RunBatch, RunSpec
from lnncmp.runs.train_runs import EpochReport, PendingRun, fit
from lnncmp.sources.base import SourceContext
from lnncmp.training.build import build_named
from lnncmp.training.parameter_counts import count_parameters
from lnncmp.training.predict import NetworkPredictor
from lnncmp.training.trainer import Fitted


def prepare_data(recipe: RunRecipe, context: SourceContext) -> Prepared:
    """Return the data of a resolved run recipe. Raises DataError."""
    case = load_case(recipe.case)
    settings = parse(case.settings, recipe.data, "data")
    return case.prepare(load_source(case, recipe.source), context, settings, recipe.evaluate.horizon)


def execute_runs(
    batch: RunBatch,
    prepared: Prepared,
    store: Store,
    jobs: int,
    report: EpochReport,
    ended: Callable[[RunRecord], None],
) -> None:
    """Train, evaluate and record runs of one model, going on from their checkpoints; `ended` hears of each record.

    Runs that can be are trained in one call, which changes no number. A run that raises is recorded as failed with the
    reason, so that the others go on. Raises LnncmpError (settings that cannot be built, a full disk) and
    ConnectionError (nobody listens to `report`): nothing is recorded.
    """
    for specs in _groups(batch, store):
        for run in _trained(specs, prepared, store, jobs, report):
            with _recorded(run):
                if run.record.get("status") == "ok" and run.model is not None:
                    run.record["scores"] = _scores(run.spec, run.model, prepared)
            finished = RunRecord(**run.record)
            store.write_run(finished)
            ended(finished)


@dataclass
class _Run:
    """A run on its way to a record; `model` is None and the record tells why if it could not be built."""

    spec: RunSpec
    seeds: Seeds
    record: dict[str, Any]
    model: SequenceModel | None = None


def _groups(batch: RunBatch, store: Store) -> list[list[RunSpec]]:
    """Return the runs that can go on together: those that have come equally far."""
    by_epoch: dict[int, list[RunSpec]] = {}
    for spec in batch.runs:
        history = (store.load_checkpoint(spec.run_id) or {}).get("history")
        by_epoch.setdefault(len(history) if isinstance(history, list) else 0, []).append(spec)
    return list(by_epoch.values())


def _trained(
    specs: Sequence[RunSpec], prepared: Prepared, store: Store, jobs: int, report: EpochReport
) -> Iterator[_Run]:
    """Yield the runs after their training: all in one call where the model allows it, else one by one."""
    first = _begin(specs[0], prepared, store, jobs)
    if len(specs) > 1 and first.model is not None and first.model.stackable:
        runs = [first, *(_begin(spec, prepared, store, jobs) for spec in specs[1:])]
        try:
            _fit(runs, prepared, store, report)
        except (LnncmpError, ConnectionError):
            raise
        except Exception as error:  # one of them, or all together: alone each has the outcome that is its own
            store.warn(
                f"{first.spec.label}: training {len(runs)} runs in one call failed ({failure(error)}); one by one"
            )
        else:
            yield from runs
            return
        first = _begin(specs[0], prepared, store, jobs)
    for spec in specs:
        # A model is built just before it is trained: torch's generator goes on from its weights to its dropout.
        run = first if spec is specs[0] else _begin(spec, prepared, store, jobs)
        with _recorded(run):
            if run.model is not None:
                _fit([run], prepared, store, report)
        yield run


def _begin(spec: RunSpec, prepared: Prepared, store: Store, jobs: int) -> _Run:
    """Return a run with its untrained model; torch's generator is left where training starts."""
    seeds = _seeds(spec)
    record: dict[str, Any] = {
        **spec.model_dump(exclude={"label", "seed"}),
        "model": spec.label,
        "seeds": seeds,
        "implementation": "unknown",
        "parameters": Parameters(trainable=0, active=0, total=0),
        "provenance": provenance(threads=spec.recipe.threads, device=spec.recipe.device, jobs=jobs),
    }
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
    """Make whatever a model raises the outcome of its run, not the end of the study."""
    try:
        yield
    except (LnncmpError, ConnectionError):
        raise
    except Exception as error:
        run.record |= {"status": "failed", "reason": failure(error)}
        run.model = None


def _fit(runs: Sequence[_Run], prepared: Prepared, store: Store, report: EpochReport) -> None:
    """Train the models of `runs` in place and put the outcomes into their records."""
    pending = [
        PendingRun(run.spec, run.seeds, run.model, partial(_model, run.spec, prepared, run.seeds))
        for run in runs
        if run.model is not None
    ]
    for run, fitted in zip(runs, fit(pending, prepared.splits, store, report), strict=True):
        run.record |= _outcome(fitted) | {"stacked": len(runs)}


def failure(error: Exception) -> str:
    """Return what went wrong and where, in one line."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    told = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {told} ({Path(where.filename).name}:{where.lineno})"


def _seeds(spec: RunSpec) -> Seeds:
    derived = streams(spec.seed)
    settings = parse(load_case(spec.case).settings, spec.recipe.data, "data")
    return Seeds(
        root=spec.seed,
        model=derived.model,
        wiring=derived.wiring,
        batches=derived.batches,
        data=settings.data_seed,
    )


def _model(spec: RunSpec, prepared: Prepared, seeds: Seeds) -> SequenceModel:
    """Return the untrained model; torch's generator is left where training starts."""
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


def _scores(spec: RunSpec, model: SequenceModel, prepared: Prepared) -> Any:
    predictor = NetworkPredictor(model, torch.device(spec.recipe.device), spec.recipe.evaluate.batch_size)
    return score(predictor, prepared, load_case(spec.case))

"""One run inside a worker process, from its specification to its record."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lnncmp.cases.base import Prepared, load_case, load_source
from lnncmp.cells.base import SequenceModel
from lnncmp.errors import LnncmpError
from lnncmp.evaluate import score
from lnncmp.measure import count_parameters
from lnncmp.predict import NetworkPredictor
from lnncmp.provenance import provenance
from lnncmp.recipe import parse
from lnncmp.runs.named_model import build_named
from lnncmp.runs.plan import RunSpec
from lnncmp.runs.record import Parameters, RunRecord, Seeds
from lnncmp.runs.store import Store
from lnncmp.seeding import streams
from lnncmp.settings import EvaluateSettings, TrainSettings
from lnncmp.sources.base import SourceContext
from lnncmp.train import Fitted, Trainer

EpochReport = Callable[[int, int, float], None]
"""Called as report(epoch, epochs, validation loss) after each epoch."""


def prepare_data(recipe: dict[str, Any], context: SourceContext) -> Prepared:
    """Return the data of a resolved run recipe. Raises DataError."""
    case = load_case(recipe["case"])
    settings = parse(case.settings, recipe["data"], "data")
    evaluate = parse(EvaluateSettings, recipe["evaluate"], "evaluate")
    return case.prepare(load_source(case, recipe["source"]), context, settings, evaluate.horizon)


def execute_run(spec: RunSpec, prepared: Prepared, store: Store, jobs: int, report: EpochReport) -> RunRecord:
    """Train, evaluate and record one run, going on from its checkpoint; return the stored record.

    A run that raises is recorded as failed with the reason, so that the others of the plan go on. Raises LnncmpError
    (settings that cannot be built, a full disk) and ConnectionError (nobody listens to `report`): nothing is recorded.
    """
    seeds = _seeds(spec)
    record: dict[str, Any] = {
        **spec.model_dump(exclude={"label", "seed"}),
        "model": spec.label,
        "seeds": seeds,
        "implementation": "unknown",
        "parameters": Parameters(trainable=0, active=0, total=0),
        "provenance": provenance(threads=spec.recipe["threads"], device=spec.recipe["device"], jobs=jobs),
    }
    try:
        model = _model(spec, prepared, seeds)
        record["implementation"] = model.implementation
        record["parameters"] = count_parameters(model, prepared.splits.train.x.shape[2])
        record["structure"] = model.structure()
        fitted = _fit(spec, model, prepared, store, seeds, report)
        record |= _outcome(fitted)
        if fitted.status == "ok":
            record["scores"] = _scores(spec, model, prepared)
    except (LnncmpError, ConnectionError):
        raise
    except Exception as error:  # whatever a model raises is the outcome of its run, not the end of the study
        record |= {"status": "failed", "reason": failure(error)}
    finished = RunRecord(**record)
    store.write_run(finished)
    return finished


def failure(error: Exception) -> str:
    """Return what went wrong and where, in one line."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    told = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {told} ({Path(where.filename).name}:{where.lineno})"


def _seeds(spec: RunSpec) -> Seeds:
    derived = streams(spec.seed)
    settings = parse(load_case(spec.case).settings, spec.recipe["data"], "data")
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
        spec.recipe["model"]["name"],
        spec.recipe["model"]["arguments"],
        (prepared.splits.train.x.shape[2], prepared.splits.train.y.shape[2]),
        spec.recipe["dt_as_input"],
        (seeds.model, seeds.wiring),
    ).to(spec.recipe["device"])


def _fit(
    spec: RunSpec, model: SequenceModel, prepared: Prepared, store: Store, seeds: Seeds, report: EpochReport
) -> Fitted:
    """Train `model` in place, going on from the checkpoint if there is one that fits."""
    settings = parse(TrainSettings, spec.recipe["train"], "train")
    device = torch.device(spec.recipe["device"])
    trainer = Trainer(model, prepared.splits, settings, seeds.batches, device)
    state = store.load_checkpoint(spec.run_id)
    if state is not None:
        try:
            trainer.restore(state)
        except Exception as error:  # readable, but not of this run: anything may be wrong with its content
            store.refuse_checkpoint(spec.run_id, type(error).__name__)
            # Part of it may have been taken over, so everything begins anew, torch's generator included.
            model.load_state_dict(_model(spec, prepared, seeds).state_dict())
            trainer = Trainer(model, prepared.splits, settings, seeds.batches, device)

    def after_epoch(trainer: Trainer) -> None:
        store.save_checkpoint(spec.run_id, trainer.state())
        last = trainer.fitted.history[-1]
        report(last.epoch, settings.epochs, last.validation_loss)

    return trainer.fit(after_epoch)


def _outcome(fitted: Fitted) -> dict[str, Any]:
    return {
        "status": fitted.status,
        "reason": fitted.reason,
        "stopped_epoch": fitted.stopped_epoch,
        "history": fitted.history,
        "best_epoch": fitted.best_epoch,
    }


def _scores(spec: RunSpec, model: SequenceModel, prepared: Prepared) -> Any:
    evaluate = parse(EvaluateSettings, spec.recipe["evaluate"], "evaluate")
    predictor = NetworkPredictor(model, torch.device(spec.recipe["device"]), evaluate.batch_size)
    return score(predictor, prepared, load_case(spec.case))

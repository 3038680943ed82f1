"""Training with checkpoints: runs resume from their last finished epoch, alone or stacked with runs of their model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from lnncmp.data.windows import Splits
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import Seeds
from lnncmp.records.settings import TrainSettings
from lnncmp.runs.keeper import RunKeeper
from lnncmp.runs.machine_errors import pass_on
from lnncmp.runs.plan import RunSpec
from lnncmp.training.stack_trainer import StackTrainer
from lnncmp.training.trainer import Fitted, Trainer

EpochReport = Callable[[int, int, float], None]
"""Called as report(epoch, epochs, validation loss) after each epoch; stacked runs report their mean loss."""


@dataclass(frozen=True)
class PendingRun:
    """A run to be trained; `rebuild` returns a newly initialised model and resets torch's generator."""

    spec: RunSpec
    seeds: Seeds
    model: SequenceModel
    rebuild: Callable[[], SequenceModel]


def fit(runs: Sequence[PendingRun], splits: Splits, store: RunKeeper, report: EpochReport) -> list[Fitted]:
    """Train the models in place; return one result per run. Several runs need stackable models.

    A run gets the same numbers alone and stacked with others: stackable models are always trained by the same code.
    Raises any exception of a model, and with several runs also if a checkpoint does not fit its run.
    """
    stacked = all(run.model.stackable for run in runs)
    train = _fit_stack if stacked else _fit_one
    states = [store.load_checkpoint(run.spec.run_id) for run in runs]
    return train(runs, [state for state in states if state is not None], splits, store, report)


def _settings(run: PendingRun) -> tuple[TrainSettings, torch.device]:
    return run.spec.recipe.train, torch.device(run.spec.recipe.device)


def _fit_stack(
    runs: Sequence[PendingRun], states: list[dict[str, Any]], splits: Splits, store: RunKeeper, report: EpochReport
) -> list[Fitted]:
    settings, device = _settings(runs[0])

    def begin() -> StackTrainer:
        return StackTrainer([r.model for r in runs], splits, settings, [r.seeds.batches for r in runs], device)

    def after_epoch(trainer: StackTrainer) -> None:
        losses = []
        for k in trainer.learning:
            store.save_checkpoint(runs[k].spec.run_id, trainer.state(k))
            losses.append(trainer.copies[k].fitted.history[-1].validation_loss)
        report(trainer.epochs_done, settings.epochs, sum(losses) / len(losses))

    trainer = begin()
    if states:
        try:
            trainer.restore(states)
        except Exception as error:  # readable, but not of this run: its content may be anything
            pass_on(error)
            if len(runs) > 1:
                raise
            _start_over(runs[0], store, error)
            trainer = begin()
    return trainer.fit(after_epoch)


def _fit_one(
    runs: Sequence[PendingRun], states: list[dict[str, Any]], splits: Splits, store: RunKeeper, report: EpochReport
) -> list[Fitted]:
    (run,) = runs
    settings, device = _settings(run)
    trainer = Trainer(run.model, splits, settings, run.seeds.batches, device)
    if states:
        try:
            trainer.restore(states[0])
        except Exception as error:  # as above
            pass_on(error)
            _start_over(run, store, error)
            trainer = Trainer(run.model, splits, settings, run.seeds.batches, device)

    def after_epoch(trainer: Trainer) -> None:
        store.save_checkpoint(run.spec.run_id, trainer.state())
        last = trainer.fitted.history[-1]
        report(last.epoch, settings.epochs, last.validation_loss)

    return [trainer.fit(after_epoch)]


def _start_over(run: PendingRun, store: RunKeeper, error: Exception) -> None:
    """Set a checkpoint aside, and undo what was restored from it."""
    store.refuse_checkpoint(run.spec.run_id, type(error).__name__)
    run.model.load_state_dict(run.rebuild().state_dict())

"""Trains several runs of one model in one call: same data and settings, separate weights and batch orders.

Each copy is treated as by lnncmp.training.trainer.Trainer, with its own batch order, best epoch and divergence check.
The copies take their steps together; a copy that diverged or is on a plateau stops and is no longer computed from the
next epoch on. A copy's numbers do not depend on the other copies.

Legend of shapes: S copies, B batch, T steps, I inputs, O outputs, P trainable numbers of a model.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lnncmp.data.task import Task
from lnncmp.data.windows import Splits
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.schema import Epoch
from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.compiled_network import network_of
from lnncmp.training.compiled_steps import CompiledSteps
from lnncmp.training.losses import trained_task
from lnncmp.training.spare_cores import SpareCores
from lnncmp.training.stacked_model import StackedModel
from lnncmp.training.steps import History, Steps, TorchSteps
from lnncmp.training.trainer import (
    Checkpoint,
    Diverged,
    Fitted,
    learning_rate,
    require_finite_gradient,
    require_finite_loss,
)
from lnncmp.training.watched_memory import WatchedMemory

_VALIDATION_BATCH = 1024


class Copy:
    """The state of one run of a stack: batch order, best weights, history."""

    def __init__(self, batch_seed: int) -> None:
        self.rng = np.random.default_rng(batch_seed)
        self.best_loss = float("inf")
        self.best_weights: Tensor | None = None
        self.fitted = Fitted()
        self.started = time.perf_counter()
        self.total = self.cells = self.largest = 0.0

    @property
    def learns(self) -> bool:
        """Return whether the copy has not diverged."""
        return self.fitted.status == "ok"

    def diverged(self, reason: Diverged, epoch: int) -> None:
        """Stop the copy and record the reason."""
        self.fitted.status, self.fitted.reason, self.fitted.stopped_epoch = "diverged", str(reason), epoch


class StackTrainer:
    """Trains S models on one set of splits in lockstep; `state(k)` and `restore` work as in `Trainer`.

    The models must be stackable (see StackedModel). After `fit` they hold the selected weights.
    """

    def __init__(
        self,
        models: Sequence[SequenceModel],
        splits: Splits,
        settings: TrainSettings,
        batch_seeds: Sequence[int],
        device: torch.device,
    ) -> None:
        self.stack = StackedModel(models)
        self.settings, self.device = settings, device
        task = trained_task(splits.task, settings)
        self.train = Batches(splits.train, task, device)
        self.validation = Batches(splits.validation, task, device)
        self.copies = [Copy(seed) for seed in batch_seeds]
        self.optimizer = torch.optim.Adam(self.stack.rows, lr=settings.learning_rate, eps=settings.adam_eps, fused=True)
        self.rate = settings.learning_rate
        self.steps, self.cores = self._steps(task), SpareCores()

    def _steps(self, task: Task) -> Steps:
        """Return the compiled steps where the model is a kernel and a readout, else those by torch."""
        network, data = network_of(self.stack.models[0]), (self.train, self.validation)
        if network is None:
            return TorchSteps(self.stack, *data, self.settings, self.optimizer)
        return CompiledSteps(self.stack, network, data, task, self.settings, self.optimizer)

    @property
    def epochs_done(self) -> int:
        """Return the number of finished epochs."""
        return max(len(copy.fitted.history) for copy in self.copies)

    def state(self, k: int) -> Checkpoint:
        """Return everything needed to resume copy k, alone or in another stack."""
        row, copy = self.stack.rows[k], self.copies[k]
        moments = {name: tensor.clone() for name, tensor in self.optimizer.state[row].items()}
        return {
            "weights": row.detach().clone(),
            "optimizer": moments,
            "best_weights": copy.best_weights,
            "best_loss": copy.best_loss,
            "best_epoch": copy.fitted.best_epoch,
            "history": [epoch.model_dump() for epoch in copy.fitted.history],
            "batch_rng": copy.rng.bit_generator.state,
        }

    def restore(self, states: Sequence[Checkpoint]) -> None:
        """Resume from the results of `state` for each copy, all after the same number of epochs."""
        if len({len(state["history"]) for state in states}) != 1:
            raise ValueError("the states to resume from are of different epochs")
        for row, copy, state in zip(self.stack.rows, self.copies, states, strict=True):
            if state["weights"].shape != row.shape:
                raise ValueError("the weights to resume from belong to another model")
            with torch.no_grad():
                row.copy_(state["weights"])
            self.optimizer.state[row] = {name: tensor.clone() for name, tensor in state["optimizer"].items()}
            copy.best_weights, copy.best_loss = state["best_weights"], state["best_loss"]
            copy.fitted.best_epoch = state["best_epoch"]
            copy.fitted.history = [Epoch(**epoch) for epoch in state["history"]]
            copy.rng.bit_generator.state = state["batch_rng"]

    @property
    def learning(self) -> list[int]:
        """Return the copies that took part in the last epoch and have not diverged."""
        return [k for k in self.stack.computed if self.copies[k].learns]

    def fit(self, after_epoch: Callable[["StackTrainer"], None] = lambda trainer: None) -> list[Fitted]:
        """Train the remaining epochs, then load each copy's selected weights; return one result per copy."""
        for epoch in range(self.epochs_done + 1, self.settings.epochs + 1):
            self.stack.computed = [k for k in self.learning if not self.copies[k].fitted.at_plateau(self.settings)]
            if not self.stack.computed:
                break
            with self.cores.lent() as threads:
                self._epoch(epoch, threads)
            if not self.learning:
                break
            after_epoch(self)
        self.stack.train(False)
        if self.settings.restore != "last":
            with torch.no_grad():
                for row, copy in zip(self.stack.rows, self.copies, strict=True):
                    if copy.best_weights is not None:
                        row.copy_(copy.best_weights)
        return [copy.fitted for copy in self.copies]

    def _epoch(self, epoch: int, threads: int) -> None:
        memory, started = WatchedMemory(self.device), time.perf_counter()
        self.steps.begin()
        begun = time.perf_counter()
        self.steps.warm_up(len(self.train), self.settings.batch_size)
        started += time.perf_counter() - begun
        together = [self.copies[k] for k in self.stack.computed]
        for copy in together:
            copy.total = copy.cells = copy.largest = 0.0
        orders = np.stack([copy.rng.permutation(len(self.train)) for copy in together])
        size = self.settings.batch_size
        batches = -(-len(self.train) // size)
        rates = [learning_rate(self.settings, len(self.train), epoch, number) for number in range(batches)]
        learns = np.array([copy.learns for copy in together])
        found = self.steps.epoch(orders, size, rates, learns, self.settings.diverged_loss)
        self.rate = rates[len(found.losses) - 1]
        self._count(together, found, epoch)
        self.steps.end()
        seconds = (time.perf_counter() - started) / len(together)
        self.cores.took(threads, seconds)
        validations = chosen = self._on_validation(choosing=False)
        if self.settings.restore == "best_error":
            chosen = self._on_validation(choosing=True)
        spent = seconds * self.cores.used(threads), memory.peak()
        for k, validation, choosing in zip(self.stack.computed, validations, chosen, strict=True):
            if self.copies[k].learns:
                self._end(self.copies[k], self.stack.rows[k], (validation, choosing), epoch, spent)

    def _end(
        self, copy: Copy, row: Tensor, found: tuple[float, float], epoch: int, spent: tuple[float, int | None]
    ) -> None:
        """Record the epoch of one copy, and its weights if they are its best so far.

        found: validation loss, and the error or loss that chooses the best epoch. spent: seconds and peak of memory.
        """
        (validation, chosen), (seconds, peak_memory) = found, spent
        if not np.isfinite(validation):
            copy.diverged(Diverged(f"validation loss {validation} after epoch {epoch}"), epoch)
            return
        copy.fitted.history.append(
            Epoch(
                epoch=epoch,
                train_loss=copy.total / copy.cells,
                validation_loss=validation,
                seconds=seconds,
                grad_norm=copy.largest,
                learning_rate=self.rate,
                peak_memory=peak_memory,
            )
        )
        if chosen < copy.best_loss:
            copy.best_loss, copy.fitted.best_epoch = chosen, epoch
            copy.best_weights = row.detach().clone()

    def _count(self, copies: list[Copy], found: History, epoch: int) -> None:
        """Add up what was found in each batch, as long as a copy learns."""
        for losses, counts, norms in zip(*(own.tolist() for own in found), strict=True):
            for copy, value, count, norm in zip(copies, losses, counts, norms, strict=True):
                if copy.learns:
                    try:
                        require_finite_loss(value, self.settings, epoch)
                        copy.total, copy.cells = copy.total + value * count, copy.cells + count
                        copy.largest = max(copy.largest, norm)
                        require_finite_gradient(norm, value, epoch)
                    except Diverged as reason:
                        copy.diverged(reason, epoch)

    def _on_validation(self, choosing: bool) -> list[float]:
        """Return for each copy that is computed the mean over the counted cells of the validation windows."""
        copies, windows = len(self.stack.computed), len(self.validation)
        found = self.steps.validate(copies, windows, _VALIDATION_BATCH, choosing)
        totals, cells = np.zeros(copies), 0.0
        for losses, counts in zip(found.losses, found.counts, strict=True):
            totals, cells = totals + losses * counts[0], cells + counts[0]
        return [float(total) for total in totals / max(cells, 1.0)]

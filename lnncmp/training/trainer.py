"""One trainer for every model: Adam, schedule, clipping, best weights by validation loss, divergence, resuming.

It depends on no case and no model, and writes nothing: `runs` stores its checkpoint states.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lnncmp.data.windows import Splits
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.records.convergence import on_plateau
from lnncmp.records.schema import Epoch, Status
from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.losses import Cells, trained_task
from lnncmp.training.watched_memory import WatchedMemory

Checkpoint = dict[str, Any]


class Diverged(Exception):
    """The loss or the gradient is not finite, or the loss exceeds the bound in the settings."""


@dataclass
class Fitted:
    """The result of training; the model holds the weights to evaluate. `status` is ok or diverged, with `reason`."""

    status: Status = "ok"
    reason: str | None = None
    stopped_epoch: int | None = None
    best_epoch: int | None = None
    history: list[Epoch] = field(default_factory=list)

    def at_plateau(self, settings: TrainSettings) -> bool:
        """Tell whether training is to stop because the validation loss no longer falls (`settings.patience`)."""
        losses = [epoch.validation_loss for epoch in self.history]
        return on_plateau(losses, settings.patience, settings.min_gain)


def learning_rate(settings: TrainSettings, windows: int, epoch: int, batch: int) -> float:
    """Return the learning rate of a batch (from 0) of an epoch (from 1) with `windows` training windows.

    As in Keras' ExponentialDecay, an epoch counts whole batches, and the last, partial batch is a separate step.
    """
    per_epoch = max(windows // settings.batch_size, 1)
    batches = -(-windows // settings.batch_size)
    done = (epoch - 1) * batches + batch
    return float(settings.learning_rate * settings.decay ** (done / per_epoch))


def require_finite_loss(value: float, settings: TrainSettings, epoch: int) -> None:
    """Raise Diverged if a training loss is not finite or exceeds the bound in the settings."""
    if not np.isfinite(value) or value > settings.diverged_loss:
        raise Diverged(f"training loss {value:.4g} in epoch {epoch}")


def require_finite_gradient(norm: float, value: float, epoch: int) -> None:
    """Raise Diverged if a gradient norm is not finite; `value` is the corresponding loss."""
    if not np.isfinite(norm):
        raise Diverged(f"gradient norm {norm} in epoch {epoch}, at training loss {value:.4g}")


class Trainer:
    """Trains one model on one set of splits. `state()` and `restore()` let an interrupted run resume."""

    def __init__(
        self, model: SequenceModel, splits: Splits, settings: TrainSettings, batch_seed: int, device: torch.device
    ) -> None:
        self.model = model
        self.settings = settings
        self.device = device
        task = trained_task(splits.task, settings)
        self.train = Batches(splits.train, task, device)
        self.validation = Batches(splits.validation, task, device)
        self.rng = np.random.default_rng(batch_seed)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=settings.learning_rate, eps=settings.adam_eps, fused=True)
        self.best_loss = float("inf")
        self.best_weights: dict[str, Tensor] = {}
        self.fitted = Fitted()

    def state(self) -> Checkpoint:
        """Return everything needed to resume: weights, optimiser, random states, history, best weights.

        It is a snapshot: further training does not change it.
        """
        on_gpu = self.device.type == "cuda"
        return {
            "model": copy.deepcopy(self.model.state_dict()),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "best_weights": dict(self.best_weights),
            "best_loss": self.best_loss,
            "best_epoch": self.fitted.best_epoch,
            "history": [epoch.model_dump() for epoch in self.fitted.history],
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if on_gpu else None,
            "batch_rng": self.rng.bit_generator.state,
        }

    def restore(self, state: Checkpoint) -> None:
        """Resume from a result of `state`."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_weights, self.best_loss = dict(state["best_weights"]), state["best_loss"]
        self.fitted.best_epoch = state["best_epoch"]
        self.fitted.history = [Epoch(**epoch) for epoch in state["history"]]
        torch.set_rng_state(state["torch_rng"].cpu())
        if state["cuda_rng"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"].cpu(), self.device)
        self.rng.bit_generator.state = state["batch_rng"]

    def fit(self, after_epoch: Callable[["Trainer"], None] = lambda trainer: None) -> Fitted:
        """Train the remaining epochs, then load the selected weights. `after_epoch` is called after each epoch."""
        for epoch in range(len(self.fitted.history) + 1, self.settings.epochs + 1):
            if self.fitted.at_plateau(self.settings):
                break
            try:
                self._epoch(epoch)
            except Diverged as reason:
                self.fitted.status, self.fitted.reason, self.fitted.stopped_epoch = "diverged", str(reason), epoch
                break
            after_epoch(self)
        if self.settings.restore != "last" and self.best_weights:
            self.model.load_state_dict(self.best_weights)
        return self.fitted

    def _epoch(self, epoch: int) -> None:
        memory, started = WatchedMemory(self.device), time.perf_counter()
        self.model.train()
        order = torch.from_numpy(self.rng.permutation(len(self.train)))
        total = cells = 0.0
        largest = 0.0
        for number, rows in enumerate(order.split(self.settings.batch_size)):
            self.optimizer.param_groups[0]["lr"] = learning_rate(self.settings, len(self.train), epoch, number)
            loss, norm = self._step(rows, epoch)
            count = self.train.count(rows)
            total, cells, largest = total + loss * count, cells + count, max(largest, norm)
        seconds = time.perf_counter() - started
        validation = self._on_validation(self.validation.cells)
        if not np.isfinite(validation):
            raise Diverged(f"validation loss {validation} after epoch {epoch}")
        row = Epoch(
            epoch=epoch,
            train_loss=total / cells,
            validation_loss=validation,
            seconds=seconds,
            grad_norm=largest,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            peak_memory=memory.peak(),
        )
        self.fitted.history.append(row)
        chosen = validation
        if self.settings.restore == "best_error":
            chosen = self._on_validation(self.validation.choosing)
        if chosen < self.best_loss:
            self.best_loss, self.fitted.best_epoch = chosen, epoch
            self.best_weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def _step(self, rows: Tensor, epoch: int) -> tuple[float, float]:
        """Take one optimiser step; return the data loss and the gradient norm before clipping."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.train.loss(self.model, rows)
        value = float(loss.detach())
        require_finite_loss(value, self.settings, epoch)
        if self.settings.l2:
            loss = loss + self.settings.l2 * sum(
                (p.square().sum() for p in self.parameters if p.ndim > 1), loss.new_zeros(())
            )
        loss.backward()
        norm = self._clip()
        require_finite_gradient(norm, value, epoch)
        self.optimizer.step()
        self.model.constrain()
        return value, norm

    def _clip(self) -> float:
        """Clip the gradients according to the settings; return the global norm before clipping."""
        parameters, limit = self.parameters, self.settings.clip_norm
        bound = limit if self.settings.clip == "global" else float("inf")
        norm = float(nn.utils.clip_grad_norm_(parameters, bound))
        if self.settings.clip == "per_tensor":
            for parameter in parameters:
                if parameter.grad is not None:
                    nn.utils.clip_grad_norm_(parameter, limit)
        return norm

    @torch.no_grad()
    def _on_validation(self, of: Cells) -> float:
        """Return the mean over the counted cells of the validation windows."""
        self.model.eval()
        total = cells = 0.0
        for rows in torch.arange(len(self.validation)).split(1024):
            count = self.validation.count(rows)
            total, cells = total + float(self.validation.loss(self.model, rows, of)) * count, cells + count
        return total / max(cells, 1.0)

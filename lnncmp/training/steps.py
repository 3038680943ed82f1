"""One training step of stacked copies: the contract, and the way through torch, which computes every stackable model.

Legend of shapes: S copies that are computed, B batch, P trainable numbers of a model.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.losses import Cells
from lnncmp.training.stacked_model import StackedModel

Rows = NDArray[Any]
"""Windows of each copy (S, B), of int64."""
Found = tuple[list[float], list[float]]
"""The loss of each copy, and the number of cells counted in it."""


def sizes_of(windows: int, size: int) -> list[int]:
    """Return the sizes of the batches of so many windows, `size` at a time, the largest first."""
    return sorted({min(size, windows), windows % size} - {0}, reverse=True)


class History(NamedTuple):
    """What was found in K batches, each (K, S): losses, counted cells, and norms of the gradients before clipping."""

    losses: NDArray[Any]
    counts: NDArray[Any]
    norms: NDArray[Any]

    @classmethod
    def of(cls, batches: int, copies: int) -> "History":
        """Return zeros, to be written."""
        return cls(*(np.zeros((batches, copies)) for _ in range(3)))

    def first(self, batches: int) -> "History":
        """Return that of the first batches."""
        return History(*(own[:batches] for own in self))


class Steps(ABC):
    """Takes the training steps of the copies of a stack that are computed."""

    @abstractmethod
    def begin(self) -> None:
        """Prepare for the copies that are computed now, with the weights that they have."""

    @abstractmethod
    def warm_up(self, windows: int, size: int) -> None:
        """Do what is done once for the copies that are computed, so that no epoch's time includes it.

        After `begin`, for epochs of so many windows, `size` a batch; no weight changes.
        """

    @abstractmethod
    def losses(self, rows: Rows) -> Found:
        """Return the losses of training windows."""

    @abstractmethod
    def update(self, learns: Sequence[bool], rate: float) -> list[float]:
        """Take the step of the copies that learn, after `losses`; return the norms of their gradients before clipping.

        A copy whose gradient is not finite takes none. What is returned for others has no meaning.
        """

    def epoch(self, windows: Rows, size: int, rates: Sequence[float], learns: NDArray[Any], bound: float) -> History:
        """Take a step for each batch of `size` windows, with its rate; windows (S, N): those of each copy in its order.

        learns (S), bool: the copies that learn; one stops to when its loss is not finite or above `bound`, and after a
        gradient that is not finite. The batch in which none learns is the last one.
        """
        history, learning = History.of(len(rates), len(learns)), learns.copy()
        for k, rate in enumerate(rates):
            losses, counts = self.losses(np.ascontiguousarray(windows[:, k * size : (k + 1) * size]))
            history.losses[k], history.counts[k] = losses, counts
            learning &= np.isfinite(losses) & (np.array(losses) <= bound)
            if not learning.any():
                return history.first(k + 1)
            history.norms[k] = self.update(learning.tolist(), rate)
            learning &= np.isfinite(history.norms[k])
        return history

    @abstractmethod
    def end(self) -> None:
        """Write weights and moments back to the stack and the optimiser."""

    def validate(self, copies: int, windows: int, size: int, choosing: bool) -> History:
        """Return what `errors` returns for all validation windows, `size` at a time; without norms."""
        history = History.of(-(-windows // size), copies)
        for k, start in enumerate(range(0, windows, size)):
            rows = np.arange(start, min(start + size, windows))
            history.losses[k], history.counts[k] = self.errors(np.tile(rows, (copies, 1)), choosing)
        return history

    @abstractmethod
    def errors(self, rows: Rows, choosing: bool) -> Found:
        """Return the losses of validation windows, or if `choosing` the errors that choose the best epoch."""


class TorchSteps(Steps):
    """Steps by torch: vmap over the copies, autograd and Adam(fused=True)."""

    def __init__(
        self,
        stack: StackedModel,
        train: Batches,
        validation: Batches,
        settings: TrainSettings,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.stack, self.train, self.validation = stack, train, validation
        self.settings, self.optimizer = settings, optimizer
        self.last: Tensor | None = None

    def begin(self) -> None:
        """Put all copies into training mode."""
        self.stack.train(True)

    def warm_up(self, windows: int, size: int) -> None:
        """Run the kernels forward and backward, the first time."""
        if self.last is None:
            for batch in sizes_of(windows, size):
                self.losses(np.tile(np.arange(batch), (len(self.stack.computed), 1)))
                assert self.last is not None
                self.last.sum().backward()
            self.optimizer.zero_grad(set_to_none=True)

    def losses(self, rows: Rows) -> Found:
        """Return the losses of training windows; their graph is kept."""
        self.optimizer.zero_grad(set_to_none=True)
        self.last, counts = _losses(self.stack, self.train, torch.from_numpy(rows))
        return self.last.tolist(), counts

    def update(self, learns: Sequence[bool], rate: float) -> list[float]:
        """Differentiate, clip and take the step."""
        assert self.last is not None
        losses, rows = self.last, [self.stack.rows[k] for k in self.stack.computed]
        if self.settings.l2:
            losses = losses + self.settings.l2 * torch.stack([self._penalty(row) for row in rows])
        losses[[place for place, learning in enumerate(learns) if learning]].sum().backward()
        norms = []
        for learning, row in zip(learns, rows, strict=True):
            norms.append(0.0 if row.grad is None else self._clip(row.grad))
            if not learning or not math.isfinite(norms[-1]):
                row.grad = None  # the optimiser skips it
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        self.stack.constrain()
        return norms

    def end(self) -> None:
        """Do nothing: the optimiser works on the stack's own weights."""

    @torch.no_grad()
    def errors(self, rows: Rows, choosing: bool) -> Found:
        """Return the losses or errors of validation windows, in evaluation mode."""
        self.stack.train(False)
        cells = self.validation.choosing if choosing else self.validation.cells
        losses, counts = _losses(self.stack, self.validation, torch.from_numpy(rows[0]), cells)
        return losses.tolist(), counts

    def _penalty(self, row: Tensor) -> Tensor:
        """Return the sum of squares of all weight matrices of one copy."""
        parts = zip(self.stack.shapes.values(), row.split(self.stack.sizes), strict=True)
        return sum((part.square().sum() for shape, part in parts if len(shape) > 1), row.new_zeros(()))

    def _clip(self, gradient: Tensor) -> float:
        """Clip the gradient (P,) of one copy according to the settings; return its norm before clipping."""
        norm = float(torch.linalg.vector_norm(gradient))
        limit = self.settings.clip_norm
        if self.settings.clip == "global":
            _scale(gradient, norm, limit)
        elif self.settings.clip == "per_tensor":
            for part in gradient.split(self.stack.sizes):
                _scale(part, float(torch.linalg.vector_norm(part)), limit)
        return norm


def _losses(stack: StackedModel, data: Batches, rows: Tensor, of: Cells | None = None) -> tuple[Tensor, list[float]]:
    """Return the loss (S,), or the mean of other cells, and the number of counted cells of every copy.

    rows: windows (S, B), or (B,) for all.
    """
    valid = None if data.valid is None else data.valid[rows]
    error = (of or data.cells)(stack(data.x[rows], data.dt[rows], valid), data.y[rows])
    if data.counted is None:
        return error.mean((1, 2, 3)), [float(error[0].numel())] * len(error)
    counted = data.counted[rows].expand(error.shape)
    counts = counted.sum((1, 2, 3))
    return torch.where(counted, error, 0.0).sum((1, 2, 3)) / counts.clamp(min=1), counts.tolist()


def _scale(gradient: Tensor, norm: float, limit: float) -> None:
    """Scale a gradient with norm `norm` down to the limit, as torch.nn.utils.clip_grad_norm_ does."""
    if norm > limit:
        gradient.mul_(limit / (norm + 1e-6))

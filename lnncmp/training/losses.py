"""The training loss of a task, cell by cell: squared errors of values, cross-entropies of classes.

Legend of shapes: ... any leading dimensions, T steps, O outputs; C cells of a step: O values, or 1 for classes.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from lnncmp.data.task import Task
from lnncmp.records.settings import TrainSettings

Cells = Callable[[Tensor, Tensor], Tensor]
"""(outputs (..., T, O), targets (..., T, O)) -> loss of every cell (..., T, C)."""


def trained_task(task: Task, settings: TrainSettings) -> Task:
    """Return the task with the class weights of the settings, if they have any; ValueError if they do not fit."""
    return task if settings.class_weights is None else replace(task, weights=settings.class_weights)


def cells_of(task: Task, device: torch.device) -> Cells:
    """Return the loss of every cell under `task`."""
    if task.kind == "values":
        return squared_errors
    weights = torch.tensor(task.weights, device=device) if task.weights else None

    def cross_entropies(outputs: Tensor, targets: Tensor) -> Tensor:
        """Return -w log p of the true class (..., T, 1), w its weight; targets are one-hot."""
        chosen = targets if weights is None else targets * weights.to(targets.dtype)
        return -(chosen * torch.log_softmax(outputs, -1)).sum(-1, keepdim=True)

    return cross_entropies


def choosing_cells(task: Task) -> Cells:
    """Return the error of every cell by which `restore = best_error` chooses the best epoch.

    Values: squared errors, which are the loss. Classes: 1 where another class than the true one has the largest logit.
    """
    return squared_errors if task.kind == "values" else mistakes


def mistakes(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return 1 where another class has the largest logit, else 0 (..., T, 1); targets are one-hot."""
    return (outputs.argmax(-1, keepdim=True) != targets.argmax(-1, keepdim=True)).to(outputs.dtype)


def squared_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared errors (..., T, O)."""
    return (outputs - targets) ** 2


def counted_mean(cells: Tensor, counted: Tensor | None) -> Tensor:
    """Return the mean over the counted cells of (B, T, C); None counts all."""
    if counted is None:
        return cells.mean()
    return torch.where(counted, cells, 0.0).sum() / counted.sum().clamp(min=1)

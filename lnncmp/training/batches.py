"""Windows of a data set on a device, as training reads them."""

import numpy as np
import torch
from torch import Tensor

from lnncmp.data.task import Task
from lnncmp.data.windows import Windows
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.losses import Cells, cells_of, choosing_cells, counted_mean
from lnncmp.training.predict import tensors


class Batches:
    """Windows and their targets on a device, split into batches in any order.

    cells: the loss of a task. choosing: the error that chooses the best epoch if it is not the loss.
    """

    def __init__(self, windows: Windows, task: Task, device: torch.device) -> None:
        self.x, self.dt, self.valid = tensors(windows, device)
        self.y = torch.from_numpy(np.where(windows.target_mask, windows.y, 0).astype(np.float32)).to(device)
        counted = windows.target_mask & windows.valid[..., None]
        if task.kind == "classes":
            counted = counted[..., :1]
        self.cells, self.choosing = cells_of(task, device), choosing_cells(task)
        self.cells_per_window = counted[0].size
        self.counted = None if counted.all() else torch.from_numpy(counted).to(device)

    def __len__(self) -> int:
        return len(self.x)

    def loss(self, model: SequenceModel, rows: Tensor, cells: Cells | None = None) -> Tensor:
        """Return the model's loss on the windows `rows`, or the mean of other `cells`."""
        valid = None if self.valid is None else self.valid[rows]
        counted = None if self.counted is None else self.counted[rows]
        found = (cells or self.cells)(model(self.x[rows], self.dt[rows], valid), self.y[rows])
        return counted_mean(found, counted)

    def count(self, rows: Tensor) -> float:
        """Return the number of counted cells in the windows `rows`."""
        return float(len(rows) * self.cells_per_window if self.counted is None else self.counted[rows].sum())

"""Compiled training steps on always the same batch, for measuring what they cost.

Legend of shapes: S copies, B batch, T steps, I inputs, O outputs.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lnncmp.data.task import Task
from lnncmp.layers.sequence_model import SequenceModel
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_network import Network, network_of
from lnncmp.training.stacked_model import StackedModel

RATE = 1e-3
_RATES = np.array([RATE])
"""The learning rate: that of torch.optim.Adam unless told otherwise."""


class FixedBatch:
    """One step of Adam with mean squared errors for each of S models, on x (S, B, T, I), dt (S, B, T), y (S, B, T, O).

    Calling it takes the step; the models have their new weights after `store`.
    """

    def __init__(self, models: Sequence[SequenceModel], network: Network, x: Tensor, dt: Tensor, y: Tensor) -> None:
        # Imported on first use: it loads the compiler, which takes a second.
        from lnncmp.training.compiled_shares import CompiledShares
        from lnncmp.training.compiled_stack import CompiledStack

        self.stack = StackedModel(models)
        self.compiled = CompiledShares(
            lambda share: CompiledStack(self.stack, network, Task(), computed=share), range(len(models))
        )
        rows = [row.detach().numpy() for row in self.stack.rows]
        nothing = [np.zeros_like(row) for row in rows]
        self.compiled.load(rows, nothing, nothing, [0] * len(rows))
        flat = [own.flatten(0, 1) for own in (x, dt, y)]
        self.data = ArrayWindows(flat[0], flat[1], flat[2], None, None, network.with_time, self.stack.rows[0].dtype)
        self.windows = np.arange(len(flat[0])).reshape(x.shape[:2])
        self.learns = np.ones(len(models), np.bool_)

    def __call__(self) -> None:
        """Take the step."""
        size = self.windows.shape[1]
        if self.compiled.can_train(self.data, size, size):
            self.compiled.train(self.data, self.windows, size, _RATES, self.learns, math.inf)
        else:
            self.compiled.losses(self.data, self.windows)
            self.compiled.update(self.learns, RATE)

    @torch.no_grad()
    def store(self) -> None:
        """Give the models their weights."""
        for row, weights in zip(self.stack.rows, torch.from_numpy(self.compiled.stored()[0]), strict=True):
            row.copy_(weights)


def fixed_batch(models: Sequence[SequenceModel], x: Tensor, dt: Tensor, y: Tensor) -> FixedBatch | None:
    """Return the steps of models of one architecture, None if torch trains them."""
    network = network_of(models[0])
    return None if network is None else FixedBatch(models, network, x, dt, y)

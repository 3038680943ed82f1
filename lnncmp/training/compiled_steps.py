"""Training steps of stacked copies by compiled code; the numbers are those of lnncmp.training.steps but for rounding.

Legend of shapes: S copies that are computed, B batch, P trainable numbers of a model.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from lnncmp.data.task import Task
from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_network import Network
from lnncmp.training.stacked_model import StackedModel
from lnncmp.training.steps import Found, Rows, Steps


class CompiledSteps(Steps):
    """Steps by compiled code. The optimiser's state is read and written as torch's own Adam has it."""

    def __init__(
        self,
        stack: StackedModel,
        network: Network,
        data: tuple[Batches, Batches],
        task: Task,
        settings: TrainSettings,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        # Imported on first use: it loads the compiler, which takes a second.
        from lnncmp.training.compiled_stack import CLIPS, CompiledStack, Optimiser

        kind = stack.rows[0].dtype
        self.stack, self.optimizer, self.computed = stack, optimizer, list[int]()
        self.train, self.validation = (
            ArrayWindows(own.x, own.dt, own.y, own.valid, own.counted, network.with_time, kind) for own in data
        )
        own = Optimiser(settings.adam_eps, CLIPS[settings.clip], settings.clip_norm, settings.l2)
        self.make: Callable[[], CompiledStack] = lambda: CompiledStack(stack, network, task, own)

    def begin(self) -> None:
        """Take weights and moments of the copies that are computed."""
        if self.computed != self.stack.computed:
            self.compiled, self.computed = self.make(), list(self.stack.computed)
        rows = [self.stack.rows[k] for k in self.computed]
        states = [self.optimizer.state[row] for row in rows]
        self.compiled.load([row.detach().numpy() for row in rows])
        means, squares = (
            [state.get(name, torch.zeros_like(row)).detach().numpy() for state, row in zip(states, rows, strict=True)]
            for name in ("exp_avg", "exp_avg_sq")
        )
        self.compiled.load_moments(means, squares, [int(state.get("step", 0)) for state in states])

    def warm_up(self, rows: Rows) -> None:
        """Do what a step does, for no copy that learns."""
        self.compiled.losses(self.train, rows)
        self.compiled.update(np.zeros(len(rows), np.bool_), 1.0)

    def losses(self, rows: Rows) -> Found:
        """Return the losses of training windows."""
        losses, counts = self.compiled.losses(self.train, rows)
        return losses.tolist(), counts.tolist()

    def update(self, learns: Sequence[bool], rate: float) -> list[float]:
        """Differentiate, clip and take the step."""
        norms: list[float] = self.compiled.update(np.array(learns), rate).tolist()
        return norms

    @torch.no_grad()
    def end(self) -> None:
        """Write weights and moments back."""
        found = zip(self.computed, *map(torch.from_numpy, self.compiled.stored()), strict=True)
        for (k, weights, mean, square), step in zip(found, self.compiled.steps.tolist(), strict=True):
            row = self.stack.rows[k]
            row.copy_(weights)
            own = {"step": torch.tensor(float(step)), "exp_avg": mean, "exp_avg_sq": square}
            self.optimizer.state[row] = own

    def errors(self, rows: Rows, choosing: bool) -> Found:
        """Return the losses or errors of validation windows."""
        losses, counts = self.compiled.errors(self.validation, rows, choosing)
        return losses.tolist(), counts.tolist()

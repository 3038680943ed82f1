"""Training steps of stacked copies by compiled code; the numbers are those of lnncmp.training.steps but for rounding.

Legend of shapes: S copies that are computed, B batch, P trainable numbers of a model.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lnncmp.data.task import Task
from lnncmp.records.settings import TrainSettings
from lnncmp.training.batches import Batches
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_network import Network
from lnncmp.training.stacked_model import StackedModel
from lnncmp.training.steps import Found, History, Rows, Steps, sizes_of

if TYPE_CHECKING:
    from lnncmp.training.compiled_shares import CompiledShares


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
        # Imported on first use: they load the compiler, which takes a second.
        from lnncmp.training.compiled_shares import CompiledShares
        from lnncmp.training.compiled_stack import CLIPS, CompiledStack, Optimiser

        kind = stack.rows[0].dtype
        self.stack, self.optimizer = stack, optimizer
        self.train, self.validation = (
            ArrayWindows(own.x, own.dt, own.y, own.valid, own.counted, network.with_time, kind) for own in data
        )
        own = Optimiser(settings.adam_eps, CLIPS[settings.clip], settings.clip_norm, settings.l2)
        self.shares_of: Callable[[Sequence[int]], CompiledShares] = lambda computed: CompiledShares(
            lambda share: CompiledStack(stack, network, task, own, share), computed
        )
        self.shares: CompiledShares | None = None

    @property
    def compiled(self) -> "CompiledShares":
        """The copies that are computed, once training has begun."""
        assert self.shares is not None
        return self.shares

    def begin(self) -> None:
        """Take weights and moments of the copies that are computed."""
        if self.shares is None or not self.shares.fits(self.stack.computed):
            self.shares = self.shares_of(self.stack.computed)
        rows = [self.stack.rows[k] for k in self.stack.computed]
        states = [self.optimizer.state[row] for row in rows]
        means, squares = (
            [state.get(name, torch.zeros_like(row)).detach().numpy() for state, row in zip(states, rows, strict=True)]
            for name in ("exp_avg", "exp_avg_sq")
        )
        steps = [int(state.get("step", 0)) for state in states]
        self.compiled.load([row.detach().numpy() for row in rows], means, squares, steps)

    def warm_up(self, windows: int, size: int) -> None:
        """Record the batches of an epoch; where that is not possible do what a step does, for no copy that learns."""
        if not self.compiled.can_train(self.train, windows, size):
            copies = len(self.stack.computed)
            for batch in sizes_of(windows, size):
                self.losses(np.tile(np.arange(batch), (copies, 1)))
                self.compiled.update(np.zeros(copies, np.bool_), 1.0)

    def epoch(self, windows: Rows, size: int, rates: Sequence[float], learns: NDArray[Any], bound: float) -> History:
        """Take all steps, recorded ones where possible."""
        if not self.compiled.can_train(self.train, windows.shape[1], size):
            return super().epoch(windows, size, rates, learns, bound)
        return self.compiled.train(self.train, windows, size, np.array(rates), learns.copy(), bound)

    def validate(self, copies: int, windows: int, size: int, choosing: bool) -> History:
        """Compute all validation windows, recorded batches where possible."""
        if not self.compiled.can_validate(self.validation, windows, size, choosing):
            return super().validate(copies, windows, size, choosing)
        return self.compiled.validate(self.validation, windows, size, choosing)

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
        *found, steps = self.compiled.stored()
        own = zip(self.stack.computed, *map(torch.from_numpy, found), steps.tolist(), strict=True)
        for k, weights, mean, square, step in own:
            row = self.stack.rows[k]
            row.copy_(weights)
            self.optimizer.state[row] = {"step": torch.tensor(float(step)), "exp_avg": mean, "exp_avg_sq": square}

    def errors(self, rows: Rows, choosing: bool) -> Found:
        """Return the losses or errors of validation windows."""
        losses, counts = self.compiled.errors(self.validation, rows, choosing)
        return losses.tolist(), counts.tolist()

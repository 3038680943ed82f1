"""Copies of a network trained by compiled code, on as many threads as there are.

Each thread has copies of its own and goes through its epochs alone: nobody waits for anybody. Where there are fewer
copies than threads all copies are computed together, and the threads share the tiles of each kernel.

Legend of shapes: S copies, P trainable numbers of a copy, B batch, N windows in an epoch.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from lnncmp.kernels.common.crew import CAN_MEET
from lnncmp.kernels.common.threads import side_by_side, threads_now
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_stack import CompiledStack, Numbers
from lnncmp.training.replayed import Replayed
from lnncmp.training.steps import History, sizes_of


class CompiledShares:
    """The copies `computed` of a stack, in shares; `make` returns those of a share."""

    def __init__(self, make: Callable[[Sequence[int]], CompiledStack], computed: Sequence[int]) -> None:
        self.computed, self.threads = list(computed), threads_now()
        many = self.threads if self.threads <= len(self.computed) else 1
        bounds = [len(self.computed) * k // many for k in range(many + 1)]
        self.places = [slice(*ends) for ends in pairwise(bounds)]
        together = self.threads if many == 1 else 1
        self.shares = [Replayed(make(self.computed[place]), together) for place in self.places]
        self.recorded = together == 1 or CAN_MEET

    def fits(self, computed: Sequence[int]) -> bool:
        """Return whether these are shares of those copies for the threads that there are now."""
        return self.computed == list(computed) and self.threads == threads_now()

    def load(
        self, rows: Sequence[Numbers], means: Sequence[Numbers], squares: Sequence[Numbers], steps: Sequence[int]
    ) -> None:
        """Take weights (P,), moments and steps done of each copy."""
        for place, share in zip(self.places, self.shares, strict=True):
            share.compiled.load(rows[place])
            share.compiled.load_moments(means[place], squares[place], steps[place])

    def stored(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Return weights, means and squares (S, P), and the steps done (S,)."""
        found = [(*share.compiled.stored(), share.compiled.steps) for share in self.shares]
        weights, means, squares, steps = (np.concatenate(own) for own in zip(*found, strict=True))
        return weights, means, squares, steps

    def gradients(self) -> Numbers:
        """Return the gradients of the last losses (S, P)."""
        return np.concatenate([share.compiled.gradients() for share in self.shares])

    def losses(self, data: ArrayWindows, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return loss and counted cells (S,) of windows (S, B), and compute the gradients."""
        found = [share.compiled.losses(data, rows[place]) for place, share in self._each()]
        losses, counts = (np.concatenate(own) for own in zip(*found, strict=True))
        return losses, counts

    def update(self, learns: Numbers, rate: float) -> Numbers:
        """Take a step of the copies that learn (S,), after `losses`; return the norms of all gradients (S,)."""
        return np.concatenate([own.compiled.update(learns[place], np.array([rate])) for place, own in self._each()])

    def errors(self, data: ArrayWindows, rows: Numbers, choosing: bool) -> tuple[Numbers, Numbers]:
        """Return loss or error and counted cells (S,) of windows (S, B)."""
        found = [share.compiled.errors(data, rows[place], choosing) for place, share in self._each()]
        losses, counts = (np.concatenate(own) for own in zip(*found, strict=True))
        return losses, counts

    def can_train(self, data: ArrayWindows, windows: int, size: int) -> bool:
        """Record what an epoch has, if necessary; return whether `train` can compute it."""
        sizes = sizes_of(windows, size)
        return self.recorded and all(share.can_train(data, sizes) for share in self.shares)

    def train(
        self, data: ArrayWindows, windows: Numbers, size: int, rates: Numbers, learns: Numbers, bound: float
    ) -> History:
        """Take the steps of an epoch, windows (S, N); see `Steps.epoch`."""
        tasks = [
            lambda place=place, share=share: share.train(data, windows[place], size, rates, learns[place], bound)
            for place, share in self._each()
        ]
        return self._run(tasks, len(rates))

    def can_validate(self, data: ArrayWindows, windows: int, size: int, choosing: bool) -> bool:
        """Do the same as `can_train` for `validate`."""
        sizes = sizes_of(windows, size)
        return self.recorded and all(share.can_validate(data, sizes, choosing) for share in self.shares)

    def validate(self, data: ArrayWindows, windows: int, size: int, choosing: bool) -> History:
        """Return what `errors` returns for all windows, `size` at a time."""
        tasks = [
            lambda place=place, share=share: share.errors(data, _all(windows, place), size, choosing)
            for place, share in self._each()
        ]
        return self._run(tasks, -(-windows // size))

    def _run(self, tasks: Sequence[Callable[[], History]], batches: int) -> History:
        """Do the tasks of all shares; where this thread is interrupted the others begin no further batch."""
        self._stop(False)  # before any of them runs: one that begins late must see that it was stopped
        return _together(side_by_side(tasks, lambda: self._stop(True)), batches)

    def _stop(self, stopped: bool) -> None:
        for share in self.shares:
            share.stopped = stopped

    def _each(self) -> list[tuple[slice, Replayed]]:
        return list(zip(self.places, self.shares, strict=True))


def _all(windows: int, place: slice) -> Numbers:
    """Return all windows in order, for each copy of a share."""
    return np.tile(np.arange(windows), (place.stop - place.start, 1))


def _together(found: Sequence[History], batches: int) -> History:
    """Return the findings of all shares, with zeros in batches that a share did not compute: none of it learned."""
    whole = History(*(np.zeros((batches, sum(own.losses.shape[1] for own in found))) for _ in range(3)))
    at, last = 0, 0
    for own in found:
        done, copies = own.losses.shape
        for part, numbers in zip(whole, own, strict=True):
            part[:done, at : at + copies] = numbers
        at, last = at + copies, max(last, done)
    return whole.first(last)

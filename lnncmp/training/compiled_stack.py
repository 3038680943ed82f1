"""Copies of one network, trained by compiled code: forward, readout, loss, backward, clipping, Adam, bounds.

On small networks nine tenths of a training step in torch are calls, not arithmetic. Here a batch is about ten calls
of compiled functions on arrays. Weights lie tensor by tensor, the copies of a tensor one after the other, as the
kernels read them. A copy's numbers are the same bits alone and together with others.

Legend of shapes: S copies, B batch, T steps, I inputs, H hidden units, P trainable numbers of a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.task import Task
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.training.adam import GLOBAL, NO_CLIP, PER_TENSOR, REST, update
from lnncmp.kernels.training.readout import READINGS, buffers_of
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_network import Network
from lnncmp.training.stacked_model import StackedModel

Numbers = NDArray[Any]
CLIPS = {"none": NO_CLIP, "global": GLOBAL, "per_tensor": PER_TENSOR}


@dataclass(frozen=True)
class Optimiser:
    """What Adam does in addition to the gradient: see TrainSettings; `clip` is one of CLIPS."""

    eps: float = 1e-8
    clip: int = NO_CLIP
    limit: float = 1.0
    l2: float = 0.0


_PLAIN = Optimiser()


class CompiledStack:
    """The copies of a stack that are computed now, with weights and moments of their own: see `load` and `store`.

    The loss follows from the task.
    """

    def __init__(self, stack: StackedModel, network: Network, task: Task, optimiser: Optimiser = _PLAIN) -> None:
        self.network, self.task, self.optimiser = network, task, optimiser
        self.copies, own = len(stack.computed), dict(zip(stack.shapes, stack.sizes, strict=True))
        names, self.element = network.trainable(own), stack.rows[0].detach().numpy().dtype
        ranges = dict(zip(names, _ranges([own[name] for name in names]), strict=True))
        starts = {name: start for name, (start, _) in ranges.items()}
        self.state = _zeros(self.copies * sum(own.values()), self.element)
        self._rest, self._parts = _zeros(REST, self.element), np.zeros(len(names))
        self.steps, self.norms = np.zeros(self.copies, np.int64), np.zeros(self.copies)
        table = [(starts[name], own[name], len(stack.shapes[name]) > 1) for name in names]
        least = [network.least.get(name, -np.inf) for name in names]
        self.tensors = np.array(table, np.int64).reshape(-1), np.array(least, float)
        self._order = _order(self.copies, dict(zip(stack.shapes, _ranges(stack.sizes), strict=True)), names)
        self._weights = [
            self._part(*ranges[name]) if name in ranges else _mask(stack, name) for name in network.weights
        ]
        self._kernel_numbers = self.copies * starts[network.readout[0]]
        self._places = self.copies * starts[network.readout[0]], self.copies * starts[network.readout[1]]
        self._class_weights = np.array(task.weights, np.float32).astype(self.element)
        self._buffers: dict[tuple[int, ...], Any] = {}
        self._last: tuple[list[Any], list[Numbers], Numbers] | None = None

    def _part(self, start: int, end: int) -> Numbers:
        """Return the numbers of one tensor of all copies."""
        part: Numbers = self.state[0][self.copies * start : self.copies * end]
        return part

    def load(self, rows: Sequence[Numbers]) -> None:
        """Take the weights (P,) of each copy, in the order of the model's parameters."""
        np.concatenate(rows).take(self._order, out=self.state[0])

    def load_moments(self, means: Sequence[Numbers], squares: Sequence[Numbers], steps: Sequence[int]) -> None:
        """Take the state of Adam: moments laid out like the weights, and the steps done; they begin as 0."""
        np.concatenate(means).take(self._order, out=self.state[2])
        np.concatenate(squares).take(self._order, out=self.state[3])
        self.steps[:] = steps

    def stored(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return weights, means and squares (S, P), in the order of the model's parameters."""
        return self._rows(self.state[0]), self._rows(self.state[2]), self._rows(self.state[3])

    def gradients(self) -> Numbers:
        """Return the gradients of the last losses (S, P), in the order of the model's parameters."""
        self._differentiate()
        return self._rows(self.state[1])

    def _rows(self, numbers: Numbers) -> Numbers:
        """Return numbers that lie tensor by tensor as (S, P)."""
        rows = np.empty_like(numbers)
        rows[self._order] = numbers
        return rows.reshape(self.copies, -1)

    def losses(self, data: ArrayWindows, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return the loss and the number of counted cells (S,) of the windows `rows` (S, B); `update` may follow."""
        given, hidden, kept = self._forward(data, rows, keep=True)
        d_hidden = empty(hidden.shape, self.element)
        found = self._read_out(data, rows, False, hidden, d_hidden)
        self._last = given, kept, d_hidden
        return found

    def errors(self, data: ArrayWindows, rows: Numbers, choosing: bool) -> tuple[Numbers, Numbers]:
        """Return the loss, or if `choosing` the error that chooses the best epoch, and the counted cells (S,)."""
        _, hidden, _ = self._forward(data, rows, keep=False)
        return self._read_out(data, rows, choosing, hidden, hidden[:0])

    def update(self, learns: Numbers, rate: float) -> Numbers:
        """Take a step of the copies that learn, bool (S,), after `losses`; return the norms of all gradients (S,).

        A copy whose gradient is not finite takes none.
        """
        self._differentiate()
        own = self.optimiser
        update(
            self.copies, self.tensors, self.state, self.steps, learns, own.clip, own.limit, own.l2, rate, own.eps,
            self._rest, self._parts, self.norms,
        )  # fmt: skip
        return self.norms

    def _differentiate(self) -> None:
        """Complete the gradients of the last losses: those of the readout are there already."""
        assert self._last is not None
        given, kept, d_hidden = self._last
        self._last = None
        operation = self.network.operation
        grads = [d_hidden, *[None] * (operation.outputs - 1)]
        found = operation.run_back(grads, given, kept, wants_x=False)[operation.data :]
        np.concatenate([own for own in found if own is not None], out=self.state[1][: self._kernel_numbers])

    def _forward(self, data: ArrayWindows, rows: Numbers, keep: bool) -> tuple[list[Any], Numbers, list[Numbers]]:
        """Return what the operation was given, the hidden states and its buffers."""
        given = self._given(data, rows.shape[1])
        for source, into in zip((data.x, data.dt, data.valid), given, strict=False):
            if source is not None:
                np.take(source, rows, axis=0, out=into, mode="clip")  # with `clip` nothing is copied twice
        outputs, kept = self.network.operation.run(given, keep)
        return given, outputs[0], kept

    def _given(self, data: ArrayWindows, batch: int) -> list[Any]:
        """Return the arrays of an operation's call for a batch of that size, used again from call to call."""
        key = batch, data.steps, data.inputs, data.valid is not None
        if key not in self._buffers:
            shape, kind = (self.copies, batch, data.steps), self.element
            inputs = [np.empty((*shape, data.inputs), kind), np.empty(shape, kind)]
            valid = None if data.valid is None else np.empty(shape, np.bool_)
            states = [np.zeros((self.copies, batch, width), kind) for width in self.network.state_widths]
            self._buffers[key] = [*inputs, valid, *states, *self._weights]
        found: list[Any] = self._buffers[key]
        return found

    def _read_out(
        self, data: ArrayWindows, rows: Numbers, choosing: bool, hidden: Numbers, d_hidden: Numbers
    ) -> tuple[Numbers, Numbers]:
        own, cells = self.network, data.outputs if self.task.kind == "values" else 1
        size = (self.copies, rows.shape[1], data.steps, own.width, data.outputs, own.sources, cells, own.diagonal)
        if size not in self._buffers:
            self._buffers[size] = buffers_of(size, self.element)
        found = np.empty(self.copies), np.empty(self.copies), np.zeros(data.outputs)
        targets = data.y, data.counted, self._class_weights
        READINGS[self.task.kind][choosing](
            size, hidden.reshape(-1), self.state[0], self._places, rows.reshape(-1), targets, found,
            self._buffers[size], d_hidden.reshape(-1), self.state[1],
        )  # fmt: skip
        return found[0], found[1]


def _zeros(length: int, kind: Any) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return arrays for weights, gradients and moments, all 0."""
    return np.zeros(length, kind), np.zeros(length, kind), np.zeros(length, kind), np.zeros(length, kind)


def _ranges(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Return where parts of those lengths begin and end if they lie one after the other."""
    return list(pairwise(accumulate([0, *lengths])))


def _order(copies: int, ranges: dict[str, tuple[int, int]], names: Sequence[str]) -> Numbers:
    """Return for each of the S P numbers, tensor by tensor, its place in rows (S, P), where tensors have `ranges`."""
    length = max(end for _, end in ranges.values())
    rows = np.arange(copies * length).reshape(copies, length)
    return np.concatenate([rows[:, slice(*ranges[name])].reshape(-1) for name in names])


def _mask(stack: StackedModel, name: str) -> Numbers:
    """Return a buffer of the copies that are computed."""
    own: Numbers = stack.others[name][stack.computed].numpy().reshape(-1)
    return own

"""Copies of one network, trained by compiled code: forward, readout, loss, backward, clipping, Adam, bounds.

On small networks nine tenths of a training step in torch are calls, not arithmetic. Here a batch is a few dozen calls
of compiled functions on arrays, which can be recorded (lnncmp.training.replayed). Weights lie tensor by tensor, the
copies of a tensor one after the other, as the kernels read them. Copies go forward and back in groups whose buffers fit
into the processor's cache: on the way back they are still there. A copy's numbers are the same bits alone and together
with others.

Legend of shapes: S copies, B batch, T steps, I inputs, H hidden units, P trainable numbers of a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.data.task import Task
from lnncmp.kernels.common.moves import copy, take
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call, recording
from lnncmp.kernels.common.threads import Lent, run_tiles
from lnncmp.kernels.common.tile_sizes import GROUP_BYTES
from lnncmp.kernels.training.adam import GLOBAL, NO_CLIP, PER_TENSOR, REST, update
from lnncmp.kernels.training.readout import READINGS, buffers_of, finish, prepare
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


@dataclass(frozen=True)
class _Group:
    """Copies that are computed together: their weights and gradients, and where those of the readout begin."""

    copies: slice
    weights: list[Numbers]
    gradients: list[Numbers]
    places: tuple[int, int]


class CompiledStack:
    """The copies of a stack that are computed now, with weights and moments of their own: see `load` and `store`.

    The loss follows from the task.
    """

    def __init__(
        self,
        stack: StackedModel,
        network: Network,
        task: Task,
        optimiser: Optimiser = _PLAIN,
        computed: Sequence[int] | None = None,
    ) -> None:
        """Take place for the copies `computed` of the stack; None: all that it computes now."""
        self.network, self.task, self.optimiser = network, task, optimiser
        self.computed = list(stack.computed if computed is None else computed)
        self.copies, own = len(self.computed), dict(zip(stack.shapes, stack.sizes, strict=True))
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
            self._part(*ranges[name]) if name in ranges else _mask(stack, name, self.computed)
            for name in network.weights
        ]
        self._gradients = [self._part(*ranges[name], of=1) for name in network.weights if name in ranges]
        self._size, self._groups_of = 0, dict[int, list[_Group]]()
        self._readout = [(self.copies * starts[name], own[name]) for name in network.readout]
        self._class_weights = np.array(task.weights, np.float32).astype(self.element)
        self._buffers: dict[tuple[int, ...], Any] = {}

    def _part(self, start: int, end: int, of: int = 0) -> Numbers:
        """Return the numbers of one tensor of all copies (S, ...), or `of` 1 their gradients."""
        part: Numbers = self.state[of][self.copies * start : self.copies * end]
        return part.reshape(self.copies, -1)

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
        return self._rows(self.state[1])

    def _rows(self, numbers: Numbers) -> Numbers:
        """Return numbers that lie tensor by tensor as (S, P)."""
        rows = np.empty_like(numbers)
        rows[self._order] = numbers
        return rows.reshape(self.copies, -1)

    def losses(self, data: ArrayWindows, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return loss and number of counted cells (S,) of the windows `rows` (S, B), and compute the gradients."""
        self.fit_groups(data, rows)
        found = np.empty(self.copies), np.empty(self.copies)
        for group in self._groups():
            given, hidden, kept = self._forward(data, rows[group.copies], group, keep=True)
            d_hidden = empty(hidden.shape, self.element)
            self._read_out(data, rows[group.copies], group, False, hidden, d_hidden, found)
            self._differentiate(group, given, kept, d_hidden)
        return found

    def fit_groups(self, data: ArrayWindows, rows: Numbers) -> None:
        """Find out how many copies are computed together, by a forward pass of the first one."""
        if self._size == 0:
            _, _, kept = self._forward(data, rows[:1], self._group(slice(0, 1)), keep=True)
            self._size = max(GROUP_BYTES // max(sum([own.nbytes for own in kept]), 1), 1)

    def errors(self, data: ArrayWindows, rows: Numbers, choosing: bool) -> tuple[Numbers, Numbers]:
        """Return the loss, or if `choosing` the error that chooses the best epoch, and the counted cells (S,)."""
        found = np.empty(self.copies), np.empty(self.copies)
        for group in self._groups():
            _, hidden, _ = self._forward(data, rows[group.copies], group, keep=False)
            self._read_out(data, rows[group.copies], group, choosing, hidden, hidden[:0], found)
        return found

    def _groups(self) -> list["_Group"]:
        """Return the copies that are computed together: enough of them for all threads."""
        size = min(max(self._size, 1 if recording() else Lent.threads), self.copies)
        if size not in self._groups_of:
            starts = range(0, self.copies, size)
            self._groups_of[size] = [self._group(slice(k, min(k + size, self.copies))) for k in starts]
        return self._groups_of[size]

    def _group(self, copies: slice) -> "_Group":
        weights, gradients = ([own[copies].reshape(-1) for own in whole] for whole in (self._weights, self._gradients))
        w, b = (start + copies.start * length for start, length in self._readout)
        return _Group(copies, weights, gradients, (w, b))

    def update(self, learns: Numbers, rate: Numbers) -> Numbers:
        """Take a step of the copies that learn, bool (S,), after `losses`; return the norms of all gradients (S,).

        rate: (1,). A copy whose gradient is not finite takes none.
        """
        own = self.optimiser
        call(
            update, self.copies, self.tensors, self.state, self.steps, learns, own.clip, own.limit, own.l2, rate,
            own.eps, self._rest, self._parts, self.norms,
        )  # fmt: skip
        return self.norms

    def _differentiate(self, group: "_Group", given: list[Any], kept: list[Numbers], d_hidden: Numbers) -> None:
        """Write the gradients of a group of copies; those of the readout are there already."""
        operation = self.network.operation
        grads = [d_hidden, *[None] * (operation.outputs - 1)]
        made = operation.run_back(grads, given, kept, wants_x=False)[operation.data :]
        for own, into in zip([own for own in made if own is not None], group.gradients, strict=True):
            copy(own, into)

    def _forward(
        self, data: ArrayWindows, rows: Numbers, group: "_Group", keep: bool
    ) -> tuple[list[Any], Numbers, list[Numbers]]:
        """Return what the operation was given, the hidden states and its buffers."""
        inputs = self._inputs(data, rows.shape)
        for source, into in zip((data.x, data.dt, data.valid), inputs, strict=False):
            if source is not None:
                take(source, rows, into)
        given = [*inputs, *group.weights]
        outputs, kept = self.network.operation.run(given, keep)
        return given, outputs[0], kept

    def _inputs(self, data: ArrayWindows, rows: tuple[int, ...]) -> list[Any]:
        """Return the arrays of a call before the weights, for so many copies and windows; used again and again."""
        key = *rows, data.steps, data.inputs, data.valid is not None
        if key not in self._buffers:
            shape, kind = (*rows, data.steps), self.element
            inputs = [np.empty((*shape, data.inputs), kind), np.empty(shape, kind)]
            valid = None if data.valid is None else np.empty(shape, np.bool_)
            states = [np.zeros((*rows, width), kind) for width in self.network.state_widths]
            self._buffers[key] = [*inputs, valid, *states]
        found: list[Any] = self._buffers[key]
        return found

    def _read_out(
        self,
        data: ArrayWindows,
        rows: Numbers,
        group: "_Group",
        choosing: bool,
        hidden: Numbers,
        d_hidden: Numbers,
        found: tuple[Numbers, Numbers],
    ) -> None:
        """Write losses and counted cells of a group of copies, and unless d_hidden is empty the gradients."""
        own, cells = self.network, data.outputs if self.task.kind == "values" else 1
        size = (*rows.shape, data.steps, own.width, data.outputs, own.sources, cells, own.diagonal)
        if size not in self._buffers:
            self._buffers[size] = buffers_of(size, self.element)
        (laid, sums), flat = self._buffers[size], hidden.reshape(-1)
        losses, counts = found[0][group.copies], found[1][group.copies]
        targets, windows = (data.y, data.counted, self._class_weights), rows.reshape(-1)
        call(prepare, size, self.state[0], group.places, windows, data.counted, counts, laid)
        reading, samples = READINGS[self.task.kind][choosing], len(windows)
        run_tiles(reading, samples, size, flat, windows, targets, counts, laid, sums, d_hidden.reshape(-1))
        gradients = self.state[1] if d_hidden.size > 0 else self.state[1][:0]
        call(finish, size, group.places, sums, losses, gradients)


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


def _mask(stack: StackedModel, name: str, computed: list[int]) -> Numbers:
    """Return a buffer of the copies that are computed."""
    own: Numbers = stack.others[name][computed].numpy()
    return own.reshape(len(own), -1)

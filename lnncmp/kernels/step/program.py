"""The program of one step: what is computed, in which order, from which numbers.

A layer writes its step once, as operations on the places of a memory; the kernel `run` then carries the program out at
every step. All weights are laid out beforehand as they are read: the vectors of WIDE numbers that the kernel works on
follow each other. A place in the memory begins at a multiple of a vector and has room for whole vectors; what is
beyond its numbers never matters. Each sample of a batch has a memory of its own, in which its state stays.

The first numbers of the memory are x (I) and dt, so that a layer can read dt as one more input. The next vector is
never written: what points there reads 0.

Loads no compiler.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

VECTOR = 64
"""Bytes of a vector, those of lnncmp.kernels.common.lanes.WIDE."""
PANEL = 4
"""Vectors of a row of a matrix that are computed together."""
ROW = 8
"""Integers of an operation: its number and its arguments."""
HEAD = 4
"""Integers before the operations: how many there are, samples, numbers of memory for each, and where dt lies in it."""

(SET, COPY, SCALE, PRODUCT, ACTIVATE, GATED, PURE, LSTM, GRU, LIQUID, DENSE, LISTED, LTC, AGAIN) = range(14)
"""The operations; what they do and their arguments are said at the methods of StepProgram."""


class StepProgram:
    """A program being written, for `inputs` features, `batch` samples and numbers of type `kind`.

    x, dt, zero: their places in the memory. states: place and width of each tensor of the state.
    """

    def __init__(self, inputs: int, batch: int, kind: Any) -> None:
        self.inputs, self.batch = inputs, batch
        self.kind: np.dtype[Any] = np.dtype(kind)
        self.lanes: int = VECTOR // self.kind.itemsize
        self.operations: list[tuple[int, ...]] = []
        self.tables: list[Numbers] = []
        self.weights: list[Numbers] = []
        self.states: list[tuple[int, int]] = []
        self._memory = self._weights = self._table = 0
        self.x = self.place(inputs + 1)
        self.dt = self.x + inputs
        self.zero = self.place(1)

    def padded(self, count: int) -> int:
        """Return `count` rounded up to whole vectors, at least one."""
        return max(-(-count // self.lanes), 1) * self.lanes

    def place(self, count: int) -> int:
        """Return a new place for `count` numbers."""
        self._memory += self.padded(count)
        return self._memory - self.padded(count)

    def blocks(self, width: int, count: int) -> int:
        """Return a new place for `count` blocks of `width` numbers, each padded to whole vectors."""
        return self.place(count * self.padded(width))

    def state(self, width: int) -> int:
        """Return a new place that is the next tensor of the state."""
        self.states.append((self.place(width), width))
        return self.states[-1][0]

    def _keep(self, numbers: Numbers) -> int:
        """Add numbers, whole vectors, to the weights and return where they begin."""
        self.weights.append(numbers.astype(self.kind).reshape(-1))
        self._weights += numbers.size
        return self._weights - numbers.size

    def _padded_blocks(self, blocks: Sequence[Numbers]) -> Numbers:
        """Return blocks (..., width) beside each other, each padded with zeros to whole vectors."""
        grown = [np.pad(b, [(0, 0)] * (b.ndim - 1) + [(0, self.padded(b.shape[-1]) - b.shape[-1])]) for b in blocks]
        return np.concatenate(grown, axis=-1)

    def _emit(self, operation: int, *arguments: int) -> None:
        self.operations.append((operation, *arguments, *(0,) * (ROW - 1 - len(arguments))))

    def set(self, out: int, *vectors: Numbers) -> None:
        """Write constant vectors, beside each other, to `out`."""
        numbers = self._padded_blocks(vectors)
        self._emit(SET, out, self._keep(numbers), numbers.size)

    def copy(self, out: int, source: int, count: int) -> None:
        """Copy `count` numbers and no more, from anywhere to anywhere."""
        self._emit(COPY, out, source, count)

    def scale(self, out: int, source: int, factor: Numbers, offset: Numbers) -> None:
        """Write source * factor + offset, elementwise, to `out`."""
        numbers = self._padded_blocks([factor, offset])
        self._emit(SCALE, out, source, self._keep(numbers), numbers.size // 2)

    def product(self, out: int, source: int, *blocks: Numbers) -> None:
        """Add source (depth) times matrices (depth, width), beside each other, to `out`.

        The weights are laid out in panels of PANEL vectors of columns, the rest in panels of one.
        """
        matrix = self._padded_blocks(blocks)
        depth, columns = matrix.shape
        wide = PANEL * self.lanes
        whole = columns // wide * wide
        panels = [matrix[:, :whole].reshape(depth, -1, wide), matrix[:, whole:].reshape(depth, -1, self.lanes)]
        laid_out = np.concatenate([panel.swapaxes(0, 1).reshape(-1) for panel in panels])
        self._emit(PRODUCT, out, source, depth, self._keep(laid_out), columns)

    def activate(self, place: int, kind: int, width: int) -> None:
        """Apply the activation of number `kind` (see lnncmp.kernels.cfc.math) to `width` numbers in place."""
        self._emit(ACTIVATE, place, kind, self.padded(width))

    def gated_heads(self, out: int, heads: int, width: int, no_gate: bool, lecun: bool) -> None:
        """Write a CfC's new state of mode default or no_gate from four heads: ff1, ff2, time_a, time_b.

        The slope of the activation and the sign of the time are part of the heads' weights; `lecun`: its gain.
        """
        self._emit(GATED, out, heads, self.padded(width), int(no_gate), int(lecun))

    def pure_head(self, out: int, head: int, rate: Numbers, asymptote: Numbers) -> None:
        """Write a CfC's new state of mode pure from its head, |w_tau| and A."""
        self._emit(PURE, out, head, self.padded(rate.size), self._keep(self._padded_blocks([rate, asymptote])))

    def lstm(self, out: int, cell: int, gates: int, width: int) -> None:
        """Change the cell state in place and write the output, from four gates: i, f, g, o."""
        self._emit(LSTM, out, cell, gates, self.padded(width))

    def gru(self, h: int, gates: int, width: int) -> None:
        """Change the state h in place, from the inputs' part of n, r, z, and the recurrent part of n."""
        self._emit(GRU, h, gates, self.padded(width))

    def liquid(self, v: int, argument: int, numbers: Sequence[Numbers], unfolds: int) -> None:
        """Move liquid neurons v by dt / unfolds, from their gates' argument; numbers: k, k A, 1 / tau."""
        width = self.padded(numbers[0].size)
        self._emit(LIQUID, v, argument, width, self._keep(self._padded_blocks(numbers)), unfolds)

    def ltc(self, v: int, num: int, den: int, capacitance: Numbers, unfolds: int) -> None:
        """Move LTC neurons v by dt / unfolds, from their num, den and cm + eps."""
        width = self.padded(capacitance.size)
        # Padding has a capacitance of 1, so that it never divides by 0.
        grown = np.pad(capacitance, (0, width - capacitance.size), constant_values=1.0)
        self._emit(LTC, v, num, den, width, self._keep(grown), unfolds)

    def dense_synapses(self, num: int, den: int, source: int, numbers: Numbers) -> None:
        """Add the synapses of all P sources to all targets; numbers (P, J, 4): slope, offset, w, w erev."""
        sources, targets, slots = numbers.shape
        padded = np.pad(numbers, [(0, 0), (0, self.padded(targets) - targets), (0, 0)])
        groups = padded.reshape(sources, -1, self.lanes, slots).transpose(1, 0, 3, 2)
        self._emit(DENSE, num, den, source, sources, self._keep(groups), len(groups))

    def listed_synapses(self, num: int, den: int, source: int, mask: Numbers, numbers: Numbers) -> None:
        """Add the synapses of a mask (P, J) and no others; numbers as in `dense_synapses`.

        Targets are taken in the order of their numbers of synapses, a vector of them at a time, each group with as many
        synapses as its first target has; a synapse that fills up reads 0 and has weight 0. The table holds for each
        group its number of synapses and its targets (-1: none), then the place of each source.
        """
        fan_in = mask.sum(0)
        order = np.argsort(-fan_in, kind="stable")[: np.count_nonzero(fan_in)]
        groups, laid_out, places = [], [], []
        for first in range(0, len(order), self.lanes):
            targets = order[first : first + self.lanes]
            deep = int(fan_in[targets[0]])
            sources = np.full((deep, self.lanes), self.zero)
            values = np.zeros((deep, numbers.shape[2], self.lanes))
            for lane, target in enumerate(targets):
                present = np.flatnonzero(mask[:, target])
                sources[: present.size, lane] = source + present
                values[: present.size, :, lane] = numbers[present, target]
            groups.append(np.concatenate([[deep], targets, np.full(self.lanes - len(targets), -1)]))
            laid_out.append(values.reshape(-1))
            places.append(sources.reshape(-1))
        empty: list[Numbers] = [np.zeros(0, np.int64)]
        table = np.concatenate([*groups, *places, *empty]).astype(np.int64)
        at = self._keep(np.concatenate([*laid_out, *empty]))
        self._emit(LISTED, num, den, self._table, len(groups), at, self.place(2 * self.lanes))
        self.tables.append(table)
        self._table += table.size

    def again(self, first: int, rounds: int) -> None:
        """Carry out the operations since number `first` again until they were done `rounds` times."""
        self._emit(AGAIN, first, rounds)

    def finish(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return program, weights and memory as the kernel takes them; all state is 0."""
        rows = np.array(self.operations, np.int64).reshape(-1, ROW)
        tables_at = HEAD + rows.size
        rows[rows[:, 0] == LISTED, 3] += tables_at
        head = np.array([len(rows), self.batch, self._memory, self.dt], np.int64)
        program = np.concatenate([head, rows.reshape(-1), *self.tables])
        weights = aligned(self._weights, self.kind)
        if self.weights:
            np.concatenate(self.weights, out=weights)
        return program, weights, aligned(self.batch * self._memory, self.kind)

    def view(self, memory: Numbers, at: int, width: int) -> Numbers:
        """Return the numbers at a place of the memory, of all samples (B, width)."""
        return memory.reshape(self.batch, self._memory)[:, at : at + width]


def aligned(count: int, kind: np.dtype[Any]) -> Numbers:
    """Return `count` zeros of that type whose memory begins at a multiple of a vector."""
    raw = np.zeros(count * kind.itemsize + VECTOR, np.uint8)
    first = -raw.ctypes.data % VECTOR
    return raw[first : first + count * kind.itemsize].view(kind)

"""The fused LSTM and GRU as operations of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H hidden units, G gates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import flat_or_zeros, zeros
from lnncmp.kernels.common.operation import VALID, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.gated import gru_backward, gru_forward, lstm_backward, lstm_forward
from lnncmp.kernels.gated.gates import Size, pack, pack_transposed, unpack

_ALL_REAL = np.empty(0, np.bool_)


@dataclass(frozen=True)
class Cell:
    """What makes the kernel of one cell.

    gates: G of the weights. columns: numbers of activated gates kept for one step, in units of padded H.
    states: tensors of the state. forward, backward: see lnncmp.kernels.gated.lstm_forward and lstm_backward.
    fades: whether h is multiplied by given factors before each step (GRU-D).
    """

    gates: int
    columns: int
    states: int
    forward: Callable[..., None]
    backward: Callable[..., None]
    fades: bool = False


LSTM = Cell(lstm_forward.GATES, lstm_forward.GATES, 2, lstm_forward.forward, lstm_backward.backward)
GRU = Cell(gru_forward.GATES, gru_forward.COLUMNS, 1, gru_forward.forward, gru_backward.backward)
GRU_D = replace(GRU, fades=True)
_CELLS = {"lstm": LSTM, "gru": GRU, "gru_d": GRU_D}


def _size(x: Tensor | Numbers, start: Tensor | Numbers) -> Size:
    hidden = start.shape[-1]
    copies = x.shape[0] if x.ndim == 4 else 1
    return copies, *x.shape[-3:], hidden, padded(hidden, x.dtype.itemsize == 4)


def _kept(cell: Cell, size: Size) -> list[int]:
    """Return the lengths of the arrays that the backward pass needs; see the forward kernels."""
    copies, batch, steps, inputs, _, width = size
    rows, before = copies * batch * steps, copies * batch
    kept = [(rows + before) * (inputs + 2 + width), rows * cell.columns * width]
    return [*kept, (rows + before) * width if cell.states == 2 else rows * width * cell.fades]


def _pair(first: Array, *second: Array) -> tuple[Array, Array]:
    """Return two arrays, as kernels take them, the second empty where there is none."""
    return first, second[0] if second else first[:0]


class GatedSequence(ArrayOperation):
    """Hidden states (B, T, H) and the final state, each (B, H), of an LSTM or GRU over x (B, T, I); dt is ignored.

    Weights: w_ih (G H, I), w_hh (G H, H), b_ih, b_hh (G H,). Settings: `lstm`, `gru` or `gru_d`; of the last, factors
    (B, T, H) by which h is multiplied before each step come between state and weights.
    """

    def __init__(self, settings: str) -> None:
        self.cell = _CELLS[settings]
        self.states, self.outputs = self.cell.states, 1 + self.cell.states

    @property
    def data(self) -> int:
        """How many of the tensors, from the first on, have a row for each sample: the factors too."""
        return super().data + self.cell.fades

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the weights and biases of all gates."""
        hidden = states[0][-1]
        rows = self.cell.gates * hidden
        return [(rows, x[-1]), (rows, hidden), (rows,), (rows,)]

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class."""
        cell, x, valid, start = self.cell, given[X], given[VALID], given[3 : self.data]
        size, kind = _size(x, start[0]), x.dtype
        copies, batch, steps, _, hidden, _ = size
        packed = call(pack, size, cell.gates, *given[self.data :])
        kept = tuple(empty((length,), kind) for length in _kept(cell, size if keep else (0, *size[1:])))
        y = empty((copies, batch, steps, hidden), kind)
        last = [empty((copies, batch, hidden), kind) for _ in range(self.states)]
        real = _ALL_REAL if valid is None else flat(valid)
        begin, ends = _pair(*map(flat, start)), tuple(map(flat, last))
        tiles = copies * -(-batch // TILE)
        run_tiles(cell.forward, tiles, size, packed, flat(x), real, begin, flat(y), ends, keep, kept)
        return [y, *last], list(kept)

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, the start and the weights."""
        cell, x, valid, start = self.cell, given[X], given[VALID], given[3 : self.data]
        size, kind = _size(x, start[0]), x.dtype
        copies, batch, steps, inputs, hidden, width = size
        w_ih, w_hh, *_ = given[self.data :]
        wide = padded(inputs, kind == np.float32)
        recurrent = call(pack_transposed, copies, cell.gates, hidden, width, hidden, width, w_hh)
        driving = call(pack_transposed, copies if wants_x else 0, cell.gates, hidden, width, inputs, wide, w_ih)
        states = copies * batch * hidden
        d_hidden = flat_or_zeros(grads[0], states * steps, kind)
        d_last = tuple(flat_or_zeros(end, states, kind) for end in grads[1:])
        d_x = empty((x.size if wants_x else 0,), kind)
        d_start = _pair(*(empty((own.size,), kind) for own in start))
        tiles = copies * -(-batch // TILE)
        summed = zeros(tiles * (inputs + 2 + hidden) * cell.gates * width, kind)
        real = _ALL_REAL if valid is None else flat(valid)
        saved = tuple(kept)
        if self.states == 1:
            saved = *saved, _pair(*map(flat, start))[1]
        run_tiles(
            cell.backward, tiles, size, wide, real, (recurrent, driving), saved, d_hidden, d_last, d_x, d_start, summed
        )
        found = [*d_start[: len(start)], *call(unpack, size, cell.gates, summed)]
        return [d_x if wants_x else None, None, None, *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of hidden and final states, and of the buffers."""
        x, *start = present((tensors[X], *tensors[3 : self.data]))
        size: Any = _size(x, start[0])
        kept = _kept(self.cell, size if keep else (0, *size[1:]))
        states = start[: self.states]
        return [(*x.shape[:-1], start[0].shape[-1]), *(own.shape for own in states)], [(length,) for length in kept]


OPERATION = GatedSequence

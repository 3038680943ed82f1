"""Readout and loss of a batch with their gradients, copy by copy.

Every readout is a matrix W (P, O) of the first P units and a bias; that of motor neurons is diagonal. Sums over a batch
are sums of sums over a sample: fewer numbers are added one after the other.

Legend of shapes: S copies, B batch, T steps, H hidden units, O outputs, P units that are read, N windows, C counted
cells of a step; O and H padded to whole narrow vectors in buffers; all arrays are flat.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, part
from lnncmp.kernels.common.lanes import narrow_lanes
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.tiles import copy_rows
from lnncmp.kernels.training.losses import class_loss, mistake, value_loss
from lnncmp.kernels.training.products import multiply_from

Size = tuple[int, int, int, int, int, int, int, bool]
"""S, B, T, H, O, P, C, and whether W is diagonal: then O = P and it has O numbers."""
Data = tuple[Array, Array, Array]
"""Targets (N, T, O), counted cells (N, T, C) or empty, weights of the classes (O) or empty."""


def buffers_of(size: Size, kind: Any) -> tuple[NDArray[Any], ...]:
    """Return W (P, O) and (O, H); y and its gradient (T, O); that of W (O, P), twice; (T, H); the bias; zeros."""
    _, _, steps, width, outputs, sources, _, _ = size
    wide, deep = (padded(columns, np.dtype(kind).itemsize == 4) for columns in (outputs, width))
    of_matrix = outputs * padded(sources, np.dtype(kind).itemsize == 4)
    lengths = sources * wide, outputs * deep, steps * wide, steps * wide, of_matrix, of_matrix, steps * deep
    return tuple(np.zeros(length, kind) for length in (*lengths, wide, max(wide, deep)))


@part
def _lay_out(size: Size, numbers: Array, at: int, wide: int, deep: int, matrix: Array, turned: Array) -> None:
    """Write W as (P, O) with rows of `wide` numbers and as (O, H) with rows of `deep`; elsewhere both are 0."""
    _, _, _, _, outputs, sources, _, diagonal = size
    for o in range(outputs):
        if diagonal:
            matrix[o * wide + o] = turned[o * deep + o] = numbers[at + o]
        else:
            for p in range(sources):
                matrix[p * wide + o] = turned[o * deep + p] = numbers[at + o * sources + p]


@part
def _count(size: Size, rows: Array, s: int, counted: Array) -> float:
    """Return the number of counted cells in the windows of copy s."""
    _, batch, steps, _, _, _, cells, _ = size
    if counted.size == 0:
        return float(batch * steps * cells)
    found = 0
    for b in range(batch):
        at = rows[s * batch + b] * steps * cells
        for k in range(steps * cells):
            found += counted[at + k]
    return float(found)


@part
def _sample_back(size: Size, hidden: Array, at: int, buffers: Arrays, of_bias: Array, d_hidden: Array) -> None:
    """Add the gradients of W and the bias for one sample, and write that of its hidden states, which begin at `at`."""
    _, _, steps, width, outputs, sources, _, _ = size
    _, turned, _, d_y, own, of_matrix, rows, _, nothing = buffers
    lanes = narrow_lanes(d_y)
    wide, deep, read = -(-outputs // lanes) * lanes, -(-width // lanes) * lanes, -(-sources // lanes) * lanes
    # Types of their own for 0 and 1: else the product would be compiled once more for each constant.
    begin, one, whole = np.int64(0), np.int64(1), width == deep
    if not whole:
        copy_rows(hidden, at, width, rows, 0, deep, steps, width)
    source, source_at = (hidden, at) if whole else (rows, begin)
    multiply_from(nothing, d_y, begin, one, wide, source, source_at, deep, own, begin, read, outputs, steps, read)
    for k in range(outputs * read):
        of_matrix[k] += own[k]
    for t in range(steps):
        for o in range(outputs):
            of_bias[o] += d_y[t * wide + o]
    into, into_at = (d_hidden, at) if whole else (rows, begin)
    multiply_from(nothing, d_y, begin, wide, one, turned, begin, deep, into, into_at, deep, steps, outputs, deep)
    if not whole:
        copy_rows(rows, 0, deep, d_hidden, at, width, steps, width)


@part
def _write_gradients(size: Size, of_matrix: Array, of_bias: Array, gradients: Array, w_at: int, b_at: int) -> None:
    """Write the gradients of one copy, and set the sums back to 0."""
    _, _, _, _, outputs, sources, _, diagonal = size
    read = of_matrix.size // outputs
    for o in range(outputs):
        gradients[b_at + o], of_bias[o] = of_bias[o], 0.0
        if diagonal:
            gradients[w_at + o] = of_matrix[o * read + o]
        else:
            for p in range(sources):
                gradients[w_at + o * sources + p] = of_matrix[o * read + p]
    for k in range(of_matrix.size):
        of_matrix[k] = 0.0


def _reading(name: str, step_loss: Callable[..., float]) -> Callable[..., None]:
    """Return the kernel `name`, with the loss of a step; the function's own name is the same for all."""

    def read_out(
        size: Size,
        hidden: Array,
        numbers: Array,
        places: tuple[int, int],
        rows: Array,
        data: Data,
        found: Arrays,
        buffers: Arrays,
        d_hidden: Array,
        gradients: Array,
    ) -> None:
        copies, batch, steps, width, outputs, sources, _, diagonal = size
        lanes, (losses, counts, of_bias) = narrow_lanes(numbers), found
        matrix, turned, y, d_y, _, of_matrix, _, bias, _ = buffers
        wide, deep = -(-outputs // lanes) * lanes, -(-width // lanes) * lanes
        each, begin, one = outputs if diagonal else outputs * sources, np.int64(0), np.int64(1)
        for s in range(copies):
            w_at, b_at = places[0] + s * each, places[1] + s * outputs
            _lay_out(size, numbers, w_at, wide, deep, matrix, turned)
            for o in range(outputs):
                bias[o] = numbers[b_at + o]
            counts[s] = _count(size, rows, s, data[1])
            scale, summed = 1.0 / max(counts[s], 1.0), 0.0
            for b in range(s * batch, (s + 1) * batch):
                multiply_from(
                    bias, hidden, b * steps * width, width, one, matrix, begin, wide, y, begin, wide, steps, sources,
                    wide,
                )  # fmt: skip
                for t in range(steps):
                    at, step = t * wide, rows[b] * steps + t
                    summed += step_loss(y, at, outputs, data[0], step, data[1], data[2], scale, d_y)
                if d_hidden.size > 0:
                    _sample_back(size, hidden, b * steps * width, buffers, of_bias, d_hidden)
            losses[s] = summed * scale
            if d_hidden.size > 0:
                _write_gradients(size, of_matrix, of_bias, gradients, w_at, b_at)

    read_out.__qualname__ = name
    return kernel(read_out)


READINGS = {
    "values": (_reading("read_values", value_loss),) * 2,
    "classes": (_reading("read_classes", class_loss), _reading("read_mistakes", mistake)),
}
"""For each kind of task, what computes its loss and the error that chooses the best epoch: the means over the counted
cells, and their numbers, for hidden (S, B, T, H).

After hidden come numbers; the places in them, and in the gradients, where W (S, O, P) or (S, O) and bias (S, O) begin;
rows (S, B): the windows; data; found: losses and counts (S), written, and zeros (O), all float64; buffers of
`buffers_of`; d_hidden (S, B, T, H) and gradients, written unless d_hidden is empty (mistakes have no gradient).
"""

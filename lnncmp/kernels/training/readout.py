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

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, lean_kernel, part
from lnncmp.kernels.common.lanes import narrow_lanes
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.products import multiply_from
from lnncmp.kernels.common.tiles import copy_rows, of_all_blocks
from lnncmp.kernels.training.losses import class_loss, mistake, value_loss

Size = tuple[int, int, int, int, int, int, int, bool]
"""S, B, T, H, O, P, C, and whether W is diagonal: then O = P and it has O numbers."""
Data = tuple[Array, Array, Array]
"""Targets (N, T, O), counted cells (N, T, C) or empty, weights of the classes (O) or empty."""


def buffers_of(size: Size, kind: Any) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
    """Return what is laid out of each copy, W (P, O) and (O, H) and the bias, and the sums of each sample.

    Those are the gradient of W (O, P), and, as float64, the loss and the gradient of the bias.
    """
    copies, batch, _, width, outputs, sources, _, _ = size
    wide, deep, read = (padded(columns, np.dtype(kind).itemsize == 4) for columns in (outputs, width, sources))
    laid = tuple(np.zeros(copies * length, kind) for length in (sources * wide, outputs * deep, wide))
    samples = copies * batch
    return laid, (np.zeros(samples * outputs * read, kind), np.zeros(samples * (1 + outputs)))


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


@kernel
def prepare(
    size: Size, numbers: Array, places: tuple[int, int], rows: Array, counted: Array, counts: Array, laid: Arrays
) -> None:
    """Lay out W and the bias of each copy, elsewhere 0 already, and write the numbers of counted cells, counts (S).

    places: where W (S, O, P), or its diagonal (S, O), and the biases (S, O) begin in numbers.
    """
    copies, _, _, _, outputs, sources, _, diagonal = size
    matrix, turned, biases = laid
    wide, deep = biases.size // copies, turned.size // (copies * outputs)
    for s in range(copies):
        counts[s] = _count(size, rows, s, counted)
        for o in range(outputs):
            biases[s * wide + o] = numbers[places[1] + s * outputs + o]
            into, row = s * sources * wide + o, (s * outputs + o) * deep
            if diagonal:
                matrix[into + o * wide] = turned[row + o] = numbers[places[0] + s * outputs + o]
            else:
                at = places[0] + (s * outputs + o) * sources
                for p in range(sources):
                    matrix[into + p * wide] = turned[row + p] = numbers[at + p]


@part
def _sample_back(
    size: Size, sample: int, hidden: Array, d_y: Array, turned: Array, sums: Arrays, scratch: Arrays, d_hidden: Array
) -> None:
    """Write the gradients of W and the bias for one sample, and that of its hidden states."""
    _, batch, steps, width, outputs, sources, _, _ = size
    rows, nothing = scratch
    lanes = narrow_lanes(d_y)
    wide, deep, read = -(-outputs // lanes) * lanes, -(-width // lanes) * lanes, -(-sources // lanes) * lanes
    # Types of their own for 0 and 1: else the product would be compiled once more for each constant.
    begin, one, whole, at = np.int64(0), np.int64(1), width == deep, sample * steps * width
    if not whole:
        copy_rows(hidden, at, width, rows, 0, deep, steps, width)
    source, source_at = (hidden, at) if whole else (rows, begin)
    own = sample * outputs * read
    multiply_from(nothing, d_y, begin, one, wide, source, source_at, deep, sums[0], own, read, outputs, steps, read)
    for o in range(outputs):
        summed = 0.0
        for t in range(steps):
            summed += d_y[t * wide + o]
        sums[1][sample * (1 + outputs) + 1 + o] = summed
    into, into_at = (d_hidden, at) if whole else (rows, begin)
    first = sample // batch * outputs * deep
    multiply_from(nothing, d_y, begin, wide, one, turned, first, deep, into, into_at, deep, steps, outputs, deep)
    if not whole:
        copy_rows(rows, 0, deep, d_hidden, at, width, steps, width)


def _reading(name: str, step_loss: Callable[..., float]) -> Callable[..., None]:
    """Return the kernel `name`, with the loss of a step; the function's own name is the same for all."""

    def read_out(
        first: int,
        end: int,
        size: Size,
        hidden: Array,
        rows: Array,
        data: Data,
        counts: Array,
        laid: Arrays,
        sums: Arrays,
        d_hidden: Array,
    ) -> None:
        _, batch, steps, width, outputs, sources, _, _ = size
        lanes, kind, (matrix, turned, biases) = narrow_lanes(hidden), hidden.dtype, laid
        wide, deep, one = -(-outputs // lanes) * lanes, -(-width // lanes) * lanes, np.int64(1)
        y, d_y, begin = np.empty(steps * wide, kind), np.empty(steps * wide, kind), np.int64(0)
        scratch = np.empty(steps * deep, kind), np.zeros(max(wide, deep), kind)
        for sample in range(first, end):
            s, summed = sample // batch, 0.0
            scale = 1.0 / max(counts[s], 1.0)
            bias = biases[s * wide : (s + 1) * wide]
            multiply_from(
                bias, hidden, sample * steps * width, width, one, matrix, s * sources * wide, wide, y, begin, wide,
                steps, sources, wide,
            )  # fmt: skip
            for t in range(steps):
                step = rows[sample] * steps + t
                summed += step_loss(y, t * wide, outputs, data[0], step, data[1], data[2], scale, d_y)
            sums[1][sample * (1 + outputs)] = summed * scale
            if d_hidden.size > 0:
                _sample_back(size, sample, hidden, d_y, turned, sums, scratch, d_hidden)

    read_out.__qualname__ = name
    return kernel(read_out)


@lean_kernel
def finish(size: Size, places: tuple[int, int], sums: Arrays, losses: Array, gradients: Array) -> None:
    """Write the loss of each copy (S), and unless `gradients` is empty those of W and the bias: the sums of samples."""
    copies, batch, _, _, outputs, sources, _, diagonal = size
    of_matrix, of_rest = sums
    columns = of_matrix.size // (copies * batch)
    read, each = columns // outputs, outputs if diagonal else outputs * sources
    for s in range(copies):
        losses[s] = 0.0
        for sample in range(s * batch, (s + 1) * batch):
            losses[s] += of_rest[sample * (1 + outputs)]
        if gradients.size > 0:
            for o in range(outputs):
                at = s * batch * (1 + outputs) + 1 + o
                gradients[places[1] + s * outputs + o] = of_all_blocks(of_rest, at, batch, 1 + outputs)
            for k in range(each):
                at = s * batch * columns + (k * read + k if diagonal else k // sources * read + k % sources)
                into = places[0] + s * each + k
                gradients[into] = of_matrix[at]
                for b in range(1, batch):
                    gradients[into] += of_matrix[at + b * columns]


READINGS = {
    "values": (_reading("read_values", value_loss),) * 2,
    "classes": (_reading("read_classes", class_loss), _reading("read_mistakes", mistake)),
}
"""For each kind of task, the kernels of its loss and of the error that chooses the best epoch.

Each computes the samples from `first` to `end` of all copies, for hidden (S, B, T, H), rows (S, B): the windows, the
data, and what `prepare` wrote. Written are the sample's sums, and d_hidden (S, B, T, H) unless it is empty (mistakes
have no gradient).
"""

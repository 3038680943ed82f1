"""Weights of a CfC to and from the layout of its kernels: a table of matrices to move, and the kernels that do it."""

from typing import NamedTuple

import numpy as np

from lnncmp.kernels.common.compiling import Array, lean_kernel


class Move(NamedTuple):
    """A matrix (rows, columns) among the weights of all tensors, and its place in the kernels' layout.

    Element i, j of copy s is weight `source + s source_copy + i source_row + j` and is at place
    `into + i into_row + j into_column` of copy s of the layout.
    """

    source: int
    source_copy: int
    source_row: int
    rows: int
    columns: int
    into: int
    into_row: int
    into_column: int
    mask: int = -1
    """Where a mask of the matrix begins, with rows as the matrix has; -1 without a mask."""
    mask_copy: int = 0
    absolute: int = 0
    """Whether the absolute value is wanted."""
    plus: float = 0.0
    """What is added."""


RECORD = np.dtype([(name, np.float64 if name == "plus" else np.int64) for name in Move._fields])


@lean_kernel
def pack(moves: Array, copies: int, numbers: Array, masks: Array, total: int, packed: Array) -> None:
    """Write weights, `numbers` of all tensors one after the other, to `packed` (copies, total), zeros before."""
    for index in range(moves.size):
        move = moves[index]
        down, across, masked, plus = move.into_row, move.into_column, move.mask >= 0, move.plus
        rows, columns, absolute = move.rows, move.columns, move.absolute != 0
        for s in range(copies):
            at, into, mask = move.source + s * move.source_copy, s * total + move.into, move.mask + s * move.mask_copy
            for _ in range(rows):
                for j in range(columns):
                    if not masked or masks[mask + j]:
                        value = numbers[at + j]
                        packed[into + j * across] = abs(value) if absolute else value + plus
                at, into, mask = at + move.source_row, into + down, mask + move.source_row


@lean_kernel
def unpack(
    moves: Array,
    copies: int,
    parts: int,
    summed: Array,
    total: int,
    numbers: Array,
    masks: Array,
    gradients: Array,
) -> None:
    """Write the gradients of all tensors, from those in the kernels' layout: summed (copies, parts, total).

    The parts are added to the first of them.
    """
    for s in range(copies):
        for part in range(1, parts):
            first, other = s * parts * total, (s * parts + part) * total
            for k in range(total):
                summed[first + k] += summed[other + k]
    for index in range(moves.size):
        move = moves[index]
        down, across, masked, absolute = move.into_row, move.into_column, move.mask >= 0, move.absolute != 0
        rows, columns = move.rows, move.columns
        for s in range(copies):
            at, mask = move.source + s * move.source_copy, move.mask + s * move.mask_copy
            into = s * parts * total + move.into
            for _ in range(rows):
                for j in range(columns):
                    value = summed[into + j * across]
                    if absolute:
                        value *= np.sign(numbers[at + j])
                    gradients[at + j] = value if not masked or masks[mask + j] else 0.0
                at, into, mask = at + move.source_row, into + down, mask + move.source_row

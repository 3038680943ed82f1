"""What one step of a program costs in operations, counted from its statements."""

from dataclasses import dataclass

import numpy as np

from lnncmp.export.program import AddProduct, AddSynapses, Binary, Let, Program, Unary, flat, operands

_EXPONENTIALS = {"exp", "sigmoid", "tanh", "silu", "gelu"}
_DIVISIONS = {"sigmoid", "tanh", "silu", "gelu"}


@dataclass(frozen=True)
class Operations:
    """Operations of one step.

    multiply_adds: of products and synapses. exponentials, divisions: those within sigmoid and tanh, too. elementwise:
    further additions, multiplications and comparisons.
    """

    multiply_adds: int
    exponentials: int
    divisions: int
    elementwise: int


def count(program: Program) -> Operations:
    """Return the operations of one step; synapses that do not exist cost nothing."""
    total = np.zeros(4, np.int64)
    for statement, times in flat(program.statements):
        if isinstance(statement, AddProduct):
            total[0] += times * (statement.weight.size if statement.mask is None else int(statement.mask.sum()))
        elif isinstance(statement, AddSynapses):
            total += times * len(statement.targets) * np.array([3, 1, 1, 1])
        elif isinstance(statement, Let):
            total += times * program.sizes[statement.out] * _elementwise(statement)
    return Operations(*total.tolist())


def _elementwise(let: Let) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return the operations for one element."""
    parts = list(operands(let.expr))
    kinds = [part.kind for part in parts if isinstance(part, Unary | Binary)]
    exponentials = sum(kind in _EXPONENTIALS for kind in kinds)
    divisions = sum(kind in _DIVISIONS or kind == "div" for kind in kinds)
    return np.array([0, exponentials, divisions, sum(kind not in (*_EXPONENTIALS, "div") for kind in kinds)])

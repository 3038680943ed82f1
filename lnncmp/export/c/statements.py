"""Statements of a program as statements of C."""

import numpy as np
from numpy.typing import NDArray

from lnncmp.export.c.arrays import Arrays, by_row, index_type, index_width, literal, quantised
from lnncmp.export.c.helpers import FUNCTIONS, function, kernel
from lnncmp.export.program import (
    AddProduct,
    AddSynapses,
    Binary,
    Constant,
    Expr,
    Join,
    Let,
    Number,
    Program,
    Ref,
    Repeat,
    Statement,
    Unary,
    flat,
)

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


class Translator:
    """Writes the body of the step; collects the arrays and the helper functions that it needs."""

    def __init__(self, program: Program, prefix: str, int8: bool) -> None:
        self.program, self.prefix, self.int8 = program, prefix, int8
        self.arrays = Arrays()
        self._functions: set[str] = set()
        self._kernels: set[str] = set()
        counted = [one for one, _ in flat(program.statements) if isinstance(one, AddProduct | AddSynapses)]
        self._from = index_width(max(program.sizes.values()))
        self._end = index_width(max((_entries(one) for one in counted), default=0))

    def body(self) -> list[str]:
        """Return the lines of the step's body, without indentation of the function."""
        return self._lines(self.program.statements, 0)

    def helpers(self) -> list[str]:
        """Return the definitions of the helper functions of the body."""
        types = index_type(self._from), index_type(self._end)
        functions = [function(self.prefix, name) for name in FUNCTIONS if name in self._functions]
        return functions + [kernel(self.prefix, name, self.int8, *types) for name in sorted(self._kernels)]

    def _lines(self, statements: tuple[Statement, ...], depth: int) -> list[str]:
        lines = []
        for statement in statements:
            if isinstance(statement, Repeat):
                lines.append(f"for (int n{depth} = 0; n{depth} < {statement.count}; n{depth}++) {{")
                lines += [f"    {line}" for line in self._lines(statement.body, depth + 1)]
                lines.append("}")
            elif isinstance(statement, Let):
                lines += self._loop(statement.out, 0, self.program.sizes[statement.out], statement.expr)
            elif isinstance(statement, Join):
                start = 0
                for part in statement.parts:
                    lines += self._loop(statement.out, start, part.size, part)
                    start += part.size
            elif isinstance(statement, AddProduct):
                lines.append(self._product(statement))
            else:
                lines.append(self._synapses(statement))
        return lines

    def _loop(self, out: str, start: int, size: int, expr: Expr) -> list[str]:
        target = _element(f"{self._pointer(out)}", start, size)
        line = f"{target} = {self._value(expr)};"
        return [line] if size == 1 else [f"for (int i = 0; i < {size}; i++)", f"    {line}"]

    def _pointer(self, buffer: str) -> str:
        return buffer if buffer in ("x", "y") else "&dt" if buffer == "dt" else f"s->{buffer}"

    def _at(self, ref: Ref) -> str:
        return self._pointer(ref.buffer) + (f" + {ref.start}" if ref.start else "")

    def _value(self, expr: Expr) -> str:
        """Return the element i of an expression."""
        if isinstance(expr, Ref):
            return "dt" if expr.buffer == "dt" else _element(self._pointer(expr.buffer), expr.start, expr.size)
        if isinstance(expr, Constant):
            return literal(float(expr.values[0])) if expr.values.size == 1 else f"{self.arrays.floats(expr.values)}[i]"
        if isinstance(expr, Number):
            return literal(expr.value)
        if isinstance(expr, Unary):
            return self._call(expr.kind, self._value(expr.of))
        assert isinstance(expr, Binary)
        return f"({self._value(expr.left)} {_SIGNS[expr.kind]} {self._value(expr.right)})"

    def _call(self, kind: str, argument: str) -> str:
        if kind == "neg":
            return f"(-{argument})"
        if kind == "exp":
            return f"expf({argument})"
        self._functions.add(kind)
        return f"{self.prefix}_{kind}({argument})"

    def _product(self, one: AddProduct) -> str:
        rows, columns = one.weight.shape
        name = "dense" if one.mask is None else "sparse"
        self._kernels.add(name)
        out, x = self._pointer(one.out), self._at(one.source)
        if one.mask is None:
            weights = self._weights(list(one.weight), one.weight)
            return f"{self.prefix}_dense({out}, {weights}, {x}, {rows}, {columns});"
        targets, sources = np.nonzero(one.mask)
        values = one.weight[targets, sources]
        weights = self._weights(by_row(values, targets, rows), values)
        return f"{self.prefix}_sparse({out}, {weights}, {self._places(sources, targets, rows)}, {x}, {rows});"

    def _weights(self, rows: list[NDArray[np.float64]], values: NDArray[np.float64]) -> str:
        if not self.int8:
            return self.arrays.floats(values)
        integers, scales = quantised(rows)
        return f"{self.arrays.integers(integers)}, {self.arrays.floats(scales)}"

    def _places(self, sources: NDArray[np.intp], targets: NDArray[np.intp], rows: int) -> str:
        ends = np.cumsum(np.bincount(targets, minlength=rows))
        return f"{self.arrays.indices(sources, self._from)}, {self.arrays.indices(ends, self._end)}"

    def _synapses(self, one: AddSynapses) -> str:
        self._kernels.add("synapses")
        self._functions.add("sigmoid")
        count = self.program.sizes[one.num]
        values = (one.slope, one.offset, one.pull, one.weight)
        if self.int8:
            packed = [quantised(by_row(part, one.targets, count)) for part in values]
            names = [self.arrays.integers(part) for part, _ in packed]
            names.append(self.arrays.floats(np.stack([scale for _, scale in packed], 1)))
        else:
            names = [self.arrays.floats(part) for part in values]
        out, v = f"{self._pointer(one.num)}, {self._pointer(one.den)}", self._at(one.source)
        places = self._places(one.sources, one.targets, count)
        return f"{self.prefix}_synapses({out}, {', '.join(names)}, {places}, {v}, {count});"


def _element(pointer: str, start: int, size: int) -> str:
    if size == 1:
        return f"{pointer}[{start}]"
    return f"{pointer}[{start} + i]" if start else f"{pointer}[i]"


def _entries(one: AddProduct | AddSynapses) -> int:
    return len(one.targets) if isinstance(one, AddSynapses) else 0 if one.mask is None else int(one.mask.sum())

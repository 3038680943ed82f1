"""Statements of a program as nodes of an ONNX graph; every buffer has a batch axis in front.

Legend of shapes: B batch, J targets, K synapses of a target (padded).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lnncmp.errors import DataError
from lnncmp.export.interpret import by_target
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
)

OPSET = 18
"""Version of the standard operators (December 2022)."""

_DIRECT = {"neg": "Neg", "abs": "Abs", "exp": "Exp", "sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"}
_BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div"}


def require_onnx() -> None:
    """Raise DataError, saying what to install, if the package onnx is missing."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise DataError("the package onnx is missing", "Install it: pip install 'lnncmp[export]'.") from error


class Nodes:
    """Nodes in the making, and their constants, which the nodes of a loop's body share with the graph around it."""

    def __init__(self, program: Program, inner: "Nodes | None" = None) -> None:
        self.program = program
        self.nodes: list[Any] = []
        self.constants: dict[bytes, Any] = {} if inner is None else inner.constants
        self._count = 0
        self._tag = "inner" if inner is None else "outer"  # a body and the graph around it may not share names
        self._env: dict[str, str] = {}

    def step(self, x: str, dt: str, y: str, ending: str) -> None:
        """Add the nodes of one step: `x` (B, I), `dt` (B,) and the states give `y` and the states' names + ending."""
        self._env = {"x": x, "dt": self._add("Unsqueeze", [dt, self._integers([1])]), **{s: s for s in self._states()}}
        self._run(self.program.statements)
        self._add("Identity", [self._env["y"]], y)
        for name in self._states():
            self._add("Identity", [self._env[name]], name + ending)

    def initial_states(self, x: str) -> list[str]:
        """Add the nodes of zeros (B, ...) for each state, with the batch of `x` (B, ...), and return their names."""
        whole = self._add("Shape", [x])
        batch = self._add("Gather", [whole, self._integers([0])], axis=0)
        made = []
        for name in self._states():
            shape = self._add("Concat", [batch, self._integers([self.program.sizes[name]])], axis=0)
            made.append(self._add("ConstantOfShape", [shape], f"{name}_start"))
        return made

    def _states(self) -> tuple[str, ...]:
        return self.program.states

    def _run(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            if isinstance(statement, Let):
                self._env[statement.out] = self._value(statement.expr)
            elif isinstance(statement, Join):
                parts = [self._value(part) for part in statement.parts]
                self._env[statement.out] = self._add("Concat", parts, axis=-1)
            elif isinstance(statement, AddProduct):
                weight = self._floats(statement.weight.T)
                product = self._add("MatMul", [self._value(statement.source), weight])
                self._env[statement.out] = self._add("Add", [self._env[statement.out], product])
            elif isinstance(statement, AddSynapses):
                self._synapses(statement)
            elif isinstance(statement, Repeat):
                for _ in range(statement.count):
                    self._run(statement.body)

    def _synapses(self, one: AddSynapses) -> None:
        sources, (slope, offset, pull, weight) = by_target(one, self.program.sizes[one.num])
        v = self._add("Gather", [self._value(one.source), self._integers(sources)], axis=1)  # (B, J, K)
        drive = self._add("Add", [self._add("Mul", [v, self._floats(slope)]), self._floats(offset)])
        s = self._add("Sigmoid", [drive])
        for out, values in ((one.num, pull), (one.den, weight)):
            each = self._add("Mul", [s, self._floats(values)])
            total = self._add("ReduceSum", [each, self._integers([2])], keepdims=0)
            self._env[out] = self._add("Add", [self._env[out], total])

    def _value(self, expr: Expr) -> str:
        if isinstance(expr, Ref):
            return self._stretch(expr)
        if isinstance(expr, Constant):
            return self._floats(expr.values)
        if isinstance(expr, Number):
            return self._floats(np.array(expr.value))
        if isinstance(expr, Unary):
            return self._unary(expr.kind, self._value(expr.of))
        assert isinstance(expr, Binary)
        return self._add(_BINARY[expr.kind], [self._value(expr.left), self._value(expr.right)])

    def _stretch(self, ref: Ref) -> str:
        name = self._env[ref.buffer]
        if ref.size == self.program.sizes[ref.buffer]:
            return name
        ends = self._integers([ref.start]), self._integers([ref.start + ref.size])
        return self._add("Slice", [name, *ends, self._integers([-1])])

    def _unary(self, kind: str, x: str) -> str:
        if kind == "silu":
            return self._add("Mul", [x, self._add("Sigmoid", [x])])
        if kind == "gelu":
            phi = self._add("Erf", [self._add("Mul", [x, self._floats(np.array(0.5**0.5))])])
            half = self._add("Mul", [x, self._floats(np.array(0.5))])
            return self._add("Mul", [half, self._add("Add", [phi, self._floats(np.array(1.0))])])
        return self._add(_DIRECT[kind], [x])

    def _floats(self, values: NDArray[np.float64]) -> str:
        return self._constant(np.ascontiguousarray(values, np.float32))

    def _integers(self, values: list[int] | NDArray[np.intp]) -> str:
        return self._constant(np.asarray(values, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        """Return the name of a constant; the same one is kept once."""
        from onnx import numpy_helper

        key = f"{values.dtype}{values.shape}".encode() + values.tobytes()
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(values, f"k{len(self.constants)}")
        return str(self.constants[key].name)

    def _add(self, kind: str, inputs: list[str], out: str = "", **attributes: Any) -> str:
        from onnx import helper

        self._count += 1
        out = out or f"{self._tag}{self._count}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

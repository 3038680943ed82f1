"""What a network computes in one step, as a short list of statements that every export format is written from.

A program reads the buffers `x` (inputs), `dt` (one elapsed time) and its states, and leaves the output in `y` and the
new states in their buffers. Buffers are vectors of fixed size, without a batch axis. A statement sets or adds to a
whole buffer. Values are float64, rounded by the format that writes them.

Legend of shapes: I sources, O targets, S synapses.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

UNARY = ("neg", "abs", "exp", "sigmoid", "tanh", "relu", "silu", "gelu")
BINARY = ("add", "sub", "mul", "div")


class Expr:
    """An elementwise expression; what has one element is broadcast."""

    def __add__(self, other: "Expr | float") -> "Expr":
        return Binary("add", self, as_expr(other))

    def __radd__(self, other: float) -> "Expr":
        return Binary("add", as_expr(other), self)

    def __sub__(self, other: "Expr | float") -> "Expr":
        return Binary("sub", self, as_expr(other))

    def __rsub__(self, other: float) -> "Expr":
        return Binary("sub", as_expr(other), self)

    def __mul__(self, other: "Expr | float") -> "Expr":
        return Binary("mul", self, as_expr(other))

    def __rmul__(self, other: float) -> "Expr":
        return Binary("mul", as_expr(other), self)

    def __truediv__(self, other: "Expr | float") -> "Expr":
        return Binary("div", self, as_expr(other))

    def __neg__(self) -> "Expr":
        return Unary("neg", self)


@dataclass(frozen=True, eq=False)
class Ref(Expr):
    """The elements start ... start + size - 1 of a buffer."""

    buffer: str
    start: int
    size: int

    def part(self, start: int, size: int) -> "Ref":
        """Return a stretch of this one."""
        return Ref(self.buffer, self.start + start, size)


@dataclass(frozen=True, eq=False)
class Number(Expr):
    """One number."""

    value: float


@dataclass(frozen=True, eq=False)
class Constant(Expr):
    """A vector of weights."""

    values: Floats


@dataclass(frozen=True, eq=False)
class Unary(Expr):
    """A function of `UNARY`; gelu is x Phi(x), silu is x sigmoid(x)."""

    kind: str
    of: Expr


@dataclass(frozen=True, eq=False)
class Binary(Expr):
    """An operation of `BINARY`."""

    kind: str
    left: Expr
    right: Expr


def as_expr(value: Expr | float) -> Expr:
    """Return a number as an expression, an expression as it is."""
    return value if isinstance(value, Expr) else Number(float(value))


@dataclass(frozen=True, eq=False)
class Let:
    """out = expr, elementwise."""

    out: str
    expr: Expr


@dataclass(frozen=True, eq=False)
class Join:
    """out = the parts one after the other."""

    out: str
    parts: tuple[Ref, ...]


@dataclass(frozen=True, eq=False)
class AddProduct:
    """out += weight source, for weight (O, I); entries where `mask` (O, I) is False do not exist and are 0."""

    out: str
    weight: Floats
    source: Ref
    mask: Bools | None = None


@dataclass(frozen=True, eq=False)
class AddSynapses:
    """Of each synapse k, num[target_k] += pull_k s and den[target_k] += weight_k s.

    s = sigmoid(slope_k v[source_k] + offset_k), v the potentials of the sources. All arrays are (S,), sorted by target.
    """

    num: str
    den: str
    source: Ref
    sources: NDArray[np.intp]
    targets: NDArray[np.intp]
    slope: Floats
    offset: Floats
    pull: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class Repeat:
    """The body, `count` times."""

    count: int
    body: "tuple[Statement, ...]"


Statement = Let | Join | AddProduct | AddSynapses | Repeat


@dataclass(frozen=True)
class Program:
    """A network's step: sizes of its buffers by name, its states in order (0 at the start), and its statements."""

    inputs: int
    outputs: int
    states: tuple[str, ...]
    sizes: dict[str, int]
    statements: tuple[Statement, ...]

    @property
    def scratch(self) -> tuple[str, ...]:
        """The buffers that are neither given nor kept from step to step."""
        return tuple(name for name in self.sizes if name not in ("x", "dt", "y", *self.states))


def operands(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and all expressions that it is made of."""
    yield expr
    if isinstance(expr, Unary):
        yield from operands(expr.of)
    elif isinstance(expr, Binary):
        yield from operands(expr.left)
        yield from operands(expr.right)


def flat(statements: tuple[Statement, ...]) -> Iterator[tuple[Statement, int]]:
    """Yield every statement but Repeat, and how often it runs in one step."""
    for statement in statements:
        if isinstance(statement, Repeat):
            yield from ((inner, count * statement.count) for inner, count in flat(statement.body))
        else:
            yield statement, 1

"""Writes the program of a step, statement by statement, and refuses what the formats could not compute."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from lnncmp.errors import LnncmpError, UsageError
from lnncmp.export.program import (
    AddProduct,
    AddSynapses,
    Bools,
    Constant,
    Expr,
    Floats,
    Join,
    Let,
    Program,
    Ref,
    Repeat,
    Statement,
    operands,
)


def array(values: Tensor | ArrayLike) -> Floats:
    """Return weights as float64. Raises UsageError if one is not finite, as after a training that diverged."""
    plain = values.detach().cpu().double().numpy() if isinstance(values, Tensor) else np.asarray(values, np.float64)
    if not np.isfinite(plain).all():
        raise UsageError("the network has weights that are not finite", "Export a run that did not diverge.")
    return plain


def booleans(mask: Tensor | None) -> Bools | None:
    """Return a mask as an array; None where there is none, or where nothing is left out."""
    plain = None if mask is None else mask.detach().cpu().numpy().astype(bool)
    return None if plain is None or plain.all() else plain


class Builder:
    """A program in the making, with the buffers `x`, `dt` and `y`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.sizes = {"x": inputs, "dt": 1, "y": outputs}
        self.states: list[str] = []
        self._statements: list[Statement] = []

    def whole(self, name: str) -> Ref:
        """Return a buffer as an expression."""
        return Ref(name, 0, self.sizes[name])

    def state(self, name: str, size: int) -> Ref:
        """Return a new state, 0 before the first step; set it with `let` once nothing reads its old value any more."""
        self.sizes[self._new(name)] = size
        self.states.append(name)
        return self.whole(name)

    def let(self, name: str, expr: Expr, size: int | None = None) -> Ref:
        """Set the buffer `name` to an expression and return it; `size` is needed if only numbers are in it."""
        found = {part.size if isinstance(part, Ref) else part.values.size for part in _sized(expr)} - {1}
        if len(found | {size} - {None, 1}) > 1:
            raise LnncmpError(f"export: operands of '{name}' have sizes {sorted(found)}")
        self._declare(name, size or max(found, default=1))
        for part in _sized(expr):
            if isinstance(part, Ref) and part.buffer == name and part.size != self.sizes[name]:
                raise LnncmpError(f"export: '{name}' is set from a part of itself")
        self._statements.append(Let(name, expr))
        return self.whole(name)

    def bias(self, name: str, values: Tensor | ArrayLike) -> Ref:
        """Set the buffer `name` to constants, to which products are added."""
        return self.let(name, Constant(array(values)), np.size(array(values)))

    def join(self, name: str, parts: Sequence[Ref]) -> Ref:
        """Set the buffer `name` to the parts one after the other; a single part is returned as it is."""
        if len(parts) == 1:
            return parts[0]
        self._declare(name, sum(part.size for part in parts))
        self._statements.append(Join(name, tuple(parts)))
        return self.whole(name)

    def add_product(self, out: Ref, weight: Tensor, source: Ref, mask: Tensor | None = None) -> None:
        """Add weight (O, I) times `source` to `out`; entries where `mask` (O, I) is False do not exist."""
        matrix = array(weight)
        if matrix.shape != (out.size, source.size) or out.buffer == source.buffer:
            raise LnncmpError(f"export: a product of {matrix.shape} does not take {source} to {out}")
        present = booleans(mask)
        if present is not None:
            if not present.any():
                return
            matrix = np.where(present, matrix, 0.0)
        self._statements.append(AddProduct(out.buffer, matrix, source, present))

    def add_synapses(
        self, num: Ref, den: Ref, source: Ref, mask: Bools, slope: Floats, offset: Floats, pull: Floats, weight: Floats
    ) -> None:
        """Add the currents of the synapses that `mask` (sources, targets) has; the other arrays have its shape."""
        targets, sources = np.nonzero(mask.T)
        if len(targets):
            values = [part[sources, targets] for part in (slope, offset, pull, weight)]
            self._statements.append(AddSynapses(num.buffer, den.buffer, source, sources, targets, *values))

    @contextmanager
    def repeat(self, count: int) -> Iterator[None]:
        """Have the statements of the block run `count` times."""
        outer, self._statements = self._statements, []
        yield
        body, self._statements = tuple(self._statements), outer
        self._statements.append(Repeat(count, body))

    def finished(self) -> Program:
        """Return the program."""
        return Program(self.inputs, self.outputs, tuple(self.states), dict(self.sizes), tuple(self._statements))

    def _new(self, name: str) -> str:
        if name in self.sizes:
            raise LnncmpError(f"export: there are two buffers '{name}'")
        return name

    def _declare(self, name: str, size: int) -> None:
        if self.sizes.setdefault(name, size) != size:
            raise LnncmpError(f"export: '{name}' has size {self.sizes[name]}, not {size}")


def _sized(expr: Expr) -> list[Ref | Constant]:
    return [part for part in operands(expr) if isinstance(part, Ref | Constant)]

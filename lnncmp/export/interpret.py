"""A program as a PyTorch module, for any batch: one step, or a whole sequence of any length.

Legend of shape suffixes: B batch, T steps, I inputs, O outputs, J targets, K synapses of a target (padded).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

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

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "neg": torch.neg,
    "abs": torch.abs,
    "exp": torch.exp,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
}
_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
}


def by_target(synapses: AddSynapses, targets: int) -> tuple[NDArray[np.intp], tuple[NDArray[np.float64], ...]]:
    """Return sources (J, K) and slope, offset, pull, weight (J, K) of each target's synapses, padded with weight 0."""
    count = np.bincount(synapses.targets, minlength=targets)
    place = np.arange(len(synapses.targets)) - (np.cumsum(count) - count)[synapses.targets]
    shape = (targets, int(count.max()))
    sources = np.zeros(shape, np.intp)
    sources[synapses.targets, place] = synapses.sources
    tables = []
    for values in (synapses.slope, synapses.offset, synapses.pull, synapses.weight):
        table = np.zeros(shape)
        table[synapses.targets, place] = values
        tables.append(table)
    return sources, tuple(tables)


class StepNetwork(nn.Module):
    """One step: x (B, I), dt (B,) and the states (B, ...) give (y (B, O), *new states)."""

    def __init__(self, program: Program, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.program, self.dtype = program, dtype
        self._names: dict[int, str] = {}
        self._gather(program.statements)

    def _gather(self, statements: tuple[Statement, ...]) -> None:
        """Register the constants of all statements as buffers, by the identity of what holds them."""
        for statement in statements:
            if isinstance(statement, Repeat):
                self._gather(statement.body)
            elif isinstance(statement, AddProduct):
                self._keep(statement, "weight", statement.weight.T)
            elif isinstance(statement, AddSynapses):
                sources, tables = by_target(statement, self.program.sizes[statement.num])
                self._keep(statement, "sources", sources)
                for name, table in zip(("slope", "offset", "pull", "weight"), tables, strict=True):
                    self._keep(statement, name, table)
            elif isinstance(statement, Let):
                self._gather_expr(statement.expr)

    def _gather_expr(self, expr: Expr) -> None:
        if isinstance(expr, Constant):
            self._keep(expr, "values", expr.values)
        elif isinstance(expr, Number):
            # A tensor made in `forward` would be a constant of the loop's body, which torch.export cannot save.
            self._keep(expr, "values", np.array([expr.value]))
        elif isinstance(expr, Unary):
            self._gather_expr(expr.of)
        elif isinstance(expr, Binary):
            self._gather_expr(expr.left)
            self._gather_expr(expr.right)

    def _keep(self, owner: object, name: str, values: NDArray[np.generic]) -> None:
        number = self._names.setdefault(id(owner), f"k{len(self._names)}")
        tensor = torch.from_numpy(np.ascontiguousarray(values))
        self.register_buffer(f"{number}_{name}", tensor.to(self.dtype) if tensor.is_floating_point() else tensor)

    def _kept(self, owner: object, name: str) -> Tensor:
        return self.get_buffer(f"{self._names[id(owner)]}_{name}")

    def initial(self, batch: int) -> tuple[Tensor, ...]:
        """Return the states before the first step, 0 of shapes (batch, ...)."""
        return tuple(torch.zeros(batch, self.program.sizes[name], dtype=self.dtype) for name in self.program.states)

    def forward(self, x: Tensor, dt: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Return (y (B, O), *new states) for x (B, I), dt (B,) and states (B, ...)."""
        env = {"x": x, "dt": dt[:, None], **dict(zip(self.program.states, states, strict=True))}
        self._run(self.program.statements, env)
        return env["y"], *(env[name] for name in self.program.states)

    def _run(self, statements: tuple[Statement, ...], env: dict[str, Tensor]) -> None:
        for statement in statements:
            if isinstance(statement, Let):
                env[statement.out] = self._value(statement.expr, env)
            elif isinstance(statement, Join):
                env[statement.out] = torch.cat([self._value(part, env) for part in statement.parts], -1)
            elif isinstance(statement, AddProduct):
                product = self._value(statement.source, env) @ self._kept(statement, "weight")
                env[statement.out] = env[statement.out] + product
            elif isinstance(statement, AddSynapses):
                v = self._value(statement.source, env)[:, self._kept(statement, "sources")]
                s = torch.sigmoid(v * self._kept(statement, "slope") + self._kept(statement, "offset"))
                env[statement.num] = env[statement.num] + (s * self._kept(statement, "pull")).sum(-1)
                env[statement.den] = env[statement.den] + (s * self._kept(statement, "weight")).sum(-1)
            else:
                for _ in range(statement.count):
                    self._run(statement.body, env)

    def _value(self, expr: Expr, env: dict[str, Tensor]) -> Tensor:
        if isinstance(expr, Ref):
            whole = expr.size == self.program.sizes[expr.buffer]
            return env[expr.buffer] if whole else env[expr.buffer][..., expr.start : expr.start + expr.size]
        if isinstance(expr, Constant | Number):
            return self._kept(expr, "values")
        if isinstance(expr, Unary):
            return _UNARY[expr.kind](self._value(expr.of, env))
        assert isinstance(expr, Binary)
        return _BINARY[expr.kind](self._value(expr.left, env), self._value(expr.right, env))


class SequenceNetwork(nn.Module):
    """All steps from the initial state: x (B, T, I), dt (B, T) give y (B, T, O)."""

    def __init__(self, step: StepNetwork) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """Return y (B, T, O) for x (B, T, I), dt (B, T); T is at least 1."""
        from torch._higher_order_ops.scan import scan  # the only loop that torch.export keeps a loop

        def advance(state: list[Tensor], given: tuple[Tensor, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            y, *after = self.step(*given, *state)
            # A loop may not return one tensor twice, nor one that it was given.
            return list(after), [y.clone()]

        sizes = [self.step.program.sizes[name] for name in self.step.program.states]
        start = [x.new_zeros(x.shape[0], size) for size in sizes]
        _, (y,) = scan(advance, start, (x.transpose(0, 1), dt.t()))
        outputs: Tensor = y.transpose(0, 1)
        return outputs

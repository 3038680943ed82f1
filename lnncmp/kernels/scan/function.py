"""Fused recurrences of elementwise factors as operations of torch; see lnncmp.layers.scan.

There are no weights: a and b are tensors of the data, and copies of a network are rows of one batch.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, C features.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lnncmp.errors import UsageError
from lnncmp.kernels.common import pool
from lnncmp.kernels.common.compiling import Array
from lnncmp.kernels.common.operation import VALID, Given, Memory, Operation, Shape, X
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import numbers_of, present
from lnncmp.kernels.scan import complex as of_complex
from lnncmp.kernels.scan import real as of_real

_ALL_REAL = np.empty(0, np.bool_)


@dataclass(frozen=True)
class Numbers:
    """Which kernels compute with numbers of how many parts, and at which places their tensors are."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    b: tuple[int, ...]
    start: tuple[int, ...]
    a: tuple[int, ...]

    def parts(self, found: Sequence[Any], places: tuple[int, ...]) -> Any:
        """Return what is at the places: one array for real numbers, two for complex ones."""
        chosen = tuple(found[place] for place in places)
        return chosen if len(chosen) > 1 else chosen[0]


_NUMBERS = {
    "real": Numbers(of_real.forward, of_real.backward, (0,), (3,), (4,)),
    "complex": Numbers(of_complex.forward, of_complex.backward, (0, 5), (3, 4), (6, 7)),
}


class ScanSequence(Operation):
    """All h (B, T, C) and the final ones (B, C) of h_t = a_t h_{t-1} + b_t, for b, no dt, valid, start and a.

    Settings: `real` (tensors b, None, valid, start, a), or `complex` (real part of b, None, valid, start, start's
    imaginary part, that of b, a, a's). Outputs of complex numbers are two tensors each.
    """

    def __init__(self, settings: str) -> None:
        self.numbers = _NUMBERS[settings]
        self.states = len(self.numbers.start)
        self.outputs = 2 * self.states

    @property
    def data(self) -> int:
        """All of the tensors have a row for each sample."""
        return 3 + 3 * self.states - 1

    def _arrays(self, tensors: Given) -> tuple[tuple[int, int, int], list[Array]]:
        """Return R, T and C, and the numbers of all tensors. Raises UsageError for shapes that do not fit."""
        x = present(tensors)[X]
        rows, (steps, features) = math.prod(x.shape[:-2]), x.shape[-2:]
        start = torch.Size((*x.shape[:-2], features))
        for place, own in enumerate(tensors):
            expected = start if place in self.numbers.start else x.shape
            if place > VALID and (present([own])[0].shape != expected or present([own])[0].dtype != x.dtype):
                found = tuple(present([own])[0].shape)
                raise UsageError(
                    f"a recurrence of {tuple(x.shape)} got {found}, expected {tuple(expected)}",
                    "Give a and b of one shape and type, and a start without the axis of steps.",
                )
        return (rows, steps, features), [_ALL_REAL if own is None else numbers_of(own) for own in tensors]

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; see the class. Nothing is kept."""
        numbers = self.numbers
        (rows, steps, features), arrays = self._arrays(tensors)
        kind = arrays[X].dtype
        made = [pool.empty((rows * steps * features,), kind) for _ in numbers.b]
        made += [np.empty(rows * features, kind) for _ in numbers.start]
        a, b, start = (numbers.parts(arrays, own) for own in (numbers.a, numbers.b, numbers.start))
        hidden = numbers.parts(made, tuple(range(self.states)))
        final = numbers.parts(made, tuple(range(self.states, self.outputs)))
        run_tiles(numbers.forward, rows, (steps, features), a, b, arrays[VALID], start, hidden, final)
        shapes = [present(tensors)[place].shape for place in (*numbers.b, *numbers.start)]
        return [torch.from_numpy(own).view(shape) for own, shape in zip(made, shapes, strict=True)], []

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of b, the start and a."""
        numbers = self.numbers
        (rows, steps, features), arrays = self._arrays(tensors)
        kind = arrays[X].dtype
        found: list[Any] = [None] * len(tensors)
        for place in (*numbers.b, *numbers.a):
            found[place] = pool.empty((rows * steps * features,), kind)
        for place, grad in zip(numbers.start, grads[self.states :], strict=True):
            # Copied: the kernel goes on with it.
            found[place] = np.zeros(rows * features, kind) if grad is None else numbers_of(grad).copy()
        coming = [np.empty(0, kind) if grad is None else numbers_of(grad) for grad in grads[: self.states]]
        a, b, start = (numbers.parts(arrays, own) for own in (numbers.a, numbers.b, numbers.start))
        d_a, d_b, d_start = (numbers.parts(found, own) for own in (numbers.a, numbers.b, numbers.start))
        d_hidden = numbers.parts(coming, tuple(range(self.states)))
        given = a, b, arrays[VALID], start, d_hidden, d_a, d_b, d_start
        run_tiles(numbers.backward, rows, (steps, features), *given)
        return [
            None if own is None else torch.from_numpy(own).view(present([tensor])[0].shape)
            for own, tensor in zip(found, tensors, strict=True)
        ]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of all h and of the final ones."""
        places = (*self.numbers.b, *self.numbers.start)
        return [tuple(present(tensors)[place].shape) for place in places], []


OPERATION = ScanSequence

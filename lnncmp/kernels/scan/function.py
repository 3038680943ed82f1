"""Fused recurrences of elementwise factors as operations of torch; see lnncmp.layers.scan.

There are no weights: a and b are tensors of the data, and copies of a network are rows of one batch.

Legend of shapes: S copies, B batch, T steps, C features.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lnncmp.errors import UsageError
from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.moves import copied_or_zeros
from lnncmp.kernels.common.operation import VALID, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.scan import complex as of_complex
from lnncmp.kernels.scan import real as of_real

_ALL_REAL = np.empty(0, np.bool_)


@dataclass(frozen=True)
class Kind:
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


_KINDS = {
    "real": Kind(of_real.forward, of_real.backward, (0,), (3,), (4,)),
    "complex": Kind(of_complex.forward, of_complex.backward, (0, 5), (3, 4), (6, 7)),
}


class ScanSequence(ArrayOperation):
    """All h (B, T, C) and the final ones (B, C) of h_t = a_t h_{t-1} + b_t, for b, no dt, valid, start and a.

    Settings: `real` (tensors b, None, valid, start, a), or `complex` (real part of b, None, valid, start, start's
    imaginary part, that of b, a, a's). Outputs of complex numbers are two tensors each.
    """

    def __init__(self, settings: str) -> None:
        self.kind = _KINDS[settings]
        self.states = len(self.kind.start)
        self.outputs = 2 * self.states

    @property
    def data(self) -> int:
        """All of the tensors have a row for each sample."""
        return 3 + 3 * self.states - 1

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return none."""
        return []

    def arrays(self, tensors: Given, stacked: bool) -> list[Any]:
        """Return the tensors as `run` takes them. Raises UsageError for shapes that do not fit."""
        x = present(tensors)[X]
        start = torch.Size((*x.shape[:-2], x.shape[-1]))
        for place, own in enumerate(tensors):
            expected = start if place in self.kind.start else x.shape
            if place > VALID and (present([own])[0].shape != expected or present([own])[0].dtype != x.dtype):
                found = tuple(present([own])[0].shape)
                raise UsageError(
                    f"a recurrence of {tuple(x.shape)} got {found}, expected {tuple(expected)}",
                    "Give a and b of one shape and type, and a start without the axis of steps.",
                )
        return super().arrays(tensors, stacked)

    def _numbers(self, given: GivenArrays) -> tuple[int, tuple[int, int], list[Numbers]]:
        """Return R = S B, T and C, and the numbers of all that is given."""
        shape = given[X].shape
        return math.prod(shape[:-2]), shape[-2:], [_ALL_REAL if own is None else flat(own) for own in given]

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class. Nothing is kept."""
        own, (rows, size, arrays) = self.kind, self._numbers(given)
        made = [empty(given[place].shape, given[X].dtype) for place in (*own.b, *own.start)]
        a, b, start = (own.parts(arrays, places) for places in (own.a, own.b, own.start))
        numbers, states = list(map(flat, made)), self.states
        hidden, final = (own.parts(numbers[at : at + states], tuple(range(states))) for at in (0, states))
        run_tiles(own.forward, rows, size, a, b, arrays[VALID], start, hidden, final)
        return made, []

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of b, the start and a."""
        own, (rows, size, arrays) = self.kind, self._numbers(given)
        kind, found = given[X].dtype, list[Any]([None] * len(given))
        for place in (*own.b, *own.a):
            found[place] = empty((given[X].size,), kind)
        for place, grad in zip(own.start, grads[self.states :], strict=True):
            found[place] = copied_or_zeros(grad, given[place].size, kind)  # the kernel goes on with it
        coming = [np.empty(0, kind) if grad is None else flat(grad) for grad in grads[: self.states]]
        a, b, start = (own.parts(arrays, places) for places in (own.a, own.b, own.start))
        d_a, d_b, d_start = (own.parts(found, places) for places in (own.a, own.b, own.start))
        d_hidden = own.parts(coming, tuple(range(self.states)))
        run_tiles(own.backward, rows, size, a, b, arrays[VALID], start, d_hidden, d_a, d_b, d_start)
        return found

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of all h and of the final ones."""
        places = (*self.kind.b, *self.kind.start)
        return [tuple(present(tensors)[place].shape) for place in places], []


OPERATION = ScanSequence

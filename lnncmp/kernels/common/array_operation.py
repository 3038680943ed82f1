"""Operations that compute on arrays: what torch needs of them is the same for all families.

Training without torch (lnncmp.training.compiled_stack) calls `run` and `run_back` itself, so both paths run one code.

Legend of shapes: S copies, B batch, T steps, I inputs, H hidden units.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from lnncmp.kernels.common.operation import Given, Memory, Operation, Shape, X, find
from lnncmp.kernels.common.torch_arrays import array, numbers_of, present, weights_of

Numbers = NDArray[Any]
GivenArrays = Sequence[Any]
"""The tensors of an operation as contiguous arrays with a leading axis of copies, None where one is absent.

Of weights and masks only the numbers matter: they are 1-D, the copies of one after the other.
"""


class Passes(ABC):
    """What computes hidden states, and gradients from theirs, on arrays."""

    outputs: int
    """Arrays that `run` returns: hidden (S, B, T, H), then final states, if any."""

    @property
    @abstractmethod
    def data(self) -> int:
        """How many of the arrays, from the first on, have a row for each sample; the others are weights and masks."""

    @abstractmethod
    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Return the outputs (S, ...), and 1-D buffers for the backward pass: with `keep` False of no use."""

    @abstractmethod
    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the numbers of the gradients of all that was given, None for dt and masks.

        grads: of the outputs, None for 0. kept: the buffers of `run`. That of x is of no use unless `wants_x`.
        """


class ArrayOperation(Operation, Passes):
    """An operation of torch by its two passes on arrays."""

    overwrites: bool = False
    """Whether `run_back` goes on with the gradient of the hidden states in its place."""

    @abstractmethod
    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of weights and masks of one network, for x (B, T, I) and states (B, ...)."""

    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run the kernel; raises UsageError for weights of other shapes or types than they must have."""
        outputs, kept = self.run(self.arrays(tensors, stacked), keep)
        made = [torch.from_numpy(own if stacked else own[0]) for own in outputs]
        return made, [torch.from_numpy(own) for own in kept]

    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Run the kernel of the backward pass."""
        coming = [None if grad is None else array(grad, stacked) for grad in grads]
        if self.overwrites and coming[0] is not None:
            coming[0] = coming[0].copy()
        given, buffers = self.arrays(tensors, stacked), [numbers_of(own) for own in kept]
        found = self.run_back(coming, given, buffers, needs[X])
        pairs = zip(found, tensors, strict=True)
        return [None if own is None else torch.from_numpy(own).view(present([it])[0].shape) for own, it in pairs]

    def arrays(self, tensors: Given, stacked: bool) -> list[Any]:
        """Return the tensors as `run` takes them."""
        x, states = present(tensors)[X], present(tensors[3 : 3 + self.states])
        shapes = self.weight_shapes(tuple(x.shape[-3:]), [tuple(own.shape[int(stacked) :]) for own in states])
        return [*self.data_arrays(tensors, stacked), *weights_of(tensors[self.data :], shapes, x, stacked)]

    def data_arrays(self, tensors: Given, stacked: bool) -> list[Any]:
        """Return those before the weights."""
        return [None if own is None else array(own, stacked) for own in tensors[: self.data]]


NETWORKS = ("blocks", "gru_d")
"""Folders of lnncmp.kernels whose `function` has a class `PASSES`: networks of several kernels, no operations."""


@cache
def find_passes(key: str) -> Passes:
    """Return the passes of a key, `FAMILY SETTINGS`: those of a network, or of an operation that computes on arrays."""
    family, _, settings = key.partition(" ")
    if family in NETWORKS:
        # Imported on first use: it loads the compiler, which takes a second.
        made: Passes = import_module(f"lnncmp.kernels.{family}.function").PASSES(settings)
        return made
    operation = find(key)
    assert isinstance(operation, ArrayOperation)
    return operation

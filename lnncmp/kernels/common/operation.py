"""What a fused kernel is to torch: a map from tensors to tensors, with gradients, for one network or for S copies.

The tensors of every family come in one order: x (B, T, I), dt (B, T) or None, valid (B, T) of bool or None, the states
(B, ...) at the start, then weights and masks. All have a leading axis of copies if `stacked`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from torch import Tensor

Given = Sequence[Tensor | None]
Shape = tuple[int, ...]
X, DT, VALID = range(3)
"""Places of the inputs among the tensors; the states follow."""
FAMILIES = ("additive", "cfc", "diagonal", "gated", "liquid", "lrc", "lrc_ssm", "ltc", "scales", "scan")
"""Folders of lnncmp.kernels whose `function` has a class `OPERATION`."""


class Memory:
    """What a layer's kernel keeps from call to call to be faster; a copy of the layer starts anew."""

    def __init__(self) -> None:
        self.last: Any = None

    def __reduce__(self) -> tuple[type["Memory"], tuple[()]]:
        """Copy and pickle without content: it holds arrays that share memory with the weights."""
        return Memory, ()


class Operation(ABC):
    """A kernel with its settings, made from a text that says all of them (see `find`)."""

    states: int
    """Tensors of the state."""
    outputs: int
    """Tensors that the kernel returns: hidden (B, T, H), then final states."""
    folds: bool = True
    """Whether more samples can be put into the batch: only the inputs and states have an axis for it."""

    @abstractmethod
    def forward(
        self, tensors: Given, keep: bool, stacked: bool, memory: Memory | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return the outputs, and buffers for the backward pass: with `keep` False of no use, but as many."""

    @abstractmethod
    def backward(
        self, grads: Given, tensors: Given, kept: Sequence[Tensor], needs: Sequence[bool], stacked: bool
    ) -> list[Tensor | None]:
        """Return the gradients of the tensors, None for dt and masks; those not in `needs` are of no use."""

    @abstractmethod
    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the outputs and of the buffers of a call that is not stacked."""

    @property
    def data(self) -> int:
        """How many of the tensors, from the first on, have a row for each sample."""
        return 3 + self.states


@cache
def find(key: str) -> Operation:
    """Return the operation of a key, `FAMILY SETTINGS`, such as `gated lstm`."""
    family, _, settings = key.partition(" ")
    if family not in FAMILIES:
        raise ValueError(f"no kernel is named '{family}'")
    # Imported on first use: it loads the compiler, which takes a second.
    made: Operation = import_module(f"lnncmp.kernels.{family}.function").OPERATION(settings)
    return made

"""The contract of a block that is computed on arrays.

Legend of shapes as in lnncmp.kernels.blocks.rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lnncmp.kernels.blocks.rows import Numbers, Sizes
from lnncmp.kernels.common.array_operation import GivenArrays, Passes


@dataclass(frozen=True)
class Entering:
    """What a block is given: its inputs u (S R, N), dt (S, B, T), valid (S, B, T) or None, and its weights, 1-D."""

    sizes: Sizes
    u: Numbers
    dt: Numbers
    valid: Numbers | None
    weights: Sequence[Numbers]

    def sequence(self, numbers: Numbers, *others: Any) -> list[Any]:
        """Return what an operation is given (see lnncmp.kernels.common.operation) for x (S R, N)."""
        return [self.sizes.samples(numbers), self.dt, self.valid, *others]


def back_through(
    operation: Passes, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers] = ()
) -> list[Numbers]:
    """Return the gradients that there are of all that an operation was given."""
    return [own for own in operation.run_back(grads, given, kept, True) if own is not None]


class Piece(ABC):
    """A block with its settings, made from a text that says all of them. Its state is 0 at the start."""

    width: int
    """Features that it gives."""
    weights: int
    """How many weights it has."""
    keeps: int
    """How many arrays its backward pass needs."""

    @abstractmethod
    def __init__(self, *settings: str) -> None:
        """Take the words of the text."""

    @abstractmethod
    def run(self, given: Entering) -> tuple[Numbers, list[Numbers]]:
        """Return the outputs (S R, N), and what the backward pass needs."""

    @abstractmethod
    def run_back(self, given: Entering, kept: Sequence[Numbers], d_y: Numbers) -> tuple[Numbers, list[Numbers]]:
        """Return the gradients of u and of the weights, for that of the outputs."""

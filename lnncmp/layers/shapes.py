"""Checks of what is given to a layer.

A kernel would read beyond tensors of wrong shapes, plain PyTorch would broadcast them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from lnncmp.errors import UsageError


def check_inputs(x: Tensor, dt: Tensor, valid: Tensor | None, inputs: int) -> None:
    """Raise UsageError unless x is (B, T, `inputs`), dt (B, T), and valid bool (B, T) or None."""
    if x.ndim != 3 or x.shape[2] != inputs:
        raise UsageError(f"x has shape {tuple(x.shape)}, expected (batch, steps, {inputs})")
    grid, given = tuple(x.shape[:2]), tuple(x.shape)
    if dt.shape != grid:
        raise UsageError(
            f"dt has shape {tuple(dt.shape)}, expected {grid} for x of shape {given}",
            "Give one elapsed time for each sample and step: (batch, steps).",
        )
    if valid is not None and (valid.shape != grid or valid.dtype != torch.bool):
        raise UsageError(
            f"valid has shape {tuple(valid.shape)} and type {valid.dtype}, expected {grid} of torch.bool for x of "
            f"shape {given}",
            "Give True at each real step and False at padding.",
        )


def check_state(state: Sequence[Tensor | NDArray[Any]], batch: int, widths: Sequence[int]) -> None:
    """Raise UsageError unless the state has one tensor (`batch`, width) for each of `widths`."""
    found, expected = [tuple(own.shape) for own in state], [(batch, width) for width in widths]
    if found != expected:
        raise UsageError(
            f"the state has shapes {found}, expected {expected}", "Start from initial_state(batch) of the same model."
        )

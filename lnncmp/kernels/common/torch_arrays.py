"""Tensors as arrays for the kernels, with the checks that they need."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lnncmp.errors import UsageError

KINDS = (torch.float32, torch.float64)
"""The types of numbers that kernels are compiled for."""


def usable(*tensors: Tensor) -> bool:
    """Return whether kernels can work on `tensors`: on the CPU, and float32 or float64."""
    return all(t.device.type == "cpu" and t.dtype in KINDS for t in tensors)


def check_kind(expected: Tensor, **tensors: Tensor) -> None:
    """Raise UsageError unless all `tensors` have the type and device of `expected`, a weight of the model."""
    for name, tensor in tensors.items():
        if tensor.device != expected.device:
            raise UsageError(
                f"{name} is on {tensor.device}, the model's weights are on {expected.device}",
                f"Move it with .to('{expected.device}').",
            )
        if tensor.dtype != expected.dtype:
            told, wanted = (str(kind).removeprefix("torch.") for kind in (tensor.dtype, expected.dtype))
            raise UsageError(
                f"{name} is {told}, the model's weights are {wanted}", f"Convert it with .to(torch.{wanted})."
            )


def element_type(single: bool) -> Any:
    """Return Numba's type of float32 (`single`) or float64."""
    from numba import types

    return types.float32 if single else types.float64


def array(tensor: Tensor, stacked: bool) -> NDArray[Any]:
    """Return the tensor's numbers as a contiguous array with a leading axis of copies; a view where possible."""
    numbers: NDArray[Any] = tensor.detach().contiguous().numpy()
    return numbers if stacked else numbers[None]


def tensor(numbers: NDArray[Any], stacked: bool) -> Tensor:
    """Return an array (S, ...) as a tensor, without its leading axis unless `stacked`."""
    return torch.from_numpy(numbers if stacked else numbers[0])


def present(tensors: Sequence[Tensor | None]) -> list[Tensor]:
    """Return tensors that must all be there, for a type checker too."""
    return tensors  # type: ignore[return-value]


def weights_of(
    weights: Sequence[Tensor | None], shapes: Sequence[tuple[int, ...]], x: Tensor, stacked: bool
) -> list[NDArray[Any]]:
    """Return the numbers of weights and of masks (bool), each contiguous and 1-D.

    Raises UsageError unless they have those shapes, after an axis of copies if `stacked`, and the type of x: a kernel
    would read beyond them.
    """
    own, kind = present(weights), x.dtype
    expected = [(x.shape[0], *shape) for shape in shapes] if stacked else list(shapes)
    if [weight.shape for weight in own] != expected or not {weight.dtype for weight in own} <= {kind, torch.bool}:
        _refuse(own, expected, kind)
    return [numbers_of(weight) for weight in own]


def _refuse(weights: list[Tensor], shapes: Sequence[tuple[int, ...]], kind: torch.dtype) -> None:
    for place, (own, shape) in enumerate(zip(weights, shapes, strict=True)):
        if own.shape != shape or own.dtype not in (kind, torch.bool):
            raise UsageError(
                f"weight {place + 1} of {len(shapes)} of a layer has shape {tuple(own.shape)} and type {own.dtype}, "
                f"expected {shape} and {kind}",
                "Use weights of the shapes that the layer was built with, all of one type.",
            )


def flat(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return all numbers of a contiguous array as a 1-D view."""
    return numbers.reshape(-1)


def numbers_of(tensor: Tensor) -> NDArray[Any]:
    """Return all numbers of a tensor as a contiguous 1-D array; a view where possible."""
    return flat(tensor.detach().contiguous().numpy())


def numbers_or_zeros(tensor: Tensor | None, count: int, kind: Any) -> NDArray[Any]:
    """Return all numbers of a gradient as a contiguous 1-D array, `count` zeros without a gradient."""
    return np.zeros(count, kind) if tensor is None else numbers_of(tensor)

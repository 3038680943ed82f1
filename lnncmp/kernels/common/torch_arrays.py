"""What the autograd functions of the kernels have in common: arrays, checks, and stacked copies.

Each kernel works on S copies of a network at once: every tensor has a leading axis of copies. A single network is
S = 1. `torch.func.vmap` over a network turns into one call with S copies (`stack`), so that layers and models need to
know nothing of it.
"""

import inspect
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


def stack(info: Any, in_dims: tuple[Any, ...], args: tuple[Any, ...]) -> list[Any]:
    """Return the arguments of a vmapped call with the axis of copies in front of every tensor."""
    return [
        arg if not isinstance(arg, Tensor) else _in_front(arg, dim, info.batch_size)
        for arg, dim in zip(args, in_dims, strict=True)
    ]


def _in_front(tensor: Tensor, dim: int | None, copies: int) -> Tensor:
    if dim is None:
        return tensor.expand(copies, *tensor.shape)
    return tensor.movedim(dim, 0)


def flat(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return all numbers of a contiguous array as a 1-D view."""
    return numbers.reshape(-1)


def look_up_once(function: type[torch.autograd.Function]) -> type[torch.autograd.Function]:
    """Keep the signature of `forward`, which torch otherwise looks up at every call (some 20 microseconds)."""
    function.forward.__signature__ = inspect.signature(function.forward)  # type: ignore[attr-defined]
    return function


def numbers_of(tensor: Tensor) -> NDArray[Any]:
    """Return all numbers of a tensor as a contiguous 1-D array; a view where possible."""
    return flat(tensor.detach().contiguous().numpy())


def numbers_or_zeros(tensor: Tensor | None, count: int, kind: Any) -> NDArray[Any]:
    """Return all numbers of a gradient as a contiguous 1-D array, `count` zeros without a gradient."""
    return np.zeros(count, kind) if tensor is None else numbers_of(tensor)

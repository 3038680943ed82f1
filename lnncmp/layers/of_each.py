"""Plain PyTorch whose copies under vmap compute what each of them computes alone, to the last bit.

Torch's elementwise functions take whole vectors of numbers by other code than what is left over at the end, and a sum
or a product may be split otherwise in a larger tensor. So a copy in a stack would round otherwise than alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lnncmp.kernels.common.copies import as_copies

Tensors = tuple[Tensor, ...]
Plain = Callable[..., Tensors]
"""(*data, *weights) -> tensors; those of the data and the results have an axis of rows first, which do not mix."""


def of_each(function: Plain, data: Sequence[Tensor], weights: Sequence[Tensor] = ()) -> Tensors:
    """Return function(*data, *weights); under vmap over the weights for one copy after the other, each by itself.

    Weights go in as arguments: what the function would find elsewhere has the axis of vmap.
    """
    if (
        not _transformed()
        or torch._C._functorch.peek_interpreter_stack().key() != torch._C._functorch.TransformType.Vmap
    ):
        return function(*data, *weights)
    found: Tensors = _OfEach.apply(function, len(data), *data, *weights)  # type: ignore[no-untyped-call]
    return found


def _transformed() -> bool:
    return torch._C._are_functorch_transforms_active()


class _OfEach(torch.autograd.Function):
    """apply(function, how many of the tensors are data, *data, *weights) -> what the function returns.

    It is called under vmap alone: what vmap does with it is all that is asked of it.
    """

    @staticmethod
    def forward(function: Plain, data: int, *tensors: Tensor) -> Tensors:
        """Call the function."""
        return function(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
        """Keep nothing."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, function: Plain, data: int, *tensors: Tensor) -> tuple[Tensors, tuple[int, ...]]:
        """Call the function for each copy; for samples with the same weights once, as more rows."""
        copies = [own for own in as_copies(tensors, in_dims[2:], info.batch_size, False) if own is not None]
        of_weights = in_dims[2 + data :]
        if of_weights and all(dim is None for dim in of_weights):
            found = of_each(function, [own.flatten(0, 1) for own in copies[:data]], tensors[data:])
            found = tuple(own.unflatten(0, (info.batch_size, own.shape[0] // info.batch_size)) for own in found)
        else:
            parts = _apart(copies)
            results = [function(*parts[k :: info.batch_size]) for k in range(info.batch_size)]
            found = tuple(_together(outputs) for outputs in zip(*results, strict=True))
        return found, (0,) * len(found)


class _Apart(torch.autograd.Function):
    """apply(*tensors) -> the copies of the first, of the second and so on, each as if it were alone in memory."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensors:
        """Return them."""
        ctx.size = len(tensors[0])
        return tuple(aligned(part) for own in tensors for part in own.unbind(0))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the tensors."""
        parts = [grads[k : k + ctx.size] for k in range(0, len(grads), ctx.size)]
        return tuple(torch.stack(own) if need else None for own, need in zip(parts, ctx.needs_input_grad, strict=True))


class _Together(torch.autograd.Function):
    """apply(*copies) -> one tensor of all."""

    @staticmethod
    def forward(ctx: Any, *copies: Tensor) -> Tensor:
        """Return it."""
        return torch.stack(copies)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensors:
        """Return the gradients of the copies, each as if it were alone in memory."""
        return tuple(aligned(part) for part in grad.unbind(0))


def _apart(tensors: Sequence[Tensor]) -> Tensors:
    """Return all copies of the tensors; within another transform, which has no use for their place in memory, as is."""
    if _transformed():
        return tuple(part for own in tensors for part in own.unbind(0))
    found: Tensors = _Apart.apply(*tensors)  # type: ignore[no-untyped-call]
    return found


def _together(copies: Tensors) -> Tensor:
    """Return one tensor of the copies."""
    if _transformed():
        return torch.stack(copies)
    found: Tensor = _Together.apply(*copies)  # type: ignore[no-untyped-call]
    return found


def aligned(tensor: Tensor) -> Tensor:
    """Return a contiguous tensor at a multiple of 64 bytes, where torch puts what it allocates: copied if it is not."""
    fits = tensor.is_contiguous() and tensor.data_ptr() % 64 == 0
    return tensor if fits else tensor.clone(memory_format=torch.contiguous_format)

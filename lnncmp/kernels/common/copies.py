"""What torch.func.vmap does with a call of a kernel: one call for all wherever that is possible.

Weights of their own (a stack of networks): S copies side by side in one call of the kernel. The same weights for all
(samples, vmapped one by one): more rows of one batch. An axis of copies is the first, that of the batch follows.
"""

from collections.abc import Sequence

from torch import Tensor

from lnncmp.kernels.common.operation import Given, Operation

Dims = Sequence[int | None]


def any_mapped(dims: Dims) -> bool:
    """Return whether one of the tensors has the axis of vmap."""
    return any(dim is not None for dim in dims)


def folds(operation: Operation, dims: Dims) -> bool:
    """Return whether a call's samples become rows of the batch; `dims` are those of all tensors of the operation."""
    return operation.folds and not any_mapped(dims[operation.data :])


def _first(tensor: Tensor, dim: int | None, size: int) -> Tensor:
    return tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)


def as_copies(tensors: Given, dims: Dims, size: int, stacked: bool) -> list[Tensor | None]:
    """Return the tensors with the axis of vmap in front, as copies; within those that are there if `stacked`."""
    moved = [own if own is None else _first(own, dim, size) for own, dim in zip(tensors, dims, strict=True)]
    return [own.flatten(0, 1) if own is not None and stacked else own for own in moved]


def as_rows(tensors: Given, dims: Dims, size: int, stacked: bool) -> list[Tensor | None]:
    """Return inputs, states or their gradients with the axis of vmap put into that of the batch."""
    place = int(stacked)
    moved = [own if own is None else _first(own, dim, size) for own, dim in zip(tensors, dims, strict=True)]
    return [None if own is None else own.movedim(0, place).flatten(place, place + 1) for own in moved]


def from_copies(tensors: Sequence[Tensor], size: int, stacked: bool) -> tuple[list[Tensor], list[int]]:
    """Return what a call made `as_copies` gave, and where the axis of vmap is in it."""
    found = [own.unflatten(0, (size, own.shape[0] // size)) if stacked else own for own in tensors]
    return found, [0] * len(found)


def from_rows(tensors: Sequence[Tensor], size: int, stacked: bool) -> tuple[list[Tensor], list[int]]:
    """Return what a call made `as_rows` gave, and where the axis of vmap is in it."""
    place = int(stacked)
    return [own.unflatten(place, (size, own.shape[place] // size)) for own in tensors], [place] * len(tensors)

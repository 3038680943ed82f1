"""Derivatives by the plain twin of a kernel, which torch can differentiate as often as one likes."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from lnncmp.kernels.common.operation import Given

Twin = Callable[..., tuple[Tensor, ...]]
"""(x, dt, valid, *states, *weights) -> (hidden, *final states), what the kernel computes, in plain PyTorch."""


def run_twin(twin: Twin, tensors: Given, stacked: bool) -> tuple[Tensor, ...]:
    """Return the outputs for one network, or for the copies of a stack."""
    dims = tuple(None if own is None else 0 for own in tensors)
    with torch.autocast("cpu", enabled=False):
        found: tuple[Tensor, ...] = (torch.func.vmap(twin, in_dims=dims) if stacked else twin)(*tensors)
    return found


def put(chosen: Sequence[Tensor], needs: Sequence[bool], others: Given) -> list[Any]:
    """Return `others` with those that are needed replaced by the `chosen`, in order."""
    rest = iter(chosen)
    return [next(rest) if need else own for need, own in zip(needs, others, strict=True)]


def pick(tensors: Sequence[Any], needs: Sequence[bool]) -> list[Tensor]:
    """Return those of the tensors that are needed."""
    return [own for own, need in zip(tensors, needs, strict=True) if need]


def pull_back(function: Callable[..., tuple[Tensor, ...]], at: Sequence[Tensor], grads: Given) -> tuple[Tensor, ...]:
    """Return the gradients of `function` at some tensors, for those of its outputs (None is 0)."""
    outputs, pull = cast("Any", torch.func.vjp(function, *at))
    filled = [torch.zeros_like(own) if g is None else g for own, g in zip(outputs, grads, strict=True)]
    found: tuple[Tensor, ...] = pull(tuple(filled))
    return found


def gradients_of_twin(
    twin: Twin, grads: Given, tensors: Given, needs: Sequence[bool], stacked: bool
) -> tuple[Tensor, ...]:
    """Return the gradients of the needed tensors by the twin; they can be differentiated again."""

    def outputs(*chosen: Tensor) -> tuple[Tensor, ...]:
        return run_twin(twin, put(chosen, needs, tensors), stacked)

    return pull_back(outputs, pick(tensors, needs), grads)

"""Kernels as custom operators of torch, for torch.compile: one call in its graph, forward and backward.

Outside of it `sequence_function` is used: an operator's way through the dispatcher takes longer than a small kernel.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lnncmp.kernels.common.operation import Given, find


def run_compiled(key: str, tensors: Given, keep: bool) -> tuple[Tensor, ...]:
    """Return hidden states and final states, as an operator that torch.compile can put into its graph."""
    found: list[Tensor] = torch.ops.lnncmp.sequence(key, keep, list(tensors))
    return tuple(found[: _outputs(key)])


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _outputs(key: str) -> int:
    """Return how many outputs come before the buffers; looked up while tracing, not traced."""
    return find(key).outputs


@torch.library.custom_op("lnncmp::sequence", mutates_args=())
def _sequence(key: str, keep: bool, tensors: Sequence[Tensor | None]) -> list[Tensor]:
    """Return outputs and buffers."""
    outputs, kept = find(key).forward(tensors, keep, False)
    return [*_apart(outputs), *kept]


@torch.library.custom_op("lnncmp::sequence_backward", mutates_args=())
def _sequence_backward(
    key: str,
    needs: Sequence[bool],
    grads: Sequence[Tensor | None],
    tensors: Sequence[Tensor | None],
    kept: Sequence[Tensor],
) -> list[Tensor]:
    """Return the gradients of the needed tensors."""
    found = find(key).backward(grads, tensors, kept, needs, False)
    return _apart([own for own, need in zip(found, needs, strict=True) if need and own is not None])


def _apart(tensors: list[Tensor]) -> list[Tensor]:
    """Return the tensors with memory of their own, as an operator's results must have."""
    return [own if own.untyped_storage().nbytes() == own.nbytes else own.clone() for own in tensors]


@_sequence.register_fake
def _(key: str, keep: bool, tensors: Sequence[Tensor | None]) -> list[Tensor]:
    outputs, kept = find(key).shapes(tensors, keep)
    return [_like(tensors).new_empty(shape) for shape in (*outputs, *kept)]


@_sequence_backward.register_fake
def _(
    key: str,
    needs: Sequence[bool],
    grads: Sequence[Tensor | None],
    tensors: Sequence[Tensor | None],
    kept: Sequence[Tensor],
) -> list[Tensor]:
    wanted = [own for own, need in zip(tensors, needs, strict=True) if need and own is not None]
    return [own.new_empty(own.shape) for own in wanted]


def _like(tensors: Given) -> Tensor:
    return next(own for own in tensors if own is not None)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    ctx.key, _, tensors = inputs
    ctx.count = len(tensors)
    ctx.save_for_backward(*tensors, *output[find(ctx.key).outputs :])


def _backward(ctx: Any, grads: Sequence[Tensor | None]) -> tuple[None, None, list[Tensor | None]]:
    tensors, kept = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
    needs = [
        bool(need) and own is not None and own.is_floating_point()
        for need, own in zip(ctx.needs_input_grad[2], tensors, strict=True)
    ]
    outputs = list(grads[: find(ctx.key).outputs])
    found = iter(torch.ops.lnncmp.sequence_backward(ctx.key, needs, outputs, list(tensors), list(kept)))
    return None, None, [next(found) if need else None for need in needs]


torch.library.register_autograd("lnncmp::sequence", _backward, setup_context=_setup_context)

"""Kernels as custom operators of torch, for torch.compile: one call in its graph, forward and backward.

Outside of it `sequence_function` is used: an operator's way through the dispatcher takes longer than a small kernel.

Torch differentiates operators by lists of tensors only if none is None. So what is not there is left out of the list
of an operation's tensors, and `absent` says at which places (as text: an empty list would count as one of tensors).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lnncmp.kernels.common.operation import Given, find


def run_compiled(key: str, tensors: Given, keep: bool) -> tuple[Tensor, ...]:
    """Return hidden states and final states, as an operator that torch.compile can put into its graph."""
    absent = " ".join(str(place) for place, own in enumerate(tensors) if own is None)
    there = [own for own in tensors if own is not None]
    found: list[Tensor] = torch.ops.lnncmp.sequence(key, keep, absent, there)
    return tuple(found[: _outputs(key)])


@torch.compiler.assume_constant_result
def _outputs(key: str) -> int:
    """Return how many outputs come before the buffers; looked up while tracing, not traced."""
    return find(key).outputs


@torch.library.custom_op("lnncmp::sequence", mutates_args=())
def _sequence(key: str, keep: bool, absent: str, there: Sequence[Tensor]) -> list[Tensor]:
    """Return outputs and buffers."""
    outputs, kept = find(key).forward(_all(absent, there), keep, False)
    return [*_apart(outputs), *kept]


@torch.library.custom_op("lnncmp::sequence_backward", mutates_args=())
def _sequence_backward(
    key: str,
    needs: Sequence[bool],
    absent: str,
    there: Sequence[Tensor],
    grads: Sequence[Tensor | None],
    kept: Sequence[Tensor],
) -> list[Tensor]:
    """Return the gradients of those of the tensors that are needed."""
    every = _all(absent, needs, False)
    found = find(key).backward(grads, _all(absent, there), kept, every, False)
    return _apart([own for own, need in zip(found, every, strict=True) if need and own is not None])


def _all(absent: str, there: Sequence[Any], gap: Any = None) -> list[Any]:
    """Return what is there and, at the places `absent`, the gap."""
    rest, places = iter(there), [int(place) for place in absent.split()]
    return [gap if place in places else next(rest) for place in range(len(there) + len(places))]


def _apart(tensors: list[Tensor]) -> list[Tensor]:
    """Return the tensors with memory of their own, as an operator's results must have."""
    return [own if own.untyped_storage().nbytes() == own.nbytes else own.clone() for own in tensors]


@_sequence.register_fake
def _(key: str, keep: bool, absent: str, there: Sequence[Tensor]) -> list[Tensor]:
    outputs, kept = find(key).shapes(_all(absent, there), keep)
    return [there[0].new_empty(shape) for shape in (*outputs, *kept)]


@_sequence_backward.register_fake
def _(
    key: str,
    needs: Sequence[bool],
    absent: str,
    there: Sequence[Tensor],
    grads: Sequence[Tensor | None],
    kept: Sequence[Tensor],
) -> list[Tensor]:
    return [own.new_empty(own.shape) for own, need in zip(there, needs, strict=True) if need]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    ctx.key, _, ctx.absent, there = inputs
    ctx.count, kept = len(there), output[find(ctx.key).outputs :]
    ctx.mark_non_differentiable(*kept)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*there, *kept)


def _backward(ctx: Any, grads: Sequence[Tensor | None]) -> tuple[None, None, None, list[Tensor | None]]:
    saved = list(ctx.saved_tensors)
    there, kept = saved[: ctx.count], saved[ctx.count :]
    needs = [bool(need) and own.is_floating_point() for need, own in zip(ctx.needs_input_grad[3], there, strict=True)]
    outputs = list(grads[: find(ctx.key).outputs])
    found = iter(torch.ops.lnncmp.sequence_backward(ctx.key, needs, ctx.absent, there, outputs, kept))
    return None, None, None, [next(found) if need else None for need in needs]


torch.library.register_autograd("lnncmp::sequence", _backward, setup_context=_setup_context)

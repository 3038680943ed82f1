"""Kernels in torch's autograd and torch.func: gradients by kernels, vmap as one call, second derivatives by the twin.

`run` is what layers call. Arguments of the functions are flat, since torch looks for tensors there only.
"""

import inspect
from typing import Any

import torch
from torch import Tensor

from lnncmp.errors import UsageError
from lnncmp.kernels.common.copies import any_mapped, as_copies, as_rows, folds, from_copies, from_rows
from lnncmp.kernels.common.custom_op import run_compiled
from lnncmp.kernels.common.operation import DT, Given, Memory, Operation, find
from lnncmp.kernels.common.twin import Twin, gradients_of_twin, pick, pull_back, put

_Vmapped = tuple[tuple[Tensor, ...], tuple[int | None, ...]]


def run(key: str, twin: Twin, tensors: Given, memory: Memory | None = None) -> tuple[Tensor, ...]:
    """Return hidden states and final states of the operation `key` for its tensors.

    Where no gradient can be asked for, autograd is passed by: its bookkeeping takes longer than a step of a small
    network. `memory` serves those calls. While torch.compile looks on, the call is a custom operator.
    """
    keep = torch.is_grad_enabled()
    if torch.compiler.is_compiling():
        return run_compiled(key, tensors, keep)
    operation = find(key)
    if not keep and not torch._C._are_functorch_transforms_active():
        return tuple(operation.forward(tensors, False, False, memory)[0])
    found: tuple[Tensor, ...] = _Sequence.apply(operation, twin, keep, False, *tensors)
    return found[: operation.outputs]


def _look_up_once(function: type[torch.autograd.Function]) -> type[torch.autograd.Function]:
    """Keep the signature of `forward`, which torch otherwise looks up at every call (some 20 microseconds)."""
    function.forward.__signature__ = inspect.signature(function.forward)  # type: ignore[attr-defined]
    return function


def _no_forward_mode() -> UsageError:
    """Say that the kernels have no forward mode."""
    return UsageError(
        "the fused kernels have no forward-mode derivatives (jvp, jacfwd)",
        "Use reverse mode (grad, jacrev), or have the layer computed by plain PyTorch: chosen = 'loop'.",
    )


@_look_up_once
class _Sequence(torch.autograd.Function):
    """apply(operation, twin, keep, stacked, *tensors) -> (*outputs, *kept)."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Refuse."""
        raise _no_forward_mode()

    @staticmethod
    def forward(operation: Operation, twin: Twin, keep: bool, stacked: bool, *tensors: Any) -> tuple[Tensor, ...]:
        """Run the kernel."""
        outputs, kept = operation.forward(tensors, keep, stacked)
        return *outputs, *kept

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the tensors and the kernel's buffers; changing a weight before the backward pass then raises."""
        ctx.operation, ctx.twin, _, ctx.stacked, *tensors = inputs
        kept = output[ctx.operation.outputs :]
        ctx.count = len(tensors)
        ctx.mark_non_differentiable(*kept)
        ctx.set_materialize_grads(False)  # else buffers would get gradients of zeros as large as themselves
        ctx.save_for_backward(*tensors, *kept)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of the tensors; of all by the twin where dt's is wanted, which the kernels lack."""
        operation, grads, needs = ctx.operation, gradients[: ctx.operation.outputs], ctx.needs_input_grad[4:]
        saved = ctx.saved_tensors
        tensors, kept = saved[: ctx.count], saved[ctx.count :]
        found: list[Tensor | None]
        if needs[DT]:
            found = put(gradients_of_twin(ctx.twin, grads, tensors, needs, ctx.stacked), needs, [None] * ctx.count)
        elif torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
            flat = *grads, *tensors, *kept
            some = _Gradient.apply(operation, ctx.twin, needs, ctx.stacked, *flat)
            found = put(some, needs, [None] * ctx.count)
        else:
            found = operation.backward(grads, tensors, kept, needs, ctx.stacked)
        return None, None, None, None, *found

    @staticmethod
    def vmap(info: Any, in_dims: Any, operation: Operation, twin: Twin, keep: bool, stacked: bool, *own: Any) -> Any:
        """Run all copies, or all samples, in one call; buffers stay as the kernel left them."""
        size, dims, data = info.batch_size, in_dims[4:], operation.data
        if folds(operation, dims):
            rows = as_rows(own[:data], dims[:data], size, stacked)
            found = _Sequence.apply(operation, twin, keep, stacked, *rows, *own[data:])
            outputs, places = from_rows(found[: operation.outputs], size, stacked)
        else:
            copies = as_copies(own, dims, size, stacked)
            found = _Sequence.apply(operation, twin, keep, True, *copies)
            outputs, places = from_copies(found[: operation.outputs], size, stacked)
        kept = found[operation.outputs :]
        return (*outputs, *kept), (*places, *[None] * len(kept))


@_look_up_once
class _Gradient(torch.autograd.Function):
    """apply(operation, twin, needs, stacked, *grads of outputs, *tensors, *kept) -> gradients of the needed tensors."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Refuse."""
        raise _no_forward_mode()

    @staticmethod
    def forward(operation: Operation, twin: Twin, needs: Any, stacked: bool, *flat: Any) -> tuple[Tensor, ...]:
        """Run the kernel of the backward pass."""
        grads, tensors, kept = _parts(operation, needs, flat)
        return tuple(pick(operation.backward(grads, tensors, kept, needs, stacked), needs))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep all but the buffers: the twin needs none."""
        ctx.operation, ctx.twin, ctx.needs, ctx.stacked, *flat = inputs
        ctx.unused = len(flat) - ctx.operation.outputs - len(ctx.needs)
        ctx.save_for_backward(*flat[: len(flat) - ctx.unused])

    @staticmethod
    def backward(ctx: Any, *second: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of the first gradients, by the twin."""
        flat, outputs = ctx.saved_tensors, ctx.operation.outputs
        wanted = ctx.needs_input_grad[4 : 4 + len(flat)]

        def first(*chosen: Tensor) -> tuple[Tensor, ...]:
            whole = put(chosen, wanted, flat)
            return gradients_of_twin(ctx.twin, whole[:outputs], whole[outputs:], ctx.needs, ctx.stacked)

        found = pull_back(first, pick(flat, wanted), second)
        return None, None, None, None, *put(found, wanted, [None] * len(flat)), *[None] * ctx.unused

    @staticmethod
    def vmap(info: Any, in_dims: Any, operation: Operation, twin: Twin, needs: Any, stacked: bool, *flat: Any) -> Any:
        """Run all in one call; one after the other if only the gradients of the outputs differ, as in a Jacobian."""
        size, data, outputs = info.batch_size, operation.data, operation.outputs
        (grads, tensors, kept), (g_dims, dims, k_dims) = (_parts(operation, needs, own) for own in (flat, in_dims[4:]))
        if any_mapped(k_dims) or not any_mapped(dims):
            return _one_by_one(size, in_dims[4:], (operation, twin, needs, stacked), flat)
        folded = folds(operation, dims)
        if folded and not any(needs[data:]):
            rows = as_rows(grads, g_dims, size, stacked), as_rows(tensors[:data], dims[:data], size, stacked)
            arguments = *rows[0], *rows[1], *tensors[data:], *kept
            found = _Gradient.apply(operation, twin, needs, stacked, *arguments)
            return _as_tuples(from_rows(found, size, stacked))
        copies = as_copies(tensors, dims, size, stacked)
        if folded:  # the kernel added the samples' gradients up: run them as copies instead
            kept = _Sequence.apply(operation, twin, True, True, *copies)[outputs:]
        arguments = *as_copies(grads, g_dims, size, stacked), *copies, *kept
        found = _Gradient.apply(operation, twin, needs, True, *arguments)
        return _as_tuples(from_copies(found, size, stacked))


def _parts(operation: Operation, needs: Any, flat: Any) -> tuple[Any, Any, Any]:
    """Return the gradients of the outputs, the tensors and the buffers among the arguments of _Gradient."""
    end = operation.outputs + len(needs)
    return flat[: operation.outputs], flat[operation.outputs : end], flat[end:]


def _one_by_one(size: int, dims: Any, fixed: tuple[Any, ...], flat: Any) -> _Vmapped:
    rows = []
    for k in range(size):
        own = [t if dim is None else t.select(dim, k) for t, dim in zip(flat, dims, strict=True)]
        rows.append(_Gradient.apply(*fixed, *own))
    found = tuple(torch.stack(parts) for parts in zip(*rows, strict=True))
    return found, (0,) * len(found)


def _as_tuples(found: tuple[list[Tensor], list[int]]) -> _Vmapped:
    return tuple(found[0]), tuple(found[1])

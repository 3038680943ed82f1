"""A linear map whose copies under vmap compute what each of them computes alone, to the last bit.

Legend of shape suffixes: S copies, R rows, H hidden units, O outputs.
"""

from typing import Any

import torch
from torch import Tensor

from lnncmp.kernels.common.copies import as_copies
from lnncmp.layers.of_each import aligned


class _LinearOfEach(torch.autograd.Function):
    """x w' + b for one copy, or for S copies one after the other.

    A copy must have the same bits alone and computed together with others. A batched product of one copy is another
    library call than that of several, and a product may round differently if its operands are aligned differently in
    memory; so each copy is a product of its own, of operands that begin where a tensor's memory begins.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, stacked: bool) -> Tensor:
        """Return (..., O) for x (..., H), weight (O, H), bias (O), each with a leading axis of copies if `stacked`."""
        rows, weights, biases = _as_copies(x, weight, bias, stacked)
        products = [torch.addmm(b, row, w.t()) for row, w, b in zip(rows, weights, biases, strict=True)]
        return torch.stack(products).view(*x.shape[:-1], weight.shape[-2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the arguments."""
        x, weight, bias, ctx.stacked = inputs
        ctx.save_for_backward(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight and bias."""
        x, weight, bias = ctx.saved_tensors
        if torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
            return *_gradients(x, weight, grad, ctx.stacked), None
        rows, weights, _ = _as_copies(x, weight, bias, ctx.stacked)
        grads = [aligned(g) for g in grad.reshape(len(rows), -1, weight.shape[-2])]
        dx = torch.stack([g @ w for g, w in zip(grads, weights, strict=True)])
        dw = torch.stack([g.t() @ row for g, row in zip(grads, rows, strict=True)])
        db = torch.stack([g.sum(0) for g in grads])
        return dx.view(x.shape), dw.view(weight.shape), db.view(bias.shape), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, weight: Tensor, bias: Tensor, stacked: bool) -> tuple[Tensor, int]:
        """Run the copies of a vmapped call one after the other; samples with the same weights are rows of one."""
        x_dim, *own_dims, _ = in_dims
        if own_dims == [None, None] and not stacked:
            return _apply(x.movedim(x_dim, 0), weight, bias, False), 0
        given = as_copies((x, weight, bias), in_dims[:3], info.batch_size, stacked)
        y = _apply(*given, True)
        return (y.unflatten(0, (info.batch_size, -1)) if stacked else y), 0


def linear_of_each(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x w' + b (..., O) for x (..., H), weight (O, H), bias (O)."""
    return _apply(x, weight, bias, False)


def _apply(*args: Any) -> Tensor:
    y: Tensor = _LinearOfEach.apply(*args)  # type: ignore[no-untyped-call]
    return y


def _gradients(x: Tensor, weight: Tensor, grad: Tensor, stacked: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, weight and bias in what torch can differentiate and vmap again."""
    if not stacked:
        rows = grad.reshape(-1, grad.shape[-1])
        return grad @ weight, rows.t() @ x.reshape(-1, x.shape[-1]), rows.sum(0)
    copies = x.shape[0]
    grads, xs = grad.reshape(copies, -1, grad.shape[-1]), x.reshape(copies, -1, x.shape[-1])
    return (grads @ weight).view(x.shape), grads.transpose(1, 2) @ xs, grads.sum(1)


def _as_copies(x: Tensor, weight: Tensor, bias: Tensor, stacked: bool) -> tuple[list[Tensor], ...]:
    """Return for each copy its rows (R, H), weight (O, H) and bias (O)."""
    if not stacked:
        return [aligned(x.reshape(-1, x.shape[-1]))], [aligned(weight)], [aligned(bias)]
    rows = x.reshape(len(x), -1, x.shape[-1])
    return tuple([aligned(part) for part in parts] for parts in (rows, weight, bias))

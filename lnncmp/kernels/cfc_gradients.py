"""Gradients of a CfC's weights: one long matrix product for each map, over all steps and rows of a batch.

All arrays have a leading axis of S copies. Legend as in cfc_sizes.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lnncmp.kernels.cfc_layout import Layout
from lnncmp.kernels.cfc_packing import StageNumbers
from lnncmp.kernels.cfc_plan import StagePlan
from lnncmp.kernels.cfc_sizes import Size

Numbers = NDArray[Any]


def _product(grad: Numbers, read: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """Return the gradients of a map and its bias, (S, J, K) and (S, J'), by torch's matrix product and exact sum.

    `grad` (S, T, B, J') are those of its results, of which the first J = `columns` come from the map; `read`
    (S, T or more, B, K) is what it read.
    """
    copies, steps, batch, width = grad.shape
    # Lengths are given: a batch or sequence may be empty.
    rows = torch.from_numpy(grad.reshape(copies, steps * batch, width))
    reads = torch.from_numpy(read[:, :steps].reshape(copies, steps * batch, read.shape[3]))
    product = torch.empty(copies, columns, read.shape[3], dtype=rows.dtype)
    for k in range(copies):  # not bmm, which for one copy makes another call of the library than for several
        torch.mm(rows[k, :, :columns].t(), reads[k], out=product[k])
    return product.numpy(), rows.sum(1).numpy()


def _source_columns(weight: Numbers, plan: StagePlan, size: Size) -> Numbers:
    """Return the columns P and H of (..., P + Hp), without padding."""
    if size.lead == plan.lead:
        return weight[..., : plan.lead + plan.hidden]
    return np.concatenate([weight[..., : plan.lead], weight[..., size.lead : size.lead + plan.hidden]], -1)


def _heads(
    plan: StagePlan, size: Size, numbers: StageNumbers, mask: Numbers | None, grad: Numbers, read: Numbers
) -> list[Numbers]:
    """Return the gradients of the heads' weights and biases, and of w_tau and A."""
    copies, width, hidden = grad.shape[0], size.state_pad, plan.hidden
    product, sums = _product(grad, read, plan.heads * width)
    product = product.reshape(copies, plan.heads, width, -1)[:, :, :hidden]
    product = product[..., : plan.units] if plan.layers else _source_columns(product, plan, size)
    if mask is not None:
        product = product * mask
    sums = sums.reshape(copies, -1, width)[:, :, :hidden]
    found = []
    for head in range(plan.heads):
        found += [product[:, head], sums[:, head]]
    if plan.mode == "pure":
        found += [sums[:, 1] * np.sign(numbers.decay[0]), sums[:, 2]]
    return found


def _memory(plan: StagePlan, size: Size, gates: Numbers, source: Numbers) -> list[Numbers]:
    copies, hidden = gates.shape[0], plan.hidden
    product, bias = _product(gates, source, 4 * size.state_pad)
    product = product.reshape(copies, 4, size.state_pad, -1)[:, :, :hidden].reshape(copies, 4 * hidden, -1)
    bias = bias.reshape(copies, 4, -1)[..., :hidden].reshape(copies, -1)
    return [product[..., : plan.inputs], bias, product[..., plan.inputs : plan.inputs + hidden]]


def weight_gradients(
    plan: StagePlan, layout: Layout, numbers: StageNumbers, mask: Numbers | None, kept: Numbers, written: Numbers
) -> list[Numbers]:
    """Return the gradients of the stage's tensors in their order, without those of the mask and dropout factors.

    `kept` and `written` are the blocks of the forward and the backward pass.
    """
    size, found, read = layout.size, [], layout.kept.view(kept, 0)
    if plan.layers:
        layers, grads = layout.kept.view(kept, 4), layout.written.view(written, 1)
        for layer in range(plan.layers):
            product, bias = _product(grads[:, layer], read, size.units_pad)
            product = product[..., : plan.units] if layer else _source_columns(product, plan, size)
            found += [product[:, : plan.units], bias[:, : plan.units]]
            read = layers[:, layer]
    found += _heads(plan, size, numbers, mask, layout.written.view(written, 0), read)
    if plan.memory:
        found += _memory(plan, size, layout.written.view(written, 2), layout.kept.view(kept, 1))
    return found

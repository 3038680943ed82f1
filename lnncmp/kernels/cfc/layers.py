"""Dense layers of the CfC's kernels over one tile, at one step: products, activations, slopes, copies of rows."""

from typing import Any

from lnncmp.kernels.cfc.math import GELU, SILU, activation, slope_at, slope_from
from lnncmp.kernels.cfc.sizes import Stage
from lnncmp.kernels.common.compiling import Array, inlined, lean
from lnncmp.kernels.common.lanes import (
    fill,
    fill_double,
    fill_like,
    fill_narrow,
    load_like,
    load_narrow,
    narrow_lanes,
    store,
)
from lnncmp.kernels.common.matmul import multiply


@lean
def dense(
    a: Array,
    a_at: int,
    a_row: int,
    w: Array,
    w_at: int,
    w_row: int,
    bias_at: int,
    out: Array,
    out_at: int,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """Compute out = bias + a w for a (rows, depth), w (depth, columns), out (rows, columns); the bias is in w, too."""
    for j in range(0, columns, narrow_lanes(out)):
        value = load_narrow(w, bias_at + j)
        for r in range(rows):
            store(out, out_at + r * columns + j, value)
    multiply(a, a_at, a_row, w, w_at, w_row, out, out_at, columns, rows, depth, columns, True)


@inlined
def _activation_forward(
    stage: Stage, kept: Array, at: int, slope_place: int, drop: Array, drop_at: int, like: Any
) -> None:
    x = load_like(kept, at, like)
    value = activation(stage.activation, x)
    if stage.slopes:
        through_input = stage.activation == SILU or stage.activation == GELU
        steepness = slope_at(stage.activation, x) if through_input else slope_from(stage.activation, value)
        if stage.dropped:
            steepness = steepness * load_like(drop, drop_at, like)
        store(kept, slope_place, steepness)
    if stage.dropped:
        value = value * load_like(drop, drop_at, like)
    store(kept, at, value)


@inlined
def activation_forward(
    stage: Stage, kept: Array, at: int, slope_place: int, drop: Array, drop_at: int, count: int
) -> None:
    """Replace `count` arguments from `at` on by their activations, after dropout; keep slopes if the stage says so."""
    wide = 2 * narrow_lanes(kept)
    j = 0
    while j + wide <= count:
        _activation_forward(stage, kept, at + j, slope_place + j, drop, drop_at + j, fill(kept, 0.0))
        j += wide
    if j < count:
        _activation_forward(stage, kept, at + j, slope_place + j, drop, drop_at + j, fill_narrow(kept, 0.0))


@inlined
def _activation_backward(
    stage: Stage, grad: Array, grad_at: int, kept: Array, at: int, slope_place: int, like: Any
) -> None:
    known = stage.slopes != 0
    steepness = load_like(kept, slope_place, like) if known else slope_from(stage.activation, load_like(kept, at, like))
    store(grad, grad_at, load_like(grad, grad_at, like) * steepness)


@inlined
def activation_backward(
    stage: Stage, grad: Array, grad_at: int, kept: Array, at: int, slope_place: int, count: int
) -> None:
    """Multiply `count` gradients of activations by the slopes there; the activations begin at `at`."""
    wide = 2 * narrow_lanes(grad)
    j = 0
    while j + wide <= count:
        _activation_backward(stage, grad, grad_at + j, kept, at + j, slope_place + j, fill(grad, 0.0))
        j += wide
    if j < count:
        _activation_backward(stage, grad, grad_at + j, kept, at + j, slope_place + j, fill_narrow(grad, 0.0))


@inlined
def _add_columns(a: Array, at: int, row: int, out: Array, out_at: int, rows: int, like: Any) -> None:
    summed = fill_like(0.0, like)
    for r in range(rows):
        summed = summed + load_like(a, at + r * row, like)
    store(out, out_at, load_like(out, out_at, like) + summed)


@lean
def add_columns(a: Array, at: int, row: int, out: Array, out_at: int, rows: int, columns: int) -> None:
    """Add the sum of the rows of a matrix to `columns` numbers."""
    j, narrow = 0, narrow_lanes(a)
    while j + 4 * narrow <= columns:
        _add_columns(a, at + j, row, out, out_at + j, rows, fill_double(a, 0.0))
        j += 4 * narrow
    while j < columns:
        _add_columns(a, at + j, row, out, out_at + j, rows, fill_narrow(a, 0.0))
        j += narrow


@inlined
def is_real(padded_steps: int, real: Array, at: int) -> bool:
    """Return whether a step is no padding; `real` is read only if there are padded steps."""
    return padded_steps == 0 or real[at]


@inlined
def add_row(source: Array, source_at: int, out: Array, out_at: int, count: int) -> None:
    """Add `count` numbers."""
    lanes = narrow_lanes(out)
    j = 0
    while j + lanes <= count:
        store(out, out_at + j, load_narrow(out, out_at + j) + load_narrow(source, source_at + j))
        j += lanes
    while j < count:
        out[out_at + j] += source[source_at + j]
        j += 1


@inlined
def copy_row(source: Array, source_at: int, out: Array, out_at: int, count: int) -> None:
    """Copy `count` numbers, the last vector over some that are copied already."""
    lanes = narrow_lanes(out)
    j = 0
    while j + lanes <= count:
        store(out, out_at + j, load_narrow(source, source_at + j))
        j += lanes
    if j < count:
        if count >= lanes:
            store(out, out_at + count - lanes, load_narrow(source, source_at + count - lanes))
        else:
            for k in range(count):
                out[out_at + k] = source[source_at + k]


@lean
def clear_row(out: Array, at: int, count: int) -> None:
    """Set `count` numbers to 0."""
    for j in range(count):
        out[at + j] = 0.0

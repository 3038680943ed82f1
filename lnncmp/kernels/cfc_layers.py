"""Dense layers of the CfC's kernels over one tile, at one step: products, activations, slopes, copies of rows."""

from typing import Any

from lnncmp.kernels.cfc_math import GELU, SILU, activation, slope_at, slope_from
from lnncmp.kernels.cfc_sizes import Size
from lnncmp.kernels.compiling import Array, inlined, lean
from lnncmp.kernels.lanes import fill, fill_narrow, load_like, load_narrow, narrow_lanes, store
from lnncmp.kernels.matmul import multiply


@lean
def dense(
    a: Array,
    a_at: int,
    a_row: int,
    w: Array,
    w_at: int,
    bias: Array,
    bias_at: int,
    out: Array,
    out_at: int,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """Compute out = bias + a w for a (rows, depth) with a row every a_row numbers; w and out have `columns` a row."""
    for j in range(0, columns, narrow_lanes(out)):
        value = load_narrow(bias, bias_at + j)
        for r in range(rows):
            store(out, out_at + r * columns + j, value)
    multiply(a, a_at, a_row, w, w_at, columns, out, out_at, columns, rows, depth, columns, True)


@inlined
def _activate(size: Size, z: Array, at: int, slopes: Array, drop: Array, drop_at: int, like: Any) -> None:
    x = load_like(z, at, like)
    value = activation(size.activation, x)
    if size.slopes:
        through_input = size.activation == SILU or size.activation == GELU
        steepness = slope_at(size.activation, x) if through_input else slope_from(size.activation, value)
        if size.dropped:
            steepness = steepness * load_like(drop, drop_at, like)
        store(slopes, at, steepness)
    if size.dropped:
        value = value * load_like(drop, drop_at, like)
    store(z, at, value)


@lean
def activate(size: Size, z: Array, at: int, slopes: Array, drop: Array, drop_at: int, count: int) -> None:
    """Replace `count` arguments z from `at` on by their activations, after dropout; keep slopes if size says so."""
    wide = 2 * narrow_lanes(z)
    j = 0
    while j + wide <= count:
        _activate(size, z, at + j, slopes, drop, drop_at + j, fill(z, 0.0))
        j += wide
    if j < count:
        _activate(size, z, at + j, slopes, drop, drop_at + j, fill_narrow(z, 0.0))


@inlined
def _descend(size: Size, grad: Array, at: int, values: Array, slopes: Array, like: Any) -> None:
    known = size.slopes != 0
    steepness = load_like(slopes, at, like) if known else slope_from(size.activation, load_like(values, at, like))
    store(grad, at, load_like(grad, at, like) * steepness)


@lean
def descend(size: Size, grad: Array, at: int, values: Array, slopes: Array, count: int) -> None:
    """Multiply `count` gradients of activations from `at` on by the slopes there."""
    wide = 2 * narrow_lanes(grad)
    j = 0
    while j + wide <= count:
        _descend(size, grad, at + j, values, slopes, fill(grad, 0.0))
        j += wide
    if j < count:
        _descend(size, grad, at + j, values, slopes, fill_narrow(grad, 0.0))


@inlined
def is_real(padded_steps: int, real: Array, at: int) -> bool:
    """Return whether a step is no padding; `real` is read only if there are padded steps."""
    return padded_steps == 0 or real[at]


@lean
def add_row(source: Array, source_at: int, out: Array, out_at: int, count: int) -> None:
    """Add `count` numbers."""
    for j in range(count):
        out[out_at + j] += source[source_at + j]


@lean
def copy_row(source: Array, source_at: int, out: Array, out_at: int, count: int) -> None:
    """Copy `count` numbers."""
    for j in range(count):
        out[out_at + j] = source[source_at + j]


@lean
def clear_row(out: Array, at: int, count: int) -> None:
    """Set `count` numbers to 0."""
    for j in range(count):
        out[at + j] = 0.0

"""h_t = a_t h_{t-1} + b_t of real numbers over a whole sequence, forward and backward; rows are independent.

A row is a sample of a copy, vectors run along the features. With g_t = dL/dh_t in all:
    dL/db_t = g_t,  dL/da_t = g_t h_{t-1},  g_{t-1} = g_t a_t + what comes in at t - 1
The backward pass computes h again, into the place of the gradient of a, so that nothing is kept.

Legend of shapes: R rows, T steps, C features; all arrays are flat. valid (R, T) may be empty: every step is real.
"""

from lnncmp.kernels.common.compiling import Array, lean, lean_kernel
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store
from lnncmp.kernels.scan.rows import add, clear, copy

Size = tuple[int, int]
"""T, C."""


@lean
def _step(a: Array, b: Array, at: int, before: Array, before_at: int, out: Array, out_at: int, count: int) -> None:
    """Write a h + b for one row and step."""
    lanes, k = narrow_lanes(out), 0
    while k + lanes <= count:
        store(out, out_at + k, load_narrow(a, at + k) * load_narrow(before, before_at + k) + load_narrow(b, at + k))
        k += lanes
    while k < count:
        out[out_at + k] = a[at + k] * before[before_at + k] + b[at + k]
        k += 1


@lean
def _path(
    row: int, steps: int, count: int, a: Array, b: Array, valid: Array, start: Array, out: Array, offset: int
) -> None:
    """Write h of the steps 0 to T - 1 - offset of a row to the steps from `offset` on; with 1 the start comes first."""
    before, before_at = start, row * count
    if offset == 1 and steps > 0:
        copy(start, row * count, out, row * steps * count, count)
    for t in range(steps - offset):
        here = row * steps + t
        at, there = here * count, (here + offset) * count
        if valid.size > 0 and not valid[here]:
            copy(before, before_at, out, there, count)
        else:
            _step(a, b, at, before, before_at, out, there, count)
        before, before_at = out, there


@lean_kernel
def forward(
    first: int, end: int, size: Size, a: Array, b: Array, valid: Array, start: Array, hidden: Array, final: Array
) -> None:
    """Compute the rows from `first` to `end`: hidden (R, T, C) and final (R, C) for a, b (R, T, C), start (R, C)."""
    steps, count = size
    for row in range(first, end):
        _path(row, steps, count, a, b, valid, start, hidden, 0)
        if steps > 0:
            copy(hidden, (row * steps + steps - 1) * count, final, row * count, count)
        else:
            copy(start, row * count, final, row * count, count)


@lean
def _back(a: Array, d_a: Array, d_b: Array, at: int, g: Array, g_at: int, count: int) -> None:
    """Take g one step back; d_a holds h before the step."""
    lanes, k = narrow_lanes(g), 0
    while k + lanes <= count:
        own = load_narrow(g, g_at + k)
        store(d_b, at + k, own)
        store(d_a, at + k, own * load_narrow(d_a, at + k))
        store(g, g_at + k, own * load_narrow(a, at + k))
        k += lanes
    while k < count:
        one = g[g_at + k]
        d_b[at + k] = one
        d_a[at + k] *= one
        g[g_at + k] = one * a[at + k]
        k += 1


@lean_kernel
def backward(
    first: int,
    end: int,
    size: Size,
    a: Array,
    b: Array,
    valid: Array,
    start: Array,
    d_hidden: Array,
    d_a: Array,
    d_b: Array,
    d_start: Array,
) -> None:
    """Compute the rows from `first` to `end`: gradients of a, b (R, T, C) and the start (R, C).

    d_hidden (R, T, C) may be empty: no gradient. d_start holds the gradient of the final h.
    """
    steps, count = size
    for row in range(first, end):
        _path(row, steps, count, a, b, valid, start, d_a, 1)
        for t in range(steps - 1, -1, -1):
            here = row * steps + t
            if d_hidden.size > 0:
                add(d_hidden, here * count, d_start, row * count, count)
            if valid.size > 0 and not valid[here]:
                clear(d_a, here * count, count)
                clear(d_b, here * count, count)
            else:
                _back(a, d_a, d_b, here * count, d_start, row * count, count)

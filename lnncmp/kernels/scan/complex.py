"""h_t = a_t h_{t-1} + b_t of complex numbers over a whole sequence, forward and backward; see lnncmp.kernels.scan.real.

A complex number is two real ones in two arrays, and so is its gradient dL/d re + i dL/d im: as for real numbers, with
a and h conjugated.
"""

from lnncmp.kernels.common.compiling import Array, lean, lean_kernel
from lnncmp.kernels.common.lanes import load_narrow, narrow_lanes, store
from lnncmp.kernels.scan.real import Size
from lnncmp.kernels.scan.rows import add, clear, copy

Pair = tuple[Array, Array]
"""The real parts and the imaginary parts."""


@lean
def _step(a: Pair, b: Pair, at: int, before: Pair, before_at: int, out: Pair, out_at: int, count: int) -> None:
    """Write a h + b for one row and step."""
    lanes, k = narrow_lanes(out[0]), 0
    while k + lanes <= count:
        re, im = load_narrow(a[0], at + k), load_narrow(a[1], at + k)
        h_re, h_im = load_narrow(before[0], before_at + k), load_narrow(before[1], before_at + k)
        store(out[0], out_at + k, load_narrow(b[0], at + k) + re * h_re - im * h_im)
        store(out[1], out_at + k, load_narrow(b[1], at + k) + re * h_im + im * h_re)
        k += lanes
    while k < count:
        re, im, h_re, h_im = a[0][at + k], a[1][at + k], before[0][before_at + k], before[1][before_at + k]
        out[0][out_at + k] = b[0][at + k] + re * h_re - im * h_im
        out[1][out_at + k] = b[1][at + k] + re * h_im + im * h_re
        k += 1


@lean
def _copy(source: Pair, source_at: int, out: Pair, out_at: int, count: int) -> None:
    copy(source[0], source_at, out[0], out_at, count)
    copy(source[1], source_at, out[1], out_at, count)


@lean
def _path(
    row: int, steps: int, count: int, a: Pair, b: Pair, valid: Array, start: Pair, out: Pair, offset: int
) -> None:
    """Write h of the steps 0 to T - 1 - offset of a row to the steps from `offset` on; with 1 the start comes first."""
    before, before_at = start, row * count
    if offset == 1 and steps > 0:
        _copy(start, row * count, out, row * steps * count, count)
    for t in range(steps - offset):
        here = row * steps + t
        at, there = here * count, (here + offset) * count
        if valid.size > 0 and not valid[here]:
            _copy(before, before_at, out, there, count)
        else:
            _step(a, b, at, before, before_at, out, there, count)
        before, before_at = out, there


@lean_kernel
def forward(
    first: int, end: int, size: Size, a: Pair, b: Pair, valid: Array, start: Pair, hidden: Pair, final: Pair
) -> None:
    """Compute the rows from `first` to `end`: hidden (R, T, C) and final (R, C) for a, b (R, T, C), start (R, C)."""
    steps, count = size
    for row in range(first, end):
        _path(row, steps, count, a, b, valid, start, hidden, 0)
        if steps > 0:
            _copy(hidden, (row * steps + steps - 1) * count, final, row * count, count)
        else:
            _copy(start, row * count, final, row * count, count)


@lean
def _back(a: Pair, d_a: Pair, d_b: Pair, at: int, g: Pair, g_at: int, count: int) -> None:
    """Take g one step back; d_a holds h before the step."""
    lanes, k = narrow_lanes(g[0]), 0
    while k + lanes <= count:
        g_re, g_im = load_narrow(g[0], g_at + k), load_narrow(g[1], g_at + k)
        h_re, h_im = load_narrow(d_a[0], at + k), load_narrow(d_a[1], at + k)
        re, im = load_narrow(a[0], at + k), load_narrow(a[1], at + k)
        store(d_b[0], at + k, g_re)
        store(d_b[1], at + k, g_im)
        store(d_a[0], at + k, g_re * h_re + g_im * h_im)
        store(d_a[1], at + k, g_im * h_re - g_re * h_im)
        store(g[0], g_at + k, g_re * re + g_im * im)
        store(g[1], g_at + k, g_im * re - g_re * im)
        k += lanes
    while k < count:
        one_re, one_im, old_re, old_im = g[0][g_at + k], g[1][g_at + k], d_a[0][at + k], d_a[1][at + k]
        d_b[0][at + k], d_b[1][at + k] = one_re, one_im
        d_a[0][at + k] = one_re * old_re + one_im * old_im
        d_a[1][at + k] = one_im * old_re - one_re * old_im
        g[0][g_at + k] = one_re * a[0][at + k] + one_im * a[1][at + k]
        g[1][g_at + k] = one_im * a[0][at + k] - one_re * a[1][at + k]
        k += 1


@lean_kernel
def backward(
    first: int,
    end: int,
    size: Size,
    a: Pair,
    b: Pair,
    valid: Array,
    start: Pair,
    d_hidden: Pair,
    d_a: Pair,
    d_b: Pair,
    d_start: Pair,
) -> None:
    """Compute the rows from `first` to `end`: gradients of a, b (R, T, C) and the start (R, C).

    Each of d_hidden (R, T, C) may be empty: no gradient. d_start holds the gradient of the final h.
    """
    steps, count = size
    for row in range(first, end):
        _path(row, steps, count, a, b, valid, start, d_a, 1)
        for t in range(steps - 1, -1, -1):
            here = row * steps + t
            for part in range(2):
                if d_hidden[part].size > 0:
                    add(d_hidden[part], here * count, d_start[part], row * count, count)
            if valid.size > 0 and not valid[here]:
                for part in range(2):
                    clear(d_a[part], here * count, count)
                    clear(d_b[part], here * count, count)
            else:
                _back(a, d_a, d_b, here * count, d_start, row * count, count)

"""Products of matrices with few columns, such as a readout has.

One size of block for all: the blocks of lnncmp.kernels.common.matmul take three seconds to compile.
"""

from typing import Any

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store

ROWS = 4
"""Rows of a block: their sums do not wait for each other."""


@lean
def multiply_narrow(
    a: Array, a_at: Any, a_row: Any, a_next: Any, w: Array, out: Array, rows: int, depth: int, columns: int
) -> None:
    """Compute out = a w for a (rows, depth), w (depth, columns), out (rows, columns), row-major.

    Element r, k of a is at `a_at + r a_row + k a_next`. `columns` are whole narrow vectors.
    """
    lanes = narrow_lanes(out)
    for c in range(0, columns, lanes):
        r = 0
        while r + ROWS <= rows:
            at, into = a_at + r * a_row, r * columns + c
            p, q, s, t = fill_narrow(out, 0.0), fill_narrow(out, 0.0), fill_narrow(out, 0.0), fill_narrow(out, 0.0)
            for k in range(depth):
                v, place = load_narrow(w, k * columns + c), at + k * a_next
                p = p + v * a[place]
                q = q + v * a[place + a_row]
                s = s + v * a[place + 2 * a_row]
                t = t + v * a[place + 3 * a_row]
            store(out, into, p)
            store(out, into + columns, q)
            store(out, into + 2 * columns, s)
            store(out, into + 3 * columns, t)
            r += ROWS
        while r < rows:
            p = fill_narrow(out, 0.0)
            for k in range(depth):
                p = p + load_narrow(w, k * columns + c) * a[a_at + r * a_row + k * a_next]
            store(out, r * columns + c, p)
            r += 1

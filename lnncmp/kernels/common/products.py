"""Products of matrices with few columns, such as a readout has.

One size of block for all: the blocks of lnncmp.kernels.common.matmul take three seconds to compile.
"""

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.lanes import (
    FLAGS,
    LanesType,
    data_pointer,
    fill,
    fill_narrow,
    load_like,
    splat,
    store,
    wide_lanes,
)

ROWS = 8
"""Rows of a block: their sums do not wait for each other."""


@intrinsic
def _add_product(typing_context: Any, summed: Any, a: Any, place: Any, v: Any) -> Any:
    """Return lanes summed + a[place] v; a place is never counted from the end."""
    if not isinstance(v, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, ...]) -> Any:
        scalar = builder.load(builder.gep(data_pointer(context, builder, a, args[1]), [args[2]]))
        product = builder.fmul(splat(builder, scalar, args[3].type), args[3], flags=FLAGS)
        return builder.fadd(args[0], product, flags=FLAGS)

    return summed(summed, a, types.intp, v), generate


@lean
def _column(
    like: Any,
    start: Array,
    a: Array,
    a_at: int,
    a_row: int,
    a_next: int,
    w: Array,
    w_at: int,
    w_row: int,
    c: int,
    out: Array,
    out_at: int,
    out_row: int,
    rows: int,
    depth: int,
) -> None:
    """Compute one vector of columns, from column c on and as wide as `like`."""
    first, r = load_like(start, c, like), 0
    while r + ROWS <= rows:
        place, into, here = a_at + r * a_row, out_at + r * out_row + c, w_at + c
        p, q, s, t, f, g, h, i = first, first, first, first, first, first, first, first
        for _ in range(depth):
            v = load_like(w, here, like)
            p = _add_product(p, a, place, v)
            q = _add_product(q, a, place + a_row, v)
            s = _add_product(s, a, place + 2 * a_row, v)
            t = _add_product(t, a, place + 3 * a_row, v)
            f = _add_product(f, a, place + 4 * a_row, v)
            g = _add_product(g, a, place + 5 * a_row, v)
            h = _add_product(h, a, place + 6 * a_row, v)
            i = _add_product(i, a, place + 7 * a_row, v)
            place, here = place + a_next, here + w_row
        store(out, into, p)
        store(out, into + out_row, q)
        store(out, into + 2 * out_row, s)
        store(out, into + 3 * out_row, t)
        store(out, into + 4 * out_row, f)
        store(out, into + 5 * out_row, g)
        store(out, into + 6 * out_row, h)
        store(out, into + 7 * out_row, i)
        r += ROWS
    while r < rows:
        p = first
        for k in range(depth):
            p = _add_product(p, a, a_at + r * a_row + k * a_next, load_like(w, w_at + k * w_row + c, like))
        store(out, out_at + r * out_row + c, p)
        r += 1


@lean
def multiply_from(
    start: Array,
    a: Array,
    a_at: Any,
    a_row: Any,
    a_next: Any,
    w: Array,
    w_at: Any,
    w_row: Any,
    out: Array,
    out_at: Any,
    out_row: Any,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """Compute out = start + a w for start (columns), a (rows, depth), w (depth, columns), out (rows, columns).

    Element r, k of a is at `a_at + r a_row + k a_next`; w and out begin at `_at` and have a row every `_row` numbers.
    `columns` are whole narrow vectors.
    """
    wide, c, rest = wide_lanes(out), 0, (out, out_at, out_row, rows, depth)
    while c + wide <= columns:
        _column(fill(out, 0.0), start, a, a_at, a_row, a_next, w, w_at, w_row, c, *rest)
        c += wide
    if c < columns:
        _column(fill_narrow(out, 0.0), start, a, a_at, a_row, a_next, w, w_at, w_row, c, *rest)

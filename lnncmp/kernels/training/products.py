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

ROWS = 4
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
    c: int,
    out: Array,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """Compute one vector of columns, from column c on and as wide as `like`."""
    first, r = load_like(start, c, like), 0
    while r + ROWS <= rows:
        place, into = a_at + r * a_row, r * columns + c
        p, q, s, t = first, first, first, first
        for k in range(depth):
            v = load_like(w, k * columns + c, like)
            p = _add_product(p, a, place, v)
            q = _add_product(q, a, place + a_row, v)
            s = _add_product(s, a, place + 2 * a_row, v)
            t = _add_product(t, a, place + 3 * a_row, v)
            place += a_next
        store(out, into, p)
        store(out, into + columns, q)
        store(out, into + 2 * columns, s)
        store(out, into + 3 * columns, t)
        r += ROWS
    while r < rows:
        p = first
        for k in range(depth):
            p = _add_product(p, a, a_at + r * a_row + k * a_next, load_like(w, k * columns + c, like))
        store(out, r * columns + c, p)
        r += 1


@lean
def multiply_from(
    start: Array,
    a: Array,
    a_at: Any,
    a_row: Any,
    a_next: Any,
    w: Array,
    out: Array,
    rows: int,
    depth: int,
    columns: int,
) -> None:
    """Compute out = start + a w for start (columns), a (rows, depth), w (depth, columns), out (rows, columns).

    Element r, k of a is at `a_at + r a_row + k a_next`; the others are row-major. `columns` are whole narrow vectors.
    """
    wide, c = wide_lanes(out), 0
    while c + wide <= columns:
        _column(fill(out, 0.0), start, a, a_at, a_row, a_next, w, c, out, rows, depth, columns)
        c += wide
    if c < columns:
        _column(fill_narrow(out, 0.0), start, a, a_at, a_row, a_next, w, c, out, rows, depth, columns)

"""Products of small row-major matrices inside a kernel, where a call of a library would cost more than the product.

Each block of up to ROWS rows and one vector of columns is held in registers while the depth is walked through; with
32 registers of 512 bits, two vectors of columns, which then share the numbers of a.
Columns come in narrow vectors: matrices are stored with a multiple of NARROW columns, the last ones padded.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.lanes import DOUBLE, FLAGS, NARROW, WIDE, data_pointer, narrow_lanes, splat

ROWS = 8
"""Rows of a block with many registers: enough sums at once to hide the latency of an addition in two units."""
FEW_ROWS = 6
"""Rows of a block otherwise: 6 wide vectors are 12 of the 16 registers of AVX2."""


@intrinsic
def has_many_registers(typing_context: Any) -> Any:
    """Return whether the processor that is compiled for has 32 registers of 512 bits."""

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[()]) -> Any:
        return context.get_constant(types.boolean, "+avx512f" in str(context.codegen().magic_tuple()))

    return types.boolean(), generate


def padded(columns: int, single: bool) -> int:
    """Return `columns` rounded up to whole narrow vectors of float32 (`single`) or float64."""
    lanes = NARROW[types.float32 if single else types.float64]
    return -(-columns // lanes) * lanes


def _generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, ...], rows: int, lanes: int) -> None:
    """Emit one block: `rows` sums of `lanes` columns each, held in registers over the whole depth."""
    _, _, a_at, a_row, a_next, _, w_at, w_row, _, out_at, out_row, depth, keep = args
    element = context.get_value_type(signature.args[1].dtype)
    vector = ir.VectorType(element, lanes)
    size = context.get_abi_sizeof(element)
    a, w, out = (data_pointer(context, builder, signature.args[k], args[k]) for k in (1, 5, 8))

    def lanes_at(base: Any, offset: Any) -> Any:
        return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

    def row(start: Any, stride: Any, number: int) -> Any:
        return builder.add(start, builder.mul(ir.Constant(start.type, number), stride))

    def aligned(instruction: Any) -> Any:
        instruction.align = size
        return instruction

    outs = [lanes_at(out, row(out_at, out_row, r)) for r in range(rows)]
    starts = [row(a_at, a_row, r) for r in range(rows)]
    sums = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
    for pointer, slot in zip(outs, sums, strict=True):
        with builder.if_else(keep) as (then, otherwise):
            with then:
                builder.store(aligned(builder.load(pointer)), slot)
            with otherwise:
                builder.store(ir.Constant(vector, [0.0] * lanes), slot)
    with cgutils.for_range(builder, depth, intp=a_at.type) as loop:
        weights = aligned(builder.load(lanes_at(w, builder.add(w_at, builder.mul(loop.index, w_row)))))
        along = builder.mul(loop.index, a_next)
        for start, slot in zip(starts, sums, strict=True):
            scalar = builder.load(builder.gep(a, [builder.add(start, along)]))
            product = builder.fmul(splat(builder, scalar, vector), weights, flags=FLAGS)
            builder.store(builder.fadd(builder.load(slot), product, flags=FLAGS), slot)
    for pointer, slot in zip(outs, sums, strict=True):
        aligned(builder.store(builder.load(slot), pointer))


def _block(counts: dict[Any, int]) -> Any:
    """Return an intrinsic that computes one block; `counts` gives the columns of a vector."""

    @intrinsic
    def block(
        typing_context: Any,
        rows: Any,
        a: Any,
        a_at: Any,
        a_row: Any,
        a_next: Any,
        w: Any,
        w_at: Any,
        w_row: Any,
        out: Any,
        out_at: Any,
        out_row: Any,
        depth: Any,
        keep: Any,
    ) -> Any:
        if not isinstance(rows, types.IntegerLiteral):
            return None

        def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, ...]) -> Any:
            _generate(context, builder, signature, args, rows.literal_value, counts[a.dtype])
            return context.get_dummy_value()

        i = types.intp
        return types.none(rows, a, i, i, i, w, i, i, out, i, i, i, types.boolean), generate

    return block


def _column(name: str, block: Any) -> Callable[..., None]:
    """Return the function that computes one column of blocks, the highest first: few heights compile fast.

    The functions for two widths have equal arguments, so that their names in machine code differ by `name` alone.
    """

    def column(
        a: Array,
        a_at: int,
        a_row: int,
        a_next: int,
        w: Array,
        w_at: int,
        w_row: int,
        out: Array,
        out_at: int,
        out_row: int,
        rows: int,
        depth: int,
        keep: bool,
    ) -> None:
        many = has_many_registers()
        while rows > 0:
            if many and rows >= ROWS:
                height = 8
                block(8, a, a_at, a_row, a_next, w, w_at, w_row, out, out_at, out_row, depth, keep)
            elif rows >= FEW_ROWS:
                height = 6
                block(6, a, a_at, a_row, a_next, w, w_at, w_row, out, out_at, out_row, depth, keep)
            elif rows >= 4:
                height = 4
                block(4, a, a_at, a_row, a_next, w, w_at, w_row, out, out_at, out_row, depth, keep)
            elif rows >= 2:
                height = 2
                block(2, a, a_at, a_row, a_next, w, w_at, w_row, out, out_at, out_row, depth, keep)
            else:
                height = 1
                block(1, a, a_at, a_row, a_next, w, w_at, w_row, out, out_at, out_row, depth, keep)
            a_at += height * a_row
            out_at += height * out_row
            rows -= height

    column.__qualname__ = name
    return lean(column)


_double_column = _column("_double_column", _block(DOUBLE))
_wide_column = _column("_wide_column", _block(WIDE))
_narrow_column = _column("_narrow_column", _block(NARROW))


@lean
def _product(
    a: Array,
    a_at: int,
    a_row: int,
    a_next: int,
    w: Array,
    w_at: int,
    w_row: int,
    out: Array,
    out_at: int,
    out_row: int,
    rows: int,
    depth: int,
    columns: int,
    keep: bool,
) -> None:
    narrow = narrow_lanes(out)
    wide, double = 2 * narrow, 4 * narrow
    c = 0
    while has_many_registers() and c + double <= columns:
        _double_column(a, a_at, a_row, a_next, w, w_at + c, w_row, out, out_at + c, out_row, rows, depth, keep)
        c += double
    while c + wide <= columns:
        _wide_column(a, a_at, a_row, a_next, w, w_at + c, w_row, out, out_at + c, out_row, rows, depth, keep)
        c += wide
    if c < columns:
        _narrow_column(a, a_at, a_row, a_next, w, w_at + c, w_row, out, out_at + c, out_row, rows, depth, keep)


@lean
def multiply(
    a: Array,
    a_at: int,
    a_row: int,
    w: Array,
    w_at: int,
    w_row: int,
    out: Array,
    out_at: int,
    out_row: int,
    rows: int,
    depth: int,
    columns: int,
    keep: bool,
) -> None:
    """Compute out = a w, or out += a w if `keep`, for a (rows, depth), w (depth, columns), out (rows, columns).

    All three are parts of contiguous 1-D arrays of one type: each starts at `_at` and has a row every `_row` numbers.
    `columns` must be a multiple of the narrow lanes (see `padded`); out must not overlap a or w.
    """
    _product(a, a_at, a_row, 1, w, w_at, w_row, out, out_at, out_row, rows, depth, columns, keep)


@lean
def multiply_transposed(
    a: Array,
    a_at: int,
    a_row: int,
    w: Array,
    w_at: int,
    w_row: int,
    out: Array,
    out_at: int,
    out_row: int,
    rows: int,
    depth: int,
    columns: int,
    keep: bool,
) -> None:
    """Compute out = a' w, or out += a' w if `keep`, for a (depth, rows), w (depth, columns), out (rows, columns).

    As `multiply`, but with a stored transposed: the gradient of weights from inputs a and gradients w.
    """
    _product(a, a_at, 1, a_row, w, w_at, w_row, out, out_at, out_row, rows, depth, columns, keep)

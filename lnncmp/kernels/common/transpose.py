"""Transposed matrices, in blocks that fit the registers: left to itself, LLVM scatters single numbers."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.lanes import NARROW, is_flat, lanes_pointer, narrow_lanes


@intrinsic
def _transpose_block(typing_context: Any, source: Any, at: Any, row: Any, out: Any, out_at: Any, out_row: Any) -> Any:
    """Transpose a square as wide as a narrow vector; `row` and `out_row` numbers lie between the starts of rows."""
    if not is_flat(source) or out != source:
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, ...]) -> Any:
        kind, side = signature.args[0], NARROW[signature.args[0].dtype]
        read, read_at, read_row, written, written_at, written_row = args
        vector = ir.VectorType(context.get_value_type(kind.dtype), side)

        def pointer(array: Any, start: Any, stride: Any, number: int) -> Any:
            place = builder.add(start, builder.mul(stride, ir.Constant(stride.type, number)))
            return lanes_pointer(context, builder, kind, array, place, vector)

        rows = [builder.load(pointer(read, read_at, read_row, number)) for number in range(side)]
        for loaded in rows:
            loaded.align = context.get_abi_sizeof(vector.element)
        distance = side // 2
        while distance:
            for k in [k for k in range(side) if not k & distance]:
                rows[k], rows[k + distance] = _exchanged(builder, rows[k], rows[k + distance], distance)
            distance //= 2
        for number, value in enumerate(rows):
            stored = builder.store(value, pointer(written, written_at, written_row, number))
            stored.align = context.get_abi_sizeof(vector.element)
        return context.get_dummy_value()

    i = types.intp
    return types.none(source, i, i, out, i, i), generate


def _exchanged(builder: Any, upper: Any, lower: Any, distance: int) -> tuple[Any, Any]:
    """Return two rows after the blocks of `distance` columns right above and left below the diagonal changed places."""
    side = upper.type.count
    left = [k if not k & distance else side + k - distance for k in range(side)]
    right = [k + distance if not k & distance else side + k for k in range(side)]
    masks = (ir.Constant(ir.VectorType(ir.IntType(32), side), picked) for picked in (left, right))
    first, second = (builder.shuffle_vector(upper, lower, mask) for mask in masks)
    return first, second


@lean
def transpose(source: Array, at: int, row: int, out: Array, out_at: int, out_row: int, rows: int, columns: int) -> None:
    """Write out[out_at + c out_row + r] = source[at + r row + c] for r < rows, c < columns; both 1-D, of one type."""
    side, r = narrow_lanes(source), 0
    while r < rows:
        c = 0
        if r + side <= rows:
            while c + side <= columns:
                _transpose_block(source, at + r * row + c, row, out, out_at + c * out_row + r, out_row)
                c += side
        for k in range(r, min(r + side, rows)):
            for rest in range(c, columns):
                out[out_at + rest * out_row + k] = source[at + k * row + rest]
        r += side

"""Lanes whose numbers lie anywhere in an array."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from lnncmp.kernels.common.lanes import WIDE, LanesType, data_pointer


@intrinsic
def gather(typing_context: Any, array: Any, base: Any, places: Any, at: Any) -> Any:
    """Return wide lanes, lane k from array[base + places[at + k]], of contiguous 1-D arrays; `places` are int64.

    Each number is loaded by itself: where the processor's own instruction for this is fast, it differs little.
    """
    if not isinstance(array, types.Array) or array.dtype not in WIDE:
        return None
    lanes = WIDE[array.dtype]

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, ...]) -> Any:
        numbers, table = (data_pointer(context, builder, signature.args[k], args[k]) for k in (0, 2))
        start = builder.gep(numbers, [args[1]])
        vector = ir.Constant(context.get_value_type(signature.return_type), ir.Undefined)
        for lane in range(lanes):
            place = builder.load(builder.gep(table, [builder.add(args[3], ir.Constant(args[3].type, lane))]))
            value = builder.load(builder.gep(start, [place]))
            vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), lane))
        return vector

    return LanesType(array.dtype, lanes)(array, types.intp, places, types.intp), generate

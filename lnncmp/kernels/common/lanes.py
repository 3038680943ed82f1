"""Vectors of consecutive numbers in registers, for kernels compiled by Numba.

Numba's own vectorisation of the loops here is fragile: one branch or one accumulator in memory costs a factor of
five. `Lanes` is a Numba type whose values are LLVM vectors, so that the compiled code has the shape that is written:
arithmetic on lanes is elementwise, a plain number is broadcast. LLVM splits a vector over as many registers as the
processor needs; no instruction set is named here.

A vector has WIDE[dtype] elements (512 bits) or NARROW[dtype] (256 bits). All functions here work in compiled code only.

Floating-point flags: multiplications and additions may be fused (`contract`), nothing else. Reassociation would cancel
the rounding by a large number in exp2; NaN and infinity must stay what they are.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import lower_builtin, models, register_model, type_callable
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

WIDE = {types.float32: 16, types.float64: 8}
"""Elements of a vector of 512 bits, by their type."""
NARROW = {types.float32: 8, types.float64: 4}
"""Elements of a vector of 256 bits, by their type."""
DOUBLE = {types.float32: 32, types.float64: 16}
"""Elements of two vectors of 512 bits worked on together, by their type."""

FLAGS = ("contract",)
_LINE = 64
"""Bytes that a processor reads from memory at once."""


class LanesType(types.Type):
    """A vector of `count` numbers of type `element`."""

    def __init__(self, element: types.Float, count: int) -> None:
        self.element = element
        self.count = count
        super().__init__(name=f"Lanes({element}, {self.count})")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LanesType) -> None:
        element = manager.lookup(kind.element).get_value_type()
        super().__init__(manager, kind, ir.VectorType(element, kind.count))


def splat(builder: Any, scalar: Any, kind: Any) -> Any:
    """Return a vector of LLVM type `kind` whose elements all equal `scalar`; for intrinsics."""
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), everywhere)


def _as_lanes(context: Any, builder: Any, value: Any, kind: Any, wanted: LanesType) -> Any:
    if isinstance(kind, LanesType):
        return value
    scalar = context.cast(builder, value, kind, wanted.element)
    return splat(builder, scalar, context.get_value_type(wanted))


def _pick(left: Any, right: Any) -> LanesType | None:
    if isinstance(left, LanesType) and (isinstance(right, LanesType | types.Number)):
        return None if isinstance(right, LanesType) and right != left else left
    if isinstance(right, LanesType) and isinstance(left, types.Number):
        return right
    return None


def _define(operation: Callable[..., Any], instruction: str) -> None:
    @type_callable(operation)
    def _type(context: Any) -> Callable[..., Any]:
        return _pick

    def lower(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        both = [
            _as_lanes(context, builder, arg, kind, signature.return_type)
            for arg, kind in zip(args, signature.args, strict=True)
        ]
        return getattr(builder, instruction)(*both, flags=FLAGS)

    for pair in ((LanesType, LanesType), (LanesType, types.Number), (types.Number, LanesType)):
        lower_builtin(operation, *pair)(lower)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
    (operator.isub, "fsub"),
    (operator.imul, "fmul"),
):
    _define(_operation, _instruction)


def data_pointer(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return the pointer to the first element of an array; for intrinsics."""
    return cgutils.create_struct_proxy(kind)(context, builder, array).data


def lanes_pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any, vector: Any) -> Any:
    """Return the pointer to a vector from `offset` on of an array; for intrinsics."""
    data = data_pointer(context, builder, kind, array)
    return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())


def is_flat(array: Any) -> bool:
    """Return whether lanes can be read from an array of this type: 1-D, contiguous, float32 or float64."""
    return isinstance(array, types.Array) and array.ndim == 1 and array.layout == "C" and array.dtype in WIDE


def _read(counts: dict[Any, int], array: Any) -> Any:
    """Return the signature and code of a load of counts[element] numbers, or None for other arguments."""
    if not is_flat(array):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, ...]) -> Any:
        vector = context.get_value_type(signature.return_type)
        loaded = builder.load(lanes_pointer(context, builder, signature.args[0], args[0], args[1], vector))
        loaded.align = context.get_abi_sizeof(vector.element)
        return loaded

    return LanesType(array.dtype, counts[array.dtype])(array, types.intp), generate


@intrinsic
def load(typing_context: Any, array: Any, offset: Any) -> Any:
    """Return wide lanes from `offset` on of a contiguous 1-D array; the caller keeps within bounds."""
    return _read(WIDE, array)


@intrinsic
def load_narrow(typing_context: Any, array: Any, offset: Any) -> Any:
    """Return narrow lanes from `offset` on of a contiguous 1-D array; the caller keeps within bounds."""
    return _read(NARROW, array)


@intrinsic
def load_like(typing_context: Any, array: Any, offset: Any, like: Any) -> Any:
    """Return as many lanes as `like` has from `offset` on of a contiguous 1-D array; the caller keeps within bounds.

    Code that gets a vector `like` is compiled for its width, so that one source serves wide and narrow tiles.
    """
    if not isinstance(like, LanesType):
        return None
    signature, generate = _read({array.dtype: like.count}, array)
    return signature.return_type(array, types.intp, like), generate


@intrinsic
def fill_like(typing_context: Any, value: Any, like: Any) -> Any:
    """Return lanes as wide as `like`, each equal to the number `value`."""
    if not isinstance(like, LanesType) or not isinstance(value, types.Number):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        return _as_lanes(context, builder, args[0], signature.args[0], signature.return_type)

    return like(value, like), generate


@intrinsic
def count(typing_context: Any, value: Any) -> Any:
    """Return how many lanes a vector has."""
    if not isinstance(value, LanesType):
        return None
    lanes = value.count
    return types.intp(value), lambda context, builder, signature, args: context.get_constant(types.intp, lanes)


@intrinsic
def store(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write lanes to array[offset : offset + count] of a contiguous 1-D array; the caller keeps within bounds."""
    if not is_flat(array) or not isinstance(value, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any, Any]) -> Any:
        vector = context.get_value_type(signature.args[2])
        pointer = lanes_pointer(context, builder, signature.args[0], args[0], args[1], vector)
        stored = builder.store(args[2], pointer)
        stored.align = context.get_abi_sizeof(vector.element)
        return context.get_dummy_value()

    return types.none(array, types.intp, value), generate


@intrinsic
def prefetch(typing_context: Any, array: Any, offset: Any, like: Any) -> Any:
    """Have lanes as wide as `like` from `offset` on of a 1-D array brought near, to be written or read soon.

    The offset may lie beyond the array.
    """
    if not is_flat(array) or not isinstance(like, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any, Any]) -> Any:
        i32, i8 = ir.IntType(32), ir.IntType(8)
        kind = ir.FunctionType(ir.VoidType(), [i8.as_pointer(), i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        step = _LINE // context.get_abi_sizeof(context.get_value_type(signature.args[0].dtype))
        for more in range(0, signature.args[2].count, step):
            place = builder.add(args[1], ir.Constant(args[1].type, more))
            pointer = lanes_pointer(context, builder, signature.args[0], args[0], place, i8)
            builder.call(function, [pointer, i32(1), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp, like), generate


def _repeat(counts: dict[Any, int], array: Any, value: Any) -> Any:
    if not is_flat(array) or not isinstance(value, types.Number):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        return _as_lanes(context, builder, args[1], signature.args[1], signature.return_type)

    return LanesType(array.dtype, counts[array.dtype])(array, value), generate


@intrinsic
def fill(typing_context: Any, array: Any, value: Any) -> Any:
    """Return wide lanes of the type of a 1-D array's elements, each equal to `value`."""
    return _repeat(WIDE, array, value)


@intrinsic
def fill_narrow(typing_context: Any, array: Any, value: Any) -> Any:
    """Return narrow lanes of the type of a 1-D array's elements, each equal to `value`."""
    return _repeat(NARROW, array, value)


@intrinsic
def fill_double(typing_context: Any, array: Any, value: Any) -> Any:
    """Return double lanes of the type of a 1-D array's elements, each equal to `value`."""
    return _repeat(DOUBLE, array, value)


def _count(counts: dict[Any, int], array: Any) -> Any:
    if not is_flat(array):
        return None
    return types.intp(array), lambda context, builder, signature, args: context.get_constant(
        types.intp, counts[array.dtype]
    )


@intrinsic
def wide_lanes(typing_context: Any, array: Any) -> Any:
    """Return how many elements of a 1-D array a wide vector has."""
    return _count(WIDE, array)


@intrinsic
def narrow_lanes(typing_context: Any, array: Any) -> Any:
    """Return how many elements of a 1-D array a narrow vector has."""
    return _count(NARROW, array)

"""Sums over the lanes of a vector."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, inlined
from lnncmp.kernels.common.lanes import FLAGS, LanesType, is_flat, lanes_pointer

PARTS = 4
"""Partial sums that are kept for each sum over lanes: the last additions are the dearest, and can wait."""


def _select(builder: Any, left: Any, right: Any, picked: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(picked)), picked)
    return builder.shuffle_vector(left, right, mask)


def _folded(builder: Any, left: Any, right: Any, low: list[int], distance: int) -> Any:
    """Return the sums of the lanes `low` of two vectors, counted through, and of those `distance` further on."""
    high = [k + distance for k in low]
    halves = [_select(builder, left, right, picked) for picked in (low, high)]
    return builder.fadd(*halves, flags=FLAGS)


@intrinsic
def total(typing_context: Any, value: Any) -> Any:
    """Return the sum of all lanes, halves first."""
    if not isinstance(value, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any]) -> Any:
        summed, width = args[0], signature.args[0].count
        while width > 1:
            width //= 2
            summed = _folded(builder, summed, summed, list(range(width)), width)
        return builder.extract_element(summed, ir.Constant(ir.IntType(32), 0))

    return value.element(value), generate


def _parts(builder: Any, values: list[Any]) -> list[Any]:
    """Return vectors that hold, one after the other, PARTS partial sums of each of the values.

    Two vectors are folded into one of the same width as long as that is possible: each addition then does as much as
    the registers hold.
    """
    width = parts = values[0].type.count
    while parts > PARTS:
        low = [k for k in range(width) if k % parts < parts // 2]
        if width > 4 * PARTS or len(values) == 1:
            values = [_folded(builder, value, value, low, parts // 2) for value in values]
            width //= 2
        else:
            low += [width + k for k in low]
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [_folded(builder, left, right, low, parts // 2) for left, right in pairs]
        parts //= 2
    return values


def _add_parts(array: Any, offset: Any, *values: Any) -> Any:
    """Return the signature and code of an addition of partial sums to an array, or None for other arguments."""
    if not is_flat(array) or any(not isinstance(value, LanesType) for value in values):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, ...]) -> Any:
        at = args[1]
        for added in _parts(builder, list(args[2:])):
            pointer = lanes_pointer(context, builder, signature.args[0], args[0], at, added.type)
            before = builder.load(pointer)
            stored = builder.store(builder.fadd(before, added, flags=FLAGS), pointer)
            before.align = stored.align = context.get_abi_sizeof(added.type.element)
            at = builder.add(at, ir.Constant(at.type, added.type.count))
        return context.get_dummy_value()

    return types.none(array, types.intp, *values), generate


@intrinsic
def add_parts(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """Add PARTS partial sums of the lanes of a value to array[offset : offset + PARTS]; see `summed`."""
    return _add_parts(array, offset, value)


@intrinsic
def add_four_parts(typing_context: Any, array: Any, offset: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Add PARTS partial sums each of the lanes of a, b, c, d to array[offset : offset + 4 PARTS]; see `summed`."""
    return _add_parts(array, offset, a, b, c, d)


@inlined
def summed(array: Array, at: int) -> float:
    """Return the sum of the PARTS partial sums from `at` on."""
    found: float = (array[at] + array[at + 1]) + (array[at + 2] + array[at + 3])
    return found

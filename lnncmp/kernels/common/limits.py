"""Limits of lanes: numbers kept within a bound, and whether they are."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from lnncmp.kernels.common.lanes import LanesType, splat


def _bounds(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """Return lanes x, the bound as lanes, and minus the bound."""
    x, bound = args
    if not isinstance(signature.args[1], LanesType):
        bound = splat(builder, context.cast(builder, bound, signature.args[1], signature.args[0].element), x.type)
    return x, bound, builder.fsub(ir.Constant(x.type, [0.0] * x.type.count), bound)


def _typed(x: Any, bound: Any, generate: Callable[..., Any]) -> Any:
    """Return the signature and code of a function of lanes and a bound, a number or lanes; None for other arguments."""
    if not isinstance(x, LanesType) or not (bound == x or isinstance(bound, types.Number)):
        return None
    return x(x, bound), generate


@intrinsic
def clipped(typing_context: Any, x: Any, bound: Any) -> Any:
    """Return lanes x within +-bound; NaN stays NaN."""

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        own, high, low = _bounds(context, builder, signature, args)
        own = builder.select(builder.fcmp_ordered(">", own, high), high, own)
        return builder.select(builder.fcmp_ordered("<", own, low), low, own)

    return _typed(x, bound, generate)


@intrinsic
def larger(typing_context: Any, x: Any, y: Any) -> Any:
    """Return the larger of lanes x and y, elementwise; y where one is NaN."""

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return _typed(x, y, generate) if x == y else None


@intrinsic
def within(typing_context: Any, x: Any, bound: Any) -> Any:
    """Return 1 where |x| <= bound and 0 elsewhere, also for NaN, as lanes."""

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        own, high, low = _bounds(context, builder, signature, args)
        inside = builder.and_(builder.fcmp_ordered("<=", own, high), builder.fcmp_ordered(">=", own, low))
        one, zero = (ir.Constant(own.type, [value] * own.type.count) for value in (1.0, 0.0))
        return builder.select(inside, one, zero)

    return _typed(x, bound, generate)


@intrinsic
def any_above(typing_context: Any, x: Any, bound: Any) -> Any:
    """Return whether one of lanes x is above a bound, a number; NaN is not."""
    if not isinstance(x, LanesType) or not isinstance(bound, types.Number):
        return None

    def generate(context: Any, builder: Any, signature: Signature, args: tuple[Any, Any]) -> Any:
        own, high, _ = _bounds(context, builder, signature, args)
        mask = ir.IntType(own.type.count)
        return builder.icmp_unsigned("!=", builder.bitcast(builder.fcmp_ordered(">", own, high), mask), mask(0))

    return types.boolean(x, bound), generate

"""Exponential functions on lanes: 2^t, the logistic function and the hyperbolic tangent.

2^t = 2^n 2^f with n = round(t), |f| <= 1/2: adding 1.5 * 2^23 (float64: 2^52) rounds t to n in the low bits, which a
shift turns into the exponent; 2^f is a polynomial, in float32 of degree 5 (minimax), in float64 of degree 13 (Taylor).
Errors, checked in the tests: sigmoid 1.5e-7 in float32 and 4e-16 in float64, absolute; tanh twice that.

t is kept within +-80 (float64: +-1000), so sigmoid is never exactly 0 or 1 in float64 but as close as 2^-1000;
NaN stays NaN.
"""

import math
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, inlined, part
from lnncmp.kernels.common.lanes import FLAGS, LanesType, narrow_lanes

LOG2E = 1.0 / math.log(2.0)
PAIR_REACH = {types.float32: 60.0, types.float64: 500.0}
"""Bound of the arguments of `two_sigmoids2`, by the type of the numbers."""

_MINIMAX = (1.00000007, 6.9314697e-1, 2.402212e-1, 5.550713e-2, 9.67554e-3, 1.32765e-3)
_TAYLOR = tuple(math.log(2.0) ** k / math.factorial(k) for k in range(14))


def _constant(vector: Any, value: float) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def _clamped(builder: Any, t: Any, bound: float) -> Any:
    # Unordered comparisons hold for NaN, so that it is passed on.
    high, low = _constant(t.type, bound), _constant(t.type, -bound)
    t = builder.select(builder.fcmp_unordered("<", t, high), t, high)
    return builder.select(builder.fcmp_unordered(">", t, low), t, low)


def _exp2(builder: Any, t: Any) -> Any:
    """Return 2^t for lanes t within the bounds, as a product that an addition can be fused with."""
    vector = t.type
    single = _single(t)
    mantissa, bias, bits = (23, 127, 32) if single else (52, 1023, 64)
    magic = _constant(vector, 1.5 * 2.0**mantissa + bias)
    rounded = builder.fadd(t, magic)
    fraction = builder.fsub(t, builder.fsub(rounded, magic))
    *lower, power = _MINIMAX if single else _TAYLOR
    polynomial = _constant(vector, power)
    for coefficient in reversed(lower):
        product = builder.fmul(polynomial, fraction, flags=FLAGS)
        polynomial = builder.fadd(product, _constant(vector, coefficient), flags=FLAGS)
    integers = ir.VectorType(ir.IntType(bits), vector.count)
    shift = ir.Constant(integers, [mantissa] * vector.count)
    exponent = builder.shl(builder.bitcast(rounded, integers), shift)
    return builder.fmul(polynomial, builder.bitcast(exponent, vector), flags=FLAGS)


def _single(t: Any) -> bool:
    return isinstance(t.type.element, ir.FloatType)


@intrinsic
def exp2(typing_context: Any, t: Any) -> Any:
    """Return 2^t, elementwise; t beyond +-80 (float64: +-1000) counts as that bound."""
    if not isinstance(t, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        return _exp2(builder, _clamped(builder, args[0], 80.0 if _single(args[0]) else 1000.0))

    return t(t), generate


@intrinsic
def exp2_known(typing_context: Any, t: Any, known: Any) -> Any:
    """Return 2^t, elementwise; t beyond +-PAIR_REACH counts as that bound unless none of t is `known` to be beyond it.

    The product of two such numbers is finite.
    """
    if not isinstance(t, LanesType) or not isinstance(known, types.Boolean):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any]) -> Any:
        place = cgutils.alloca_once_value(builder, args[0])
        with builder.if_then(builder.not_(args[1])):
            builder.store(_clamped(builder, args[0], PAIR_REACH[signature.args[0].element]), place)
        return _exp2(builder, builder.load(place))

    return t(t, known), generate


@intrinsic
def sigmoid2(typing_context: Any, t: Any) -> Any:
    """Return 1 / (1 + 2^t), elementwise: the logistic function of x for t = -x LOG2E."""
    if not isinstance(t, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        one = _constant(args[0].type, 1.0)
        power = _exp2(builder, _clamped(builder, args[0], 80.0 if _single(args[0]) else 1000.0))
        return builder.fdiv(one, builder.fadd(power, one, flags=FLAGS), flags=FLAGS)

    return t(t), generate


@inlined
def pair_reach(array: Array) -> float:
    """Return PAIR_REACH of the numbers of an array."""
    return 60.0 if narrow_lanes(array) == 8 else 500.0


@inlined
def two_sigmoids2(t: Any, u: Any, known: bool) -> Any:
    """Return sigmoid2 of t and of u, by one division, each at its own bound beyond +-PAIR_REACH.

    known: whether no number of t and u is beyond it. NaN in a lane of one makes that lane of both results NaN.
    """
    a, b = exp2_known(t, known) + 1.0, exp2_known(u, known) + 1.0
    both = 1.0 / (a * b)
    return both * b, both * a


@intrinsic
def magnitude(typing_context: Any, x: Any) -> Any:
    """Return |x|, elementwise."""
    if not isinstance(x, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        zero = _constant(args[0].type, 0.0)
        return builder.select(builder.fcmp_ordered("<", args[0], zero), builder.fsub(zero, args[0]), args[0])

    return x(x), generate


@intrinsic
def positive(typing_context: Any, x: Any) -> Any:
    """Return 1 where x > 0, else 0 (also for NaN), elementwise."""
    if not isinstance(x, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        zero, one = _constant(args[0].type, 0.0), _constant(args[0].type, 1.0)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), one, zero)

    return x(x), generate


@intrinsic
def above_one(typing_context: Any, x: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` where x > 1, else (also for NaN) `otherwise`, elementwise."""
    if not isinstance(x, LanesType) or then != x or otherwise != x:
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any, Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], _constant(args[0].type, 1.0)), args[1], args[2])

    return x(x, then, otherwise), generate


@intrinsic
def below_zero(typing_context: Any, x: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` where x < 0, else (also for NaN) `otherwise`, elementwise."""
    if not isinstance(x, LanesType) or then != x or otherwise != x:
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any, Any]) -> Any:
        return builder.select(builder.fcmp_ordered("<", args[0], _constant(args[0].type, 0.0)), args[1], args[2])

    return x(x, then, otherwise), generate


@part
def sigmoid(x: Any) -> Any:
    """Return the logistic function of lanes x."""
    return sigmoid2(x * -LOG2E)


@part
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of lanes x, as 2 sigmoid(2 x) - 1."""
    return sigmoid2(x * (-2.0 * LOG2E)) * 2.0 - 1.0


@part
def exp(x: Any) -> Any:
    """Return e^x of lanes x; results beyond 2^+-80 (float64: 2^+-1000) are those bounds."""
    return exp2(x * LOG2E)

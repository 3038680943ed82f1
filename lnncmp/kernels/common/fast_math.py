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
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import part
from lnncmp.kernels.common.lanes import FLAGS, LanesType

LOG2E = 1.0 / math.log(2.0)

_MINIMAX = (1.00000007, 6.9314697e-1, 2.402212e-1, 5.550713e-2, 9.67554e-3, 1.32765e-3)
_TAYLOR = tuple(math.log(2.0) ** k / math.factorial(k) for k in range(14))


def _constant(vector: Any, value: float) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def _clamped(builder: Any, t: Any, bound: float) -> Any:
    # Unordered comparisons hold for NaN, so that it is passed on.
    high, low = _constant(t.type, bound), _constant(t.type, -bound)
    t = builder.select(builder.fcmp_unordered("<", t, high), t, high)
    return builder.select(builder.fcmp_unordered(">", t, low), t, low)


def _exp2_parts(builder: Any, t: Any) -> tuple[Any, Any]:
    """Return 2^f and 2^n for lanes t."""
    vector = t.type
    single = isinstance(vector.element, ir.FloatType)
    bound, mantissa, bias, bits = (80.0, 23, 127, 32) if single else (1000.0, 52, 1023, 64)
    t = _clamped(builder, t, bound)
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
    return polynomial, builder.bitcast(exponent, vector)


@intrinsic
def exp2(typing_context: Any, t: Any) -> Any:
    """Return 2^t, elementwise; t beyond +-80 (float64: +-1000) counts as that bound."""
    if not isinstance(t, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        return builder.fmul(*_exp2_parts(builder, args[0]), flags=FLAGS)

    return t(t), generate


@intrinsic
def sigmoid2(typing_context: Any, t: Any) -> Any:
    """Return 1 / (1 + 2^t), elementwise: the logistic function of x for t = -x LOG2E."""
    if not isinstance(t, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        one = _constant(args[0].type, 1.0)
        product = builder.fmul(*_exp2_parts(builder, args[0]), flags=FLAGS)
        return builder.fdiv(one, builder.fadd(product, one, flags=FLAGS), flags=FLAGS)

    return t(t), generate


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
def above_one(typing_context: Any, x: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` where x > 1, else (also for NaN) `otherwise`, elementwise."""
    if not isinstance(x, LanesType) or then != x or otherwise != x:
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any, Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], _constant(args[0].type, 1.0)), args[1], args[2])

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

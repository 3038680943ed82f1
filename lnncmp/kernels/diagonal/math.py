"""Elementwise mathematics of diagonal state-space models on lanes: e^x - 1 and sines of half a turn.

Errors are those of a few roundings; the polynomials are Taylor's, long enough for the type of the numbers.
"""

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.extending import intrinsic

from lnncmp.kernels.common.lanes import FLAGS, LanesType

_LOG2 = math.log(2.0)


def _constant(vector: Any, value: float) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def _is_single(vector: Any) -> bool:
    return isinstance(vector.element, ir.FloatType)


def _polynomial(builder: Any, x: Any, coefficients: list[float]) -> Any:
    """Return the sum of coefficient k times x^k."""
    found = _constant(x.type, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        product = builder.fmul(found, x, flags=FLAGS)
        found = builder.fadd(product, _constant(x.type, coefficient), flags=FLAGS)
    return found


def _clamped(builder: Any, t: Any, bound: float) -> Any:
    # Unordered comparisons hold for NaN, so that it is passed on.
    high, low = _constant(t.type, bound), _constant(t.type, -bound)
    t = builder.select(builder.fcmp_unordered("<", t, high), t, high)
    return builder.select(builder.fcmp_unordered(">", t, low), t, low)


def _rounded(builder: Any, t: Any, offset: float) -> tuple[Any, Any]:
    """Return t rounded to a whole number, and the sum with a large number whose low bits are that number + offset."""
    magic = _constant(t.type, 1.5 * 2.0 ** (23 if _is_single(t.type) else 52) + offset)
    summed = builder.fadd(t, magic)
    return builder.fsub(summed, magic), summed


def _elementwise(generate: Callable[[Any, Any], Any], x: Any) -> Any:
    """Return the signature and code of a function of lanes."""
    if not isinstance(x, LanesType):
        return None
    return x(x), lambda context, builder, signature, args: generate(builder, args[0])


@intrinsic
def expm1(typing_context: Any, x: Any) -> Any:
    """Return e^x - 1, exactly -1 for large negative x; beyond 2^+-80 (float64: 2^+-1000) e^x counts as that bound."""

    def generate(builder: Any, value: Any) -> Any:
        vector, single = value.type, _is_single(value.type)
        bound, mantissa, bias, bits, terms = (80.0, 23, 127, 32, 8) if single else (1000.0, 52, 1023, 64, 14)
        t = _clamped(builder, builder.fmul(value, _constant(vector, 1.0 / _LOG2)), bound)
        whole, summed = _rounded(builder, t, bias)
        fraction = builder.fsub(t, whole)
        integers = ir.VectorType(ir.IntType(bits), vector.count)
        shift = ir.Constant(integers, [mantissa] * vector.count)
        power = builder.bitcast(builder.shl(builder.bitcast(summed, integers), shift), vector)
        series = [_LOG2 ** (k + 1) / math.factorial(k + 1) for k in range(terms)]
        small = builder.fmul(fraction, _polynomial(builder, fraction, series), flags=FLAGS)
        rest = builder.fsub(power, _constant(vector, 1.0))
        return builder.fadd(builder.fmul(power, small, flags=FLAGS), rest, flags=FLAGS)

    return _elementwise(generate, x)


@intrinsic
def half_turns(typing_context: Any, x: Any) -> Any:
    """Return f with x / 2 = pi (f + a whole number), |f| <= 1/2; x beyond 2^22 turns (float64: 2^50) counts as that."""

    def generate(builder: Any, value: Any) -> Any:
        turns = builder.fmul(value, _constant(value.type, 0.5 / math.pi))
        turns = _clamped(builder, turns, 2.0 ** (22 if _is_single(value.type) else 50))
        return builder.fsub(turns, _rounded(builder, turns, 0.0)[0])

    return _elementwise(generate, x)


def _alternating(first: int, single: bool) -> list[float]:
    """Return the coefficients of the powers of f^2 in cos(pi f) (`first` 0) or sin(pi f) / f (1)."""
    terms = 7 if single else 12
    return [(-1.0) ** k * math.pi ** (2 * k + first) / math.factorial(2 * k + first) for k in range(terms)]


@intrinsic
def cosine(typing_context: Any, f: Any) -> Any:
    """Return cos(pi f) for |f| <= 1/2."""

    def generate(builder: Any, value: Any) -> Any:
        square = builder.fmul(value, value, flags=FLAGS)
        return _polynomial(builder, square, _alternating(0, _is_single(value.type)))

    return _elementwise(generate, f)


@intrinsic
def sine(typing_context: Any, f: Any) -> Any:
    """Return sin(pi f) for |f| <= 1/2."""

    def generate(builder: Any, value: Any) -> Any:
        square = builder.fmul(value, value, flags=FLAGS)
        return builder.fmul(value, _polynomial(builder, square, _alternating(1, _is_single(value.type))), flags=FLAGS)

    return _elementwise(generate, f)

"""Elementwise mathematics of the CfC on lanes: activations of the backbone and their slopes, comparisons, erf."""

import math
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import inlined, lean
from lnncmp.kernels.common.fast_math import LOG2E, exp2, magnitude, sigmoid, sigmoid2, tanh
from lnncmp.kernels.common.lanes import LanesType

ACTIVATIONS = {"silu": 0, "relu": 1, "tanh": 2, "gelu": 3, "lecun_tanh": 4}
"""Numbers by which the kernels know the activations."""
SILU, RELU, TANH, GELU, LECUN = range(5)
NEEDS_INPUT = ("silu", "gelu")
"""Activations whose slope does not follow from their value."""

LECUN_GAIN, LECUN_SLOPE = 1.7159, 0.666
_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)


@intrinsic
def positive(typing_context: Any, x: Any) -> Any:
    """Return 1 where x > 0, else 0 (also for NaN)."""
    if not isinstance(x, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        vector = args[0].type
        zero, one = (ir.Constant(vector, [value] * vector.count) for value in (0.0, 1.0))
        return builder.select(builder.fcmp_ordered(">", args[0], zero), one, zero)

    return x(x), generate


@intrinsic
def erf(typing_context: Any, x: Any) -> Any:
    """Return the error function of each lane, by the C library: exact, and slow because it has no vector form."""
    if not isinstance(x, LanesType):
        return None

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any]) -> Any:
        vector = args[0].type
        name = "erff" if isinstance(vector.element, ir.FloatType) else "erf"
        kind = ir.FunctionType(vector.element, [vector.element])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        result = args[0]
        for lane in range(vector.count):
            place = ir.Constant(ir.IntType(32), lane)
            value = builder.call(function, [builder.extract_element(args[0], place)])
            result = builder.insert_element(result, value, place)
        return result

    return x(x), generate


@lean
def _gelu(x: Any) -> Any:
    return x * ((erf(x * _ROOT_HALF) + 1.0) * 0.5)


@lean
def _gelu_slope(x: Any) -> Any:
    density = exp2(x * x * (-0.5 * LOG2E)) * _DENSITY
    return (erf(x * _ROOT_HALF) + 1.0) * 0.5 + x * density


@inlined
def activation(kind: int, x: Any) -> Any:
    """Return the activation of that number of lanes x."""
    if kind == LECUN:
        return sigmoid2(x * (-2.0 * LECUN_SLOPE * LOG2E)) * (2.0 * LECUN_GAIN) - LECUN_GAIN
    if kind == TANH:
        return tanh(x)
    if kind == SILU:
        return x * sigmoid(x)
    if kind == RELU:
        return (x + magnitude(x)) * 0.5
    return _gelu(x)


@inlined
def slope_at(kind: int, x: Any) -> Any:
    """Return the derivative at lanes x of the activations in NEEDS_INPUT."""
    if kind == SILU:
        s = sigmoid(x)
        return s * ((1.0 - s) * x + 1.0)
    return _gelu_slope(x)


@inlined
def slope_from(kind: int, value: Any) -> Any:
    """Return the derivative of the other activations from their value, in lanes."""
    if kind == LECUN:
        return LECUN_GAIN * LECUN_SLOPE - value * value * (LECUN_SLOPE / LECUN_GAIN)
    if kind == TANH:
        return 1.0 - value * value
    return positive(value)


@inlined
def gate(x: Any, bound: float) -> Any:
    """Return the logistic function of lanes x, and exactly 0 for x LOG2E below -bound, the reach of exp2.

    So the slope g (1 - g) is 0 there, and no elapsed time, however long, makes anything of it.
    """
    t = x * -LOG2E
    return sigmoid2(t) * positive(bound - t)


@inlined
def decay(x: Any, bound: float) -> Any:
    """Return e^x of lanes x, exactly 0 for x LOG2E below -bound."""
    t = x * LOG2E
    return exp2(t) * positive(t + bound)

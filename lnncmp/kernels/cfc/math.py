"""Elementwise mathematics of the CfC on lanes: activations of the backbone and their slopes."""

from typing import Any

from lnncmp.kernels.common.compiling import inlined
from lnncmp.kernels.common.fast_math import LOG2E, exp2, magnitude, positive, sigmoid, sigmoid2, tanh
from lnncmp.kernels.common.normal import normal

ACTIVATIONS = {"silu": 0, "relu": 1, "tanh": 2, "gelu": 3, "lecun_tanh": 4}
"""Numbers by which the kernels know the activations."""
SILU, RELU, TANH, GELU, LECUN = range(5)
NEEDS_INPUT = ("silu", "gelu")
"""Activations whose slope does not follow from their value."""

LECUN_GAIN, LECUN_SLOPE = 1.7159, 0.666


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
    return x * normal(x)[0]


@inlined
def slope_at(kind: int, x: Any) -> Any:
    """Return the derivative at lanes x of the activations in NEEDS_INPUT."""
    if kind == SILU:
        s = sigmoid(x)
        return s * ((1.0 - s) * x + 1.0)
    area, density = normal(x)
    return area + x * density


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

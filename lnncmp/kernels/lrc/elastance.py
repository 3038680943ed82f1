"""The elastance E of an LRC and the size q of its step, on lanes; see lnncmp.layers.lrc for the equations."""

from typing import Any

from lnncmp.kernels.common.compiling import part
from lnncmp.kernels.common.fast_math import above_one, sigmoid
from lnncmp.kernels.common.lanes import fill_like

NONE, ASYMMETRIC, SYMMETRIC = range(3)
"""Kinds of the elastance."""
KINDS = ("none", "asymmetric", "symmetric")


@part
def elastance(kind: int, eps: Any, c: float) -> Any:
    """Return E."""
    if kind == NONE:
        return fill_like(1.0, eps)
    if kind == ASYMMETRIC:
        return sigmoid(eps)
    return sigmoid(eps + c) - sigmoid(eps - c)


@part
def elastance_slopes(kind: int, eps: Any, c: float) -> Any:
    """Return E, dE/deps and dE/dc."""
    nothing = fill_like(0.0, eps)
    if kind == NONE:
        return fill_like(1.0, eps), nothing, nothing
    if kind == ASYMMETRIC:
        s = sigmoid(eps)
        return s, s * (1.0 - s), nothing
    high, low = sigmoid(eps + c), sigmoid(eps - c)
    of_high, of_low = high * (1.0 - high), low * (1.0 - low)
    return high - low, of_high - of_low, of_high + of_low


@part
def step_size(hybrid: bool, scale: Any, forget: Any) -> Any:
    """Return q for g = h E and s(f)."""
    product = scale * forget
    if hybrid:
        return scale / (product + 1.0)
    return above_one(product, 1.0 / forget, scale)


@part
def step_slopes(hybrid: bool, scale: Any, forget: Any) -> Any:
    """Return q, dq/dg and dq/ds(f)."""
    product = scale * forget
    if hybrid:
        ratio = 1.0 / (product + 1.0)
        q = scale * ratio
        return q, ratio * ratio, q * q * -1.0
    q = above_one(product, 1.0 / forget, scale)
    free = above_one(product, fill_like(0.0, scale), fill_like(1.0, scale))
    return q, free, q * q * (free - 1.0)

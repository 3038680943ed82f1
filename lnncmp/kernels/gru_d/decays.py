"""The decays of a GRU-D, elementwise: what the gates read, and what multiplies the state.

x^ = (m + (1 - m) exp(-max(0, w age + b))) x for V measured variables; see lnncmp.layers.gru_d.

Legend of shapes: S copies, R = B T rows of a copy, I inputs, V measured variables; all arrays are flat.
"""

import math

from lnncmp.kernels.blocks.rows import place
from lnncmp.kernels.common.compiling import Array, inlined, lean_kernel

Size = tuple[int, int, int]
"""R, I, V."""


@inlined
def _decayed(argument: float) -> float:
    """Return exp(-max(0, argument)), NaN for NaN."""
    return 1.0 if argument <= 0.0 else math.exp(-argument)


@lean_kernel
def enter(
    first: int, end: int, size: Size, x: Array, dt: Array, weight: Array, bias: Array, driven: Array, elapsed: Array
) -> None:
    """Compute the tiles from `first` to `end`: what the gates read (S R, I - V), ages and elapsed time (S R, V + 1).

    x (S R, I): values, masks, ages, others; weight and bias (S, V).
    """
    rows, inputs, measured = size
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            at, into, times = r * inputs, r * (inputs - measured), r * (measured + 1)
            for v in range(measured):
                own, mask, age = copy * measured + v, x[at + measured + v], x[at + 2 * measured + v]
                decay = _decayed(age * weight[own] + bias[own])
                driven[into + v] = x[at + v] * (mask + (1.0 - mask) * decay)
                driven[into + measured + v], elapsed[times + v] = mask, age
            for k in range(3 * measured, inputs):
                driven[into + k - measured] = x[at + k]
            elapsed[times + measured] = dt[r]


@lean_kernel
def enter_back(
    first: int, end: int, size: Size, x: Array, weight: Array, bias: Array, d_driven: Array, sums: Array
) -> None:
    """Compute the tiles from `first` to `end`: the sums (tiles, 2, V) of the gradients of weight and bias."""
    rows, inputs, measured = size
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        for v in range(measured):
            own, of_weight, of_bias = copy * measured + v, 0.0, 0.0
            for r in range(begin, begin + count):
                at = r * inputs
                age = x[at + 2 * measured + v]
                argument = age * weight[own] + bias[own]
                if not argument <= 0.0:
                    come = d_driven[r * (inputs - measured) + v] * x[at + v] * (1.0 - x[at + measured + v])
                    come *= -math.exp(-argument)
                    of_weight, of_bias = of_weight + come * age, of_bias + come
            sums[tile * 2 * measured + v], sums[(tile * 2 + 1) * measured + v] = of_weight, of_bias


@lean_kernel
def decay(first: int, end: int, rows: int, width: int, wide: int, arguments: Array, factors: Array) -> None:
    """Compute the tiles from `first` to `end`: exp(-max(0, .)) (S R, H) of arguments (S R, N)."""
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(width):
                factors[r * width + n] = _decayed(arguments[r * wide + n])


@lean_kernel
def decay_back(
    first: int,
    end: int,
    rows: int,
    width: int,
    wide: int,
    arguments: Array,
    factors: Array,
    d_factors: Array,
    d_arguments: Array,
) -> None:
    """Compute the tiles from `first` to `end`: the gradient of the arguments (S R, N), 0 where nothing decays."""
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(width):
                own, at = r * width + n, r * wide + n
                d_arguments[at] = 0.0 if arguments[at] <= 0.0 else -factors[own] * d_factors[own]
            for n in range(width, wide):
                d_arguments[r * wide + n] = 0.0

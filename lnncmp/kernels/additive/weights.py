"""Weights of additive networks as their kernels use them, and from their gradients those of the parameters.

Inputs are read as rows [x, 1] by E (I + 1, N), whose last row is the bias.

Legend of shapes: S copies, B batch, T steps, I inputs, H hidden units, N = H padded to whole narrow vectors, K solver
steps of an observation, Q stages of a solver step, R rows of a tile; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel
from lnncmp.kernels.common.tiles import TILE, total_of_blocks

Size = tuple[int, int, int, int, int, int, int, int]
"""S, B, T, I, H, N, K, Q."""
Units = tuple[Array, Array, Array, Array]
"""c, r, the longest step, and 1 / r where that is the limit / r (else 0), each (S, N)."""


@kernel
def prepare(
    size: Size,
    limit: float,
    least: float,
    w: Array,
    bias: Array,
    u: Array,
    scale: Array,
    rate: Array,
) -> tuple[Units, Array, Array]:
    """Return the units, the recurrent weights (S, H, N) by source and E (S, I + 1, N).

    w (S, H, I), u (S, H, H), bias, scale, rate (S, H); the longest step is limit / max(rate, least).
    """
    copies, _, _, inputs, width, padded, _, _ = size
    kind = w.dtype
    c, r, longest = np.zeros(copies * padded, kind), np.zeros(copies * padded, kind), np.zeros(copies * padded, kind)
    inverse, acting = np.zeros(copies * padded, kind), np.zeros(copies * width * padded, kind)
    driving = np.zeros(copies * (inputs + 1) * padded, kind)
    for s in range(copies):
        for n in range(width):
            here, there, e = s * width + n, s * padded + n, s * (inputs + 1) * padded + n
            c[there], r[there] = scale[here], rate[here]
            longest[there] = limit / max(rate[here], least)
            if rate[here] >= least:
                inverse[there] = 1.0 / rate[here]
            for k in range(inputs):
                driving[e + k * padded] = w[here * inputs + k]
            driving[e + inputs * padded] = bias[here]
            for k in range(width):
                acting[(s * width + k) * padded + n] = u[here * width + k]
    return (c, r, longest, inverse), acting, driving


@kernel
def finish(size: Size, sums: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
    """Return the gradients of w, bias, u, scale and rate, from the sums that the backward kernel leaves."""
    copies, batch, _, inputs, width, padded, _, _ = size
    blocks, kind = -(-batch // TILE), sums[0].dtype
    d_w, d_bias = np.empty(copies * width * inputs, kind), np.empty(copies * width, kind)
    d_u, d_scale = np.empty(copies * width * width, kind), np.empty(copies * width, kind)
    d_rate = np.empty(copies * width, kind)
    for s in range(copies):
        of_recurrent = total_of_blocks(blocks, s, width * padded, sums[0])
        of_driving = total_of_blocks(blocks, s, (inputs + 1) * padded, sums[1])
        of_units = total_of_blocks(blocks, s, 2 * padded, sums[2])
        for n in range(width):
            at = s * width + n
            for k in range(inputs):
                d_w[at * inputs + k] = of_driving[k * padded + n]
            d_bias[at] = of_driving[inputs * padded + n]
            for k in range(width):
                d_u[at * width + k] = of_recurrent[k * padded + n]
            d_scale[at], d_rate[at] = of_units[n], of_units[padded + n]
    return d_w, d_bias, d_u, d_scale, d_rate

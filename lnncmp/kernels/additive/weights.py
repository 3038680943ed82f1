"""Weights of additive networks as their kernels use them, and from their gradients those of the parameters.

Inputs are read as rows [x, 1] by E (I + 1, N), whose last row is the bias.

Legend of shapes: S copies, B batch, T steps, I inputs, H hidden units, N = H padded to whole narrow vectors, K solver
steps of an observation, Q stages of a solver step, R rows of a tile; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, lean_kernel
from lnncmp.kernels.common.synapses import softplus, softplus_slope
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.tiles import total_of_blocks

Size = tuple[int, int, int, int, int, int, int, int]
"""S, B, T, I, H, N, K, Q."""
Units = tuple[Array, Array, Array, Array]
"""c, r, the longest step, and 1 / r where that is the limit / r (else 0), each (S, N)."""


@lean_kernel
def share(dt: Array, unfolds: int, lengths: Array) -> None:
    """Write the lengths of solver steps, of which an elapsed time has `unfolds`."""
    for k in range(dt.size):
        lengths[k] = dt[k] / unfolds


@kernel
def prepare(
    size: Size,
    limits: tuple[float, float],
    w: Array,
    biases: Arrays,
    u: Array,
    scale: Array,
    raw: Array,
    fixed: float,
) -> tuple[Units, Array, Array]:
    """Return the units, the recurrent weights (S, H, N) by source and E (S, I + 1, N).

    w (S, H, I), u (S, H, H), biases whose sum acts and scale (S, H); scale may be empty: 1. The rate is the softplus of
    `raw` (S, H) or, where that is empty, `fixed`. The longest step is limits[0] / max(rate, limits[1]).
    """
    limit, least = limits
    copies, _, _, inputs, width, padded, _, _ = size
    kind = w.dtype
    c, r, longest = np.zeros(copies * padded, kind), np.zeros(copies * padded, kind), np.zeros(copies * padded, kind)
    inverse, acting = np.zeros(copies * padded, kind), np.zeros(copies * width * padded, kind)
    driving = np.zeros(copies * (inputs + 1) * padded, kind)
    for s in range(copies):
        for n in range(width):
            here, there, e = s * width + n, s * padded + n, s * (inputs + 1) * padded + n
            rate = softplus(raw[here]) if raw.size > 0 else fixed
            c[there], r[there] = scale[here] if scale.size > 0 else 1.0, rate
            longest[there] = limit / max(rate, least)
            if rate >= least:
                inverse[there] = 1.0 / rate
            for k in range(inputs):
                driving[e + k * padded] = w[here * inputs + k]
            for own in biases:
                driving[e + inputs * padded] += own[here]
            for k in range(width):
                acting[(s * width + k) * padded + n] = u[here * width + k]
    return (c, r, longest, inverse), acting, driving


@kernel
def finish(size: Size, raw: Array, sums: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
    """Return the gradients of w, a bias, u, scale and raw rate, from the sums that the backward kernel leaves."""
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
            d_scale[at] = of_units[n]
            d_rate[at] = of_units[padded + n] * softplus_slope(raw[at]) if raw.size > 0 else 0.0
    return d_w, d_bias, d_u, d_scale, d_rate

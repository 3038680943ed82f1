"""Weights of the liquid layer as its kernels use them, and from their gradients those of the parameters.

The affine map of the inputs is part of the weights: with rows [x, 1] the inputs give [x, 1] E to the gates' arguments,
E_in = input_w_i U_in, and in its last row bias_n + sum_i input_b_i U_in.

Legend of shapes: S copies, B batch, T steps, I inputs, H neurons, P sources, N = H padded to whole narrow vectors,
K unfolds, R rows of a tile; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel
from lnncmp.kernels.common.synapses import softplus, softplus_slope
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.tiles import total_of_blocks

Size = tuple[int, int, int, int, int, int, int]
"""S, B, T, I, H, N, K."""
Neurons = tuple[Array, Array, Array]
"""1 / tau, k and A, each (S, N)."""


@kernel
def prepare(
    size: Size, neurons: Neurons, bias: Array, recurrent: tuple[Array, Array], sensory: tuple[Array, ...]
) -> tuple[Neurons, Array, Array]:
    """Return the neurons as they act, the recurrent weights (S, H, N) and E (S, I + 1, N).

    neurons: raw rate, raw conductance, reversal (S, H); recurrent: weights and mask (S, H, H); sensory: weights and
    mask (S, I, H), input_w, input_b (S, I).
    """
    copies, _, _, inputs, width, padded, _ = size
    rate, conductance = np.zeros(copies * padded, bias.dtype), np.zeros(copies * padded, bias.dtype)
    reversal = np.zeros(copies * padded, bias.dtype)
    acting = np.zeros(copies * width * padded, bias.dtype)
    driving = np.zeros(copies * (inputs + 1) * padded, bias.dtype)
    for s in range(copies):
        for n in range(width):
            here, there = s * width + n, s * padded + n
            rate[there], conductance[there] = softplus(neurons[0][here]), softplus(neurons[1][here])
            reversal[there] = neurons[2][here]
        for p in range(width):
            for n in range(width):
                here = (s * width + p) * width + n
                if recurrent[1][here]:
                    acting[(s * width + p) * padded + n] = recurrent[0][here]
        last = (s * (inputs + 1) + inputs) * padded
        for n in range(width):
            driving[last + n] = bias[s * width + n]
        for i in range(inputs):
            for n in range(width):
                here = (s * inputs + i) * width + n
                if sensory[1][here]:
                    weight = sensory[0][here]
                    driving[(s * (inputs + 1) + i) * padded + n] = sensory[2][s * inputs + i] * weight
                    driving[last + n] += sensory[3][s * inputs + i] * weight
    return (rate, conductance, reversal), acting, driving


@kernel
def transpose(copies: int, rows: int, used: int, columns: int, padded: int, width: int, matrix: Array) -> Array:
    """Return (S, columns, width) with the transposed of the first `used` rows of (S, rows, padded), then zeros."""
    turned = np.zeros(copies * columns * width, matrix.dtype)
    for s in range(copies):
        for r in range(used):
            for c in range(columns):
                turned[(s * columns + c) * width + r] = matrix[(s * rows + r) * padded + c]
    return turned


@kernel
def finish(
    size: Size,
    raw: tuple[Array, Array],
    conductance: Array,
    recurrent_mask: Array,
    sensory: tuple[Array, Array, Array, Array],
    sums: tuple[Array, Array, Array],
) -> tuple[Array, ...]:
    """Return the gradients of raw rate, raw conductance, reversal, bias, both weights, input_w and input_b.

    raw: rate and conductance (S, H), conductance as it acts (S, N); sensory: weights, mask (S, I, H), input_w,
    input_b (S, I); sums as the backward kernel leaves them.
    """
    copies, batch, _, inputs, width, padded, _ = size
    blocks, kind = -(-batch // TILE), conductance.dtype
    d_rate, d_conductance = np.empty(copies * width, kind), np.empty(copies * width, kind)
    d_reversal, d_bias = np.empty(copies * width, kind), np.empty(copies * width, kind)
    d_recurrent, d_sensory = np.zeros(copies * width * width, kind), np.zeros(copies * inputs * width, kind)
    d_input_w, d_input_b = np.zeros(copies * inputs, kind), np.zeros(copies * inputs, kind)
    for s in range(copies):
        of_recurrent = total_of_blocks(blocks, s, width * padded, sums[0])
        of_driving = total_of_blocks(blocks, s, (inputs + 1) * padded, sums[1])
        of_neurons = total_of_blocks(blocks, s, 3 * padded, sums[2])
        last = inputs * padded
        for n in range(width):
            at = s * width + n
            d_rate[at] = of_neurons[n] * softplus_slope(raw[0][at])
            d_conductance[at] = of_neurons[padded + n] * softplus_slope(raw[1][at])
            d_reversal[at] = of_neurons[2 * padded + n] * conductance[s * padded + n]
            d_bias[at] = of_driving[last + n]
        for p in range(width):
            for n in range(width):
                at = (s * width + p) * width + n
                if recurrent_mask[at]:
                    d_recurrent[at] = of_recurrent[p * padded + n]
        for i in range(inputs):
            one = s * inputs + i
            for n in range(width):
                at = one * width + n
                if sensory[1][at]:
                    scaled, shared = of_driving[i * padded + n], of_driving[last + n]
                    d_sensory[at] = sensory[2][one] * scaled + sensory[3][one] * shared
                    d_input_w[one] += sensory[0][at] * scaled
                    d_input_b[one] += sensory[0][at] * shared
    return d_rate, d_conductance, d_reversal, d_bias, d_recurrent, d_sensory, d_input_w, d_input_b

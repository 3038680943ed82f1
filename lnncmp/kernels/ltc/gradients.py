"""Before and after the backward pass of the LTC: its lists, and gradients of the raw parameters.

Legend of shapes: S copies, I inputs, N neurons, P sources, J targets; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, part
from lnncmp.kernels.common.sample_lanes import sums_of_tile
from lnncmp.kernels.common.synapses import SUMS, by_source, listed, softplus, softplus_slope, spread_gradients


@kernel
def prepare_backward(
    copies: int,
    inputs: int,
    width: int,
    positive: bool,
    epsilon: float,
    cm: Array,
    recurrent: Arrays,
    sensory: Arrays,
) -> tuple[Array, Arrays, Array, Arrays, Array]:
    """Return cm + eps and, sensory then recurrent, synapses as (start, target, numbers) and their places.

    recurrent, sensory: mask, sigma, mu, w, erev, each (S, P, J).
    """
    capacitance = np.empty_like(cm)
    for k in range(cm.size):
        capacitance[k] = (softplus(cm[k]) if positive else cm[k]) + epsilon
    start, target, place = by_source(sensory[0], copies, inputs, width)
    sensed = start, target, listed(place, sensory[1], sensory[2], sensory[3], sensory[4], positive, True)
    first, towards, position = by_source(recurrent[0], copies, width, width)
    wired = first, towards, listed(position, recurrent[1], recurrent[2], recurrent[3], recurrent[4], positive, True)
    return capacitance, sensed, place, wired, position


@part
def _spread(
    blocks: int,
    copies: int,
    sources: int,
    start: Array,
    place: Array,
    sums: Array,
    raw: Arrays,
    positive: bool,
    gradients: Array,
) -> None:
    """Add up the tiles of each copy in order, in the first one's place, and write the gradients (4, S, P, J)."""
    for s in range(copies):
        starts = start[s * (sources + 1) : (s + 1) * (sources + 1)]
        together = sums_of_tile(sums, SUMS, starts, blocks, 0)
        for block in range(1, blocks):
            together += sums_of_tile(sums, SUMS, starts, blocks, block)
        spread_gradients(place, starts[0], starts[-1], together, raw[1], raw[2], raw[3], raw[4], positive, gradients)


@kernel
def finish(
    blocks: int,
    inputs: int,
    width: int,
    positive: bool,
    neurons: Arrays,
    sensory: Arrays,
    sensory_start: Array,
    sensory_place: Array,
    recurrent: Arrays,
    start: Array,
    place: Array,
    sums: Arrays,
    gradients: Arrays,
) -> None:
    """Write the gradients of the raw parameters from the sums of `backward`.

    neurons: cm, gleak, vleak (S, N), raw. gradients: sensory (4, S, I, N) and recurrent (4, S, N, N), each of sigma,
    mu, w, erev (zeros before), of neurons (3, S, N): cm, gleak, vleak, and of the inputs' map (2, S, I): w, b.
    """
    copies = neurons[0].size // width
    _spread(blocks, copies, inputs, sensory_start, sensory_place, sums[0], sensory, positive, gradients[0])
    _spread(blocks, copies, width, start, place, sums[1], recurrent, positive, gradients[1])
    each, flat = 3 * width + 2 * inputs, copies * width
    for s in range(copies):
        together = np.zeros(each, sums[2].dtype)
        for tile in range(s * blocks, (s + 1) * blocks):
            together += sums[2][tile * each : (tile + 1) * each]
        for n in range(width):
            at = s * width + n
            cm, gleak = neurons[0][at], neurons[1][at]
            num, den = together[n], together[width + n]
            gradients[2][at] = together[2 * width + n] * (softplus_slope(cm) if positive else 1.0)
            leak = num * neurons[2][at] + den
            gradients[2][flat + at] = leak * (softplus_slope(gleak) if positive else 1.0)
            gradients[2][2 * flat + at] = num * (softplus(gleak) if positive else gleak)
        for i in range(inputs):
            gradients[3][s * inputs + i] = together[3 * width + i]
            gradients[3][(copies + s) * inputs + i] = together[3 * width + inputs + i]

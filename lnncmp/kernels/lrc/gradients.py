"""Before and after the backward pass of the LRC: its lists, and gradients of the raw parameters.

Legend of shapes: S copies, I inputs, N neurons, P sources, J targets; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, kernel
from lnncmp.kernels.common.synapses import by_source, softplus_slope
from lnncmp.kernels.lrc.backward import NEURON_SUMS
from lnncmp.kernels.lrc.synapses import lrc_listed, lrc_spread


@kernel
def prepare_backward(
    copies: int, inputs: int, width: int, positive: bool, sensory: Arrays, recurrent: Arrays
) -> tuple[Arrays, Array, Arrays, Array]:
    """Return sensory then recurrent synapses as (start, target, numbers), and their places.

    recurrent, sensory: mask, sigma, mu, w, h, a, each (S, P, J), the last empty if absent.
    """
    start, target, place = by_source(sensory[0], copies, inputs, width)
    sensed = start, target, lrc_listed(place, sensory, positive)
    first, towards, position = by_source(recurrent[0], copies, width, width)
    wired = first, towards, lrc_listed(position, recurrent, positive)
    return sensed, place, wired, position


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
    """Write the gradients of the raw parameters from the sums of the backward kernel.

    neurons: gleak, vleak, b, c (S, N), raw. gradients: sensory (5, S, I, N) and recurrent (5, S, N, N), each of sigma,
    mu, w, h, a (zeros before), of neurons (4, S, N): gleak, vleak, b, c, and of the inputs' map (2, S, I): w, b.
    """
    copies = neurons[0].size // width
    lrc_spread(blocks, copies, inputs, sensory_start, sensory_place, sums[0], sensory, positive, gradients[0])
    lrc_spread(blocks, copies, width, start, place, sums[1], recurrent, positive, gradients[1])
    each, flat = NEURON_SUMS * width + 2 * inputs, copies * width
    for s in range(copies):
        together = np.zeros(each, sums[2].dtype)
        for tile in range(s * blocks, (s + 1) * blocks):
            together += sums[2][tile * each : (tile + 1) * each]
        for n in range(width):
            at = s * width + n
            for k in range(NEURON_SUMS):
                gradients[2][k * flat + at] = together[k * width + n]
            if positive:
                gradients[2][at] *= softplus_slope(neurons[0][at])
                if neurons[3].size:
                    gradients[2][3 * flat + at] *= softplus_slope(neurons[3][at])
        for i in range(inputs):
            gradients[3][s * inputs + i] = together[NEURON_SUMS * width + i]
            gradients[3][(copies + s) * inputs + i] = together[NEURON_SUMS * width + inputs + i]

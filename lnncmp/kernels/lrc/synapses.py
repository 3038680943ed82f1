"""Synapses of an LRC as lists: five numbers each, and five sums for their gradients (see common.synapses).

With t = slope x + offset a synapse is open by s = 1 / (1 + 2^t). Its numbers are slope, offset, w, h and a; synapses
are in the order of targets forward and of sources backward.

Legend of shapes: S copies, P sources, J targets, E synapses of all copies; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, part
from lnncmp.kernels.common.fast_math import LOG2E
from lnncmp.kernels.common.lane_sums import PARTS, summed
from lnncmp.kernels.common.sample_lanes import sums_of_tile
from lnncmp.kernels.common.synapses import softplus, softplus_slope

SLOTS = 5
"""Numbers for each synapse in the lists of parameters."""
SUMS = 5 * PARTS
"""Numbers for each synapse in the sums for gradients: partial sums of five."""


@part
def lrc_listed(place: Array, raw: Arrays, positive: bool) -> Array:
    """Return slope, offset, w, h, a of each synapse (E, 5); raw: mask, sigma, mu, w, h, a, the last empty if absent.

    `positive` maps w by softplus first.
    """
    _, sigma, mu, w, h, a = raw
    numbers = np.empty(place.size * SLOTS, sigma.dtype)
    for e in range(place.size):
        at, k = place[e], SLOTS * e
        numbers[k] = -sigma[at] * LOG2E
        numbers[k + 1] = sigma[at] * mu[at] * LOG2E
        numbers[k + 2] = softplus(w[at]) if positive else w[at]
        numbers[k + 3] = h[at]
        numbers[k + 4] = a[at] if a.size else 0.0
    return numbers


@part
def lrc_spread(
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
    """Add up the tiles of each copy in order, in the first one's place, and write the gradients (5, S, P, J).

    sums, SUMS for each synapse, over time, solver steps and batch: parts of s dz, s df, r, r x, x deps, where dz, df,
    deps are the gradients of the target's z, f and eps and r = s (1 - s) (h dz + w df).
    gradients: of sigma, mu, w, h, a.
    """
    _, sigma, mu, w, _, _ = raw
    size = sigma.size
    for s in range(copies):
        starts = start[s * (sources + 1) : (s + 1) * (sources + 1)]
        together = sums_of_tile(sums, SUMS, starts, blocks, 0)
        for block in range(1, blocks):
            together += sums_of_tile(sums, SUMS, starts, blocks, block)
        for e in range(starts[0], starts[-1]):
            at, k = place[e], SUMS * (e - starts[0])
            of_r = summed(together, k + 2 * PARTS)
            gradients[at] = summed(together, k + 3 * PARTS) - mu[at] * of_r
            gradients[size + at] = -sigma[at] * of_r
            gradients[2 * size + at] = summed(together, k + PARTS) * (softplus_slope(w[at]) if positive else 1.0)
            gradients[3 * size + at] = summed(together, k)
            gradients[4 * size + at] = summed(together, k + 4 * PARTS)

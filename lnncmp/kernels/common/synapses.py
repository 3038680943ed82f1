"""Synapses as lists: what an LTC evaluates is proportional to the synapses that exist, dense or sparse.

Kernels read four numbers for each synapse. With t = slope v + offset, a synapse is open by s = 1 / (1 + 2^t):
    slope = -sigma log2(e),   offset = sigma mu log2(e)
Forward, synapses are in the order of their targets: slope, offset, w, w erev. Backward, in the order of their
sources: slope, offset, w sigma, erev.

Legend of shapes: S copies, P sources, J targets, E synapses of all copies; all arrays are flat.
"""

import math

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, lean, part
from lnncmp.kernels.common.fast_math import LOG2E, pair_reach
from lnncmp.kernels.common.lane_sums import PARTS, summed
from lnncmp.kernels.common.lanes import count, fill_like, load_like
from lnncmp.kernels.common.limits import any_above, larger

SLOTS = 4
"""Numbers for each synapse in the lists of parameters."""
SUMS = 4 * PARTS
"""Numbers for each synapse in the sums for gradients: partial sums of four."""


@part
def softplus(x: float) -> float:
    """Return log(1 + e^x) as torch does: x itself above 20."""
    return x if x > 20.0 else math.log1p(math.exp(x))


@part
def softplus_slope(x: float) -> float:
    """Return the derivative of softplus as torch does: the logistic function, 1 above 20."""
    return 1.0 if x > 20.0 else 1.0 / (1.0 + math.exp(-x))


@part
def count_synapses(mask: Array) -> int:
    """Return E, the number of entries of `mask` (S, P, J) that are not 0."""
    found = 0
    for entry in mask:
        found += entry != 0
    return found


@part
def by_target(mask: Array, copies: int, sources: int, targets: int) -> Arrays:
    """Return start (S (J + 1)), source (E) and place (E), its position in (S, P, J), in the order of targets.

    The synapses of target j of copy s are those from start[s (J + 1) + j] to start[s (J + 1) + j + 1].
    """
    found = count_synapses(mask)
    start = np.empty(copies * (targets + 1), np.int64)
    source, place = np.empty(found, np.int64), np.empty(found, np.int64)
    e = 0
    for s in range(copies):
        for j in range(targets):
            start[s * (targets + 1) + j] = e
            for i in range(sources):
                at = (s * sources + i) * targets + j
                if mask[at]:
                    source[e], place[e] = i, at
                    e += 1
        start[s * (targets + 1) + targets] = e
    return start, source, place


@part
def by_source(mask: Array, copies: int, sources: int, targets: int) -> Arrays:
    """Return start (S (P + 1)), target (E) and place (E), as `by_target` does, in the order of sources."""
    found = count_synapses(mask)
    start = np.empty(copies * (sources + 1), np.int64)
    target, place = np.empty(found, np.int64), np.empty(found, np.int64)
    e = 0
    for s in range(copies):
        for i in range(sources):
            start[s * (sources + 1) + i] = e
            for j in range(targets):
                at = (s * sources + i) * targets + j
                if mask[at]:
                    target[e], place[e] = j, at
                    e += 1
        start[s * (sources + 1) + sources] = e
    return start, target, place


@part
def listed(place: Array, sigma: Array, mu: Array, w: Array, erev: Array, positive: bool, back: bool) -> Array:
    """Return slope, offset, then w and w erev, or if `back` w sigma and erev, of each synapse (E, 4).

    `positive` maps w by softplus first.
    """
    numbers = np.empty(place.size * SLOTS, sigma.dtype)
    for e in range(place.size):
        at = place[e]
        weight = softplus(w[at]) if positive else w[at]
        numbers[SLOTS * e] = -sigma[at] * LOG2E
        numbers[SLOTS * e + 1] = sigma[at] * mu[at] * LOG2E
        numbers[SLOTS * e + 2] = weight * sigma[at] if back else weight
        numbers[SLOTS * e + 3] = erev[at] if back else weight * erev[at]
    return numbers


@lean
def reach_of(listed: Array, first: int, end: int) -> float:
    """Return the square of |v| up to which no synapse from first to end has a t beyond the bounds of `two_sigmoids2`.

    It is 1e30 at most, so that squares of the v that are within reach are finite, and -1 if no v is within reach.
    """
    reach, bound = 1e15, pair_reach(listed)
    for e in range(first, end):
        room = bound - abs(listed[SLOTS * e + 1])
        reach = min(reach, room / abs(listed[SLOTS * e]) if room > 0.0 else -1.0)
    return reach * abs(reach)


@lean
def all_within(like: Array, reach: float, sources: int, v: Array) -> bool:
    """Return whether v^2 <= reach for all v (P, W)."""
    lanes = count(like)
    peak = fill_like(0.0, like)
    for i in range(sources):
        potential = load_like(v, i * lanes, like)
        peak = larger(potential * potential, peak)
    return not any_above(peak, reach)


@part
def spread_gradients(
    place: Array,
    first: int,
    end: int,
    sums: Array,
    sigma: Array,
    mu: Array,
    w: Array,
    erev: Array,
    positive: bool,
    gradients: Array,
) -> None:
    """Write the gradients of synapses first to end into gradients (4, S, P, J): of sigma, mu, w, erev.

    sums (end - first, SUMS) over time, solver steps and batch: parts of s gnum, q, r, r v with
    q = s (erev gnum + gden), r = q (1 - s), where gnum and gden are the gradients of the target's num and den.
    """
    size = sigma.size
    for e in range(first, end):
        at, k = place[e], SUMS * (e - first)
        of_gnum, of_q, of_r, of_rv = (
            summed(sums, k), summed(sums, k + PARTS), summed(sums, k + 2 * PARTS), summed(sums, k + 3 * PARTS)
        )  # fmt: skip
        weight = softplus(w[at]) if positive else w[at]
        slope = softplus_slope(w[at]) if positive else 1.0
        gradients[at] = weight * (of_rv - mu[at] * of_r)
        gradients[size + at] = -weight * sigma[at] * of_r
        gradients[2 * size + at] = of_q * slope
        gradients[3 * size + at] = weight * of_gnum

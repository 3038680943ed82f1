"""Adjoints of one solver step of the LTC (see lnncmp.kernels.ltc.forward), sigmoids computed again.

Let g be the gradient of v' = v + h (num - den v) R with R = 1 / (cm + eps + h den). Then
    gnum = g h R,   gden = -gnum v',   dv = g (cm + eps) R + what the synapses of v pass on,   dcm = -g (v' - v) R
and for each synapse i -> j, with s = sigmoid(sigma (v_i - mu)), q = s (erev gnum_j + gden_j) and r = q (1 - s):
    dw = sum q,   derev = w sum s gnum_j,   dsigma = w (sum r v_i - mu sum r),   dmu = -w sigma sum r,
    dv_i += w sigma r
Only four sums per synapse, over batch, time and solver steps, are accumulated (see synapses.spread_gradients).

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

from lnncmp.kernels.common.compiling import Array, Arrays, inlined, lean
from lnncmp.kernels.common.fast_math import sigmoid2, two_sigmoids2
from lnncmp.kernels.common.lane_sums import add_four_parts
from lnncmp.kernels.common.lanes import count, load_like, prefetch, store
from lnncmp.kernels.common.synapses import SLOTS, SUMS, all_within


@inlined
def _pass_one(
    s: Array, v: Array, dv: Array, num: Array, den: Array, listed: Array, k: int, sums: Array, at: int
) -> Array:
    """Return dv of a source v with what one synapse passes on, which is open by s; num, den: those of its target."""
    q = (num * listed[k + 3] + den) * s
    r = q - s * q
    add_four_parts(sums, at, s * num, q, r, r * v)
    passed_on: Array = dv + r * listed[k + 2]
    return passed_on


@lean
def pass_on(
    like: Array,
    synapses: Arrays,
    reach: float,
    sources: int,
    v: Array,
    gnum: Array,
    gden: Array,
    dv: Array,
    sums: Array,
) -> None:
    """Add to dv (P, W) and to `sums`, SUMS for each synapse, what the synapses of all sources v (P, W) pass on."""
    start, target, listed = synapses
    lanes, at, known = count(like), 0, all_within(like, reach, sources, v)
    for i in range(sources):
        e, end = start[i], start[i + 1]
        potential, gradient = load_like(v, i * lanes, like), load_like(dv, i * lanes, like)
        while e + 1 < end:
            k, j, later = SLOTS * e, target[e] * lanes, target[e + 1] * lanes
            t, u = potential * listed[k] + listed[k + 1], potential * listed[k + 4] + listed[k + 5]
            s, z = two_sigmoids2(t, u, known)
            num, den = load_like(gnum, j, like), load_like(gden, j, like)
            gradient = _pass_one(s, potential, gradient, num, den, listed, k, sums, at)
            num, den = load_like(gnum, later, like), load_like(gden, later, like)
            gradient = _pass_one(z, potential, gradient, num, den, listed, k + SLOTS, sums, at + SUMS)
            e, at = e + 2, at + 2 * SUMS
        if e < end:
            k, j = SLOTS * e, target[e] * lanes
            s = sigmoid2(potential * listed[k] + listed[k + 1])
            num, den = load_like(gnum, j, like), load_like(gden, j, like)
            gradient = _pass_one(s, potential, gradient, num, den, listed, k, sums, at)
            at += SUMS
        store(dv, i * lanes, gradient)


@lean
def step_back(
    like: Array,
    capacitance: Array,
    h: Array,
    before: Array,
    after: Array,
    ratios: Array,
    dv: Array,
    gnum: Array,
    gden: Array,
    totals: Arrays,
) -> None:
    """Turn dv (N, W) after a solver step into its direct part before it; write gnum, gden.

    capacitance (N) is cm + eps; totals (each (N, W)) of gnum, gden and the gradient of cm are added to.
    """
    lanes = count(like)
    num_sum, den_sum, cm_sum = totals
    for j in range(capacitance.size):
        o = j * lanes
        prefetch(before, o - before.size, like)  # for the solver step before
        prefetch(ratios, o - before.size, like)
        later = load_like(after, o, like)
        scaled = load_like(dv, o, like) * load_like(ratios, o, like)
        num = scaled * h
        den = num * later * -1.0
        store(gnum, o, num)
        store(gden, o, den)
        store(num_sum, o, load_like(num_sum, o, like) + num)
        store(den_sum, o, load_like(den_sum, o, like) + den)
        store(cm_sum, o, load_like(cm_sum, o, like) - scaled * (later - load_like(before, o, like)))
        store(dv, o, scaled * capacitance[j])

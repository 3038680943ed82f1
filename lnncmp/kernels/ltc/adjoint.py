"""Adjoints of one solver step of the LTC (see lnncmp.kernels.ltc.forward), sigmoids computed again.

Let g be the gradient of v' = v + h (num - den v) R with R = 1 / (cm + eps + h den). Then
    gnum = g h R,   gden = -gnum v',   dv = g (cm + eps) R + what the synapses of v pass on,   dcm = -g (v' - v) R
and for each synapse i -> j, with s = sigmoid(sigma (v_i - mu)), q = s (erev gnum_j + gden_j) and r = q (1 - s):
    dw = sum q,   derev = w sum s gnum_j,   dsigma = w (sum r v_i - mu sum r),   dmu = -w sigma sum r,
    dv_i += w sigma r
Only four sums per synapse, over batch, time and solver steps, are accumulated (see synapses.spread_gradients).

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

from lnncmp.kernels.common.compiling import Array, Arrays, part
from lnncmp.kernels.common.fast_math import sigmoid2
from lnncmp.kernels.common.lanes import add_four_totals, count, load_like, store
from lnncmp.kernels.common.synapses import SLOTS


@part
def pass_on(
    like: Array,
    synapses: Arrays,
    sources: int,
    v: Array,
    gnum: Array,
    gden: Array,
    dv: Array,
    sums: Array,
) -> None:
    """Add to dv (P, W) and to `sums`, four for each synapse, what the synapses of all sources v (P, W) pass on."""
    lanes = count(like)
    start, target, listed = synapses
    base = SLOTS * start[0]
    for i in range(sources):
        if start[i] == start[i + 1]:
            continue
        potential, gradient = load_like(v, i * lanes, like), load_like(dv, i * lanes, like)
        for e in range(start[i], start[i + 1]):
            k, j = SLOTS * e, target[e] * lanes
            s = sigmoid2(potential * listed[k] + listed[k + 1])
            num = load_like(gnum, j, like)
            q = (num * listed[k + 3] + load_like(gden, j, like)) * s
            r = q - s * q
            gradient = gradient + r * listed[k + 2]
            add_four_totals(sums, k - base, s * num, q, r, r * potential)
        store(dv, i * lanes, gradient)


@part
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

"""Adjoints of one solver step of the LRC, sigmoids of synapses computed again.

With m = tanh(z) vleak - s(f) x, g = h E and G the gradient of x' = x + q m:
    dq = G m,  dm = G q,  dz = dm vleak (1 - tanh(z)^2),  dvleak = dm tanh(z),  dx = G - dm s(f)
    df = (dq dq/ds - dm x) s(f) (1 - s(f)),  dE = h dq dq/dg,  deps = dE dE/deps,  dc = dE dE/dc
and for each synapse i -> j: dw = s df, dh = s dz, da = x deps, r = s (1 - s) (h dz + w df), dsigma = r (x - mu),
dmu = -sigma r, dx_i += sigma r + a deps.

Legend of shapes: N neurons, P sources, W lanes of a tile; all arrays are flat.
"""

import math

from lnncmp.kernels.common.compiling import Array, Arrays, part
from lnncmp.kernels.common.fast_math import sigmoid2
from lnncmp.kernels.common.lane_sums import PARTS, add_four_parts, add_parts
from lnncmp.kernels.common.lanes import count, load_like, store
from lnncmp.kernels.lrc.elastance import NONE, elastance_slopes, step_slopes
from lnncmp.kernels.lrc.forward import Solver
from lnncmp.kernels.lrc.synapses import SLOTS, SUMS

_LN2 = math.log(2.0)


@part
def lrc_pass_on(
    like: Array, kind: int, synapses: Arrays, sources: int, x: Array, grads: Arrays, dx: Array, sums: Array
) -> None:
    """Add to dx (P, W) and to `sums`, SUMS for each synapse, what the synapses of all sources x (P, W) pass on.

    grads: of z, f and eps (N, W). `sums` is that of the copy's own synapses.
    """
    lanes = count(like)
    start, target, listed = synapses
    for i in range(sources):
        if start[i] == start[i + 1]:
            continue
        potential, gradient = load_like(x, i * lanes, like), load_like(dx, i * lanes, like)
        for e in range(start[i], start[i + 1]):
            k, j, at = SLOTS * e, target[e] * lanes, SUMS * (e - start[0])
            s = sigmoid2(potential * listed[k] + listed[k + 1])
            of_z, of_f = load_like(grads[0], j, like), load_like(grads[1], j, like)
            r = (s - s * s) * (of_z * listed[k + 3] + of_f * listed[k + 2])
            gradient = gradient - r * (listed[k] * _LN2)
            add_four_parts(sums, at, s * of_z, s * of_f, r, r * potential)
            if kind != NONE:
                of_eps = load_like(grads[2], j, like)
                gradient = gradient + of_eps * listed[k + 4]
                add_parts(sums, at + 4 * PARTS, potential * of_eps)
        store(dx, i * lanes, gradient)


@part
def lrc_step_back(
    like: Array,
    solver: Solver,
    vleak: Array,
    c: Array,
    h: Array,
    before: Array,
    kept: Arrays,
    dx: Array,
    grads: Arrays,
    step_totals: Arrays,
    totals: Arrays,
) -> None:
    """Turn dx (N, W) after a solver step into its direct part before it; write the gradients of z, f, eps.

    kept: s(f), tanh(z), eps. Added to are step_totals, of z, f, eps, and totals, of vleak and c, each (N, W).
    """
    lanes = count(like)
    for j in range(vleak.size):
        o = j * lanes
        forget, update, eps = load_like(kept[0], o, like), load_like(kept[1], o, like), load_like(kept[2], o, like)
        x, later = load_like(before, o, like), load_like(dx, o, like)
        size, of_eps, of_c = elastance_slopes(solver[0], eps, c[j])
        q, of_scale, of_forget = step_slopes(solver[1], h * size, forget)
        of_q = later * (update * vleak[j] - forget * x)
        moved = later * q
        of_size = of_q * of_scale * h
        z = moved * vleak[j] * (1.0 - update * update)
        f = (of_q * of_forget - moved * x) * (forget - forget * forget)
        store(grads[0], o, z)
        store(grads[1], o, f)
        store(grads[2], o, of_size * of_eps)
        store(step_totals[0], o, load_like(step_totals[0], o, like) + z)
        store(step_totals[1], o, load_like(step_totals[1], o, like) + f)
        store(step_totals[2], o, load_like(step_totals[2], o, like) + of_size * of_eps)
        store(totals[0], o, load_like(totals[0], o, like) + moved * update)
        store(totals[1], o, load_like(totals[1], o, like) + of_size * of_c)
        store(dx, o, later - moved * forget)

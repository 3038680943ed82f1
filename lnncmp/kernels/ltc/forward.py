"""The LTC over a whole sequence, forward: synapse lists times lanes of samples.

Each tile is one copy of the network and as many samples as a vector has lanes. Per interval dt with h = dt / U:
    num_j = gleak_j vleak_j + sensory num_j + sum_i w_ij s_ij(v_i) erev_ij,   den_j likewise without reversal potentials
    v_j' = v_j + h (num_j - den_j v_j) R_j,   R_j = 1 / (cm_j + eps + h den_j)
which is the semi-implicit solver of lnncmp.layers.solvers. Sensory synapses are evaluated once per interval. Kept for
the backward pass are v before each solver step and R of each; sigmoids are computed again there.

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

from typing import Any

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, inlined, kernel, lean, part
from lnncmp.kernels.common.fast_math import sigmoid2, two_sigmoids2
from lnncmp.kernels.common.lanes import count, fill, fill_double, fill_like, fill_narrow, load_like, prefetch, store
from lnncmp.kernels.common.sample_lanes import Size, gather_inputs, of_copy
from lnncmp.kernels.common.synapses import SLOTS, all_within, by_target, listed, reach_of, softplus
from lnncmp.kernels.common.transpose import transpose


@inlined
def _currents(like: Array, synapses: Arrays, j: int, v: Array, known: bool, num: Array, den: Array) -> Arrays:
    """Return num and den with what the synapses onto target j add, for sources v (P, W); known: as `all_within`."""
    start, source, listed = synapses
    lanes, e, end = count(like), start[j], start[j + 1]
    while e + 1 < end:
        k = SLOTS * e
        t = load_like(v, source[e] * lanes, like) * listed[k] + listed[k + 1]
        u = load_like(v, source[e + 1] * lanes, like) * listed[k + 4] + listed[k + 5]
        s, z = two_sigmoids2(t, u, known)
        num = num + s * listed[k + 3] + z * listed[k + 7]
        den = den + s * listed[k + 2] + z * listed[k + 6]
        e += 2
    if e < end:
        k = SLOTS * e
        s = sigmoid2(load_like(v, source[e] * lanes, like) * listed[k] + listed[k + 1])
        num = num + s * listed[k + 3]
        den = den + s * listed[k + 2]
    return num, den


@lean
def _solver_step(
    like: Array,
    synapses: Arrays,
    reach: float,
    capacitance: Array,
    h: Array,
    driven_num: Array,
    driven_den: Array,
    before: Array,
    after: Array,
    ratios: Array,
) -> None:
    """Write the potentials after one solver step, (N, W), and the ratios R, from those before it."""
    lanes, known = count(like), all_within(like, reach, capacitance.size, before)
    for j in range(capacitance.size):
        o = j * lanes
        num, den = load_like(driven_num, o, like), load_like(driven_den, o, like)
        num, den = _currents(like, synapses, j, before, known, num, den)
        v = load_like(before, o, like)
        prefetch(after, o + before.size, like)  # for the next solver step: its places are not in the cache yet
        prefetch(ratios, o + before.size, like)
        ratio = 1.0 / (h * den + capacitance[j])
        store(after, o, v + h * (num - den * v) * ratio)
        store(ratios, o, ratio)


@part
def _tile(
    like: Array,
    tile: int,
    size: Size,
    x: Array,
    dt: Array,
    v0: Array,
    neurons: Arrays,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    hidden: Array,
    path: Array,
    ratios: Array,
) -> None:
    """Compute one tile; see `forward` for the arguments."""
    batch, steps, inputs, width, unfolds = size
    lanes = count(like)
    blocks = max(-(-batch // lanes), 1)
    s, b0 = tile // blocks, (tile % blocks) * lanes
    rows, row, layer = min(lanes, batch - b0), s * batch + b0, width * lanes
    own_mapping = mapping[0][s * inputs : (s + 1) * inputs], mapping[1][s * inputs : (s + 1) * inputs]
    capacitance = neurons[0][s * width : (s + 1) * width]
    synapses, sensors = of_copy(recurrent, s, width), of_copy(sensory, s, width)
    reach = reach_of(synapses[2], synapses[0][0], synapses[0][width])
    sensory_reach = reach_of(sensors[2], sensors[0][0], sensors[0][width])
    own, xs, hs = np.zeros(inputs * lanes, x.dtype), np.empty(inputs * lanes, x.dtype), np.zeros(lanes, x.dtype)
    driven_num, driven_den = np.empty(layer, x.dtype), np.empty(layer, x.dtype)
    # Without a backward pass, two layers of potentials and one of ratios are used over and over.
    keep = ratios.size > 0
    all_v = path[tile * (steps * unfolds + 1) * layer :] if keep else np.empty(2 * layer, x.dtype)
    all_ratios = ratios[tile * steps * unfolds * layer :] if keep else np.empty(layer, x.dtype)
    for n in range(width):
        for b in range(lanes):
            all_v[n * lanes + b] = v0[(row + b) * width + n] if b < rows else 0.0
    k = 0
    for t in range(steps):
        gather_inputs(like, x, own_mapping, (row * steps + t) * inputs, steps * inputs, rows, own, xs)
        for b in range(rows):
            hs[b] = dt[(row + b) * steps + t] / unfolds
        h = load_like(hs, 0, like)
        known = all_within(like, sensory_reach, inputs, xs)
        for j in range(width):
            leak = neurons[1][s * width + j]
            num, den = fill_like(leak * neurons[2][s * width + j], like), fill_like(leak, like)
            num, den = _currents(like, sensors, j, xs, known, num, den)
            store(driven_num, j * lanes, num)
            store(driven_den, j * lanes, den)
        for _ in range(unfolds):
            now, then, ratio = (k, k + 1, k) if keep else (k % 2, 1 - k % 2, 0)
            before, after = all_v[now * layer : (now + 1) * layer], all_v[then * layer : (then + 1) * layer]
            here = all_ratios[ratio * layer : (ratio + 1) * layer]
            _solver_step(like, synapses, reach, capacitance, h, driven_num, driven_den, before, after, here)
            k += 1
        last = (k if keep else k % 2) * layer
        transpose(all_v, last, lanes, hidden, (row * steps + t) * width, steps * width, width, rows)


@kernel
def prepare(
    copies: int,
    inputs: int,
    width: int,
    positive: bool,
    epsilon: float,
    neurons: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
) -> tuple[Array, Array, Arrays, Arrays]:
    """Return cm + eps, gleak as it acts, and the sensory and recurrent synapses as (start, source, numbers).

    neurons: cm, gleak, vleak (S, N), raw; sensory, recurrent: mask, sigma, mu, w, erev, each (S, P, J).
    """
    capacitance, leak = np.empty_like(neurons[0]), np.empty_like(neurons[1])
    for k in range(leak.size):
        capacitance[k] = (softplus(neurons[0][k]) if positive else neurons[0][k]) + epsilon
        leak[k] = softplus(neurons[1][k]) if positive else neurons[1][k]
    start, source, place = by_target(sensory[0], copies, inputs, width)
    sensed = start, source, listed(place, sensory[1], sensory[2], sensory[3], sensory[4], positive, False)
    first, towards, position = by_target(recurrent[0], copies, width, width)
    wired = first, towards, listed(position, recurrent[1], recurrent[2], recurrent[3], recurrent[4], positive, False)
    return capacitance, leak, sensed, wired


@part
def _tiles(like: Array, first: int, end: int, *rest: Any) -> None:
    """Compute the tiles from `first` to `end`, as wide as `like`."""
    for tile in range(first, end):
        _tile(like, tile, *rest)


@kernel
def forward_narrow(first: int, end: int, size: Size, x: Array, *rest: Any) -> None:
    """Compute tiles of narrow lanes; see `forward_wide`."""
    _tiles(fill_narrow(x, 0.0), first, end, size, x, *rest)


@kernel
def forward_wide(first: int, end: int, size: Size, x: Array, *rest: Any) -> None:
    """Compute the tiles from `first` to `end`; tile k is copy k // blocks, block k % blocks.

    size: B, T, I, N, U. x (S, B, T, I), dt (S, B, T), v0 (S, B, N); neurons: cm + eps, gleak, vleak (S, N) as they
    act; mapping: input_w, input_b (S, I); sensory, recurrent: synapses as `prepare` returns them. Written are
    hidden (S, B, T, N) and, unless they are empty, path (tiles, T U + 1, N, W) and ratios (tiles, T U, N, W).
    """
    _tiles(fill(x, 0.0), first, end, size, x, *rest)


@kernel
def forward_double(first: int, end: int, size: Size, x: Array, *rest: Any) -> None:
    """Compute tiles of double lanes; see `forward_wide`."""
    _tiles(fill_double(x, 0.0), first, end, size, x, *rest)

"""The LTC over a whole sequence, backward: adjoints of lnncmp.kernels.ltc_forward, sigmoids computed again.

Let g be the gradient of v' = v + h (num - den v) R with R = 1 / (cm + eps + h den). Then
    gnum = g h R,   gden = -gnum v',   dv = g (cm + eps) R + what the synapses of v pass on,   dcm = -g (v' - v) R
and for each synapse i -> j, with s = sigmoid(sigma (v_i - mu)), q = s (erev gnum_j + gden_j) and r = q (1 - s):
    dw = sum q,   derev = w sum s gnum_j,   dsigma = w (sum r v_i - mu sum r),   dmu = -w sigma sum r,
    dv_i += w sigma r
So four sums a synapse, over batch, time and solver steps, are all that is accumulated (see synapses.spread_gradients).

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

import numpy as np

from lnncmp.kernels.compiling import Array, Arrays, kernel, part
from lnncmp.kernels.fast_math import sigmoid2
from lnncmp.kernels.lanes import (
    add_four_totals,
    count,
    fill,
    fill_double,
    fill_narrow,
    load_like,
    store,
    total,
)
from lnncmp.kernels.ltc_forward import Size, gather_inputs
from lnncmp.kernels.synapses import SLOTS, backward_list, by_source, logistic, softplus, spread_gradients


@part
def _pass_on(
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
def _solver_step(
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


@part
def _inputs_back(
    x: Array, first: int, row: int, rows: int, lanes: int, input_w: Array, dxs: Array, dx: Array, sums: Array
) -> None:
    """Write dx of `rows` samples from the gradient dxs (I, W) of the mapped inputs; add up those of w and b."""
    inputs = input_w.size
    for b in range(rows):
        at = first + b * row
        for i in range(inputs):
            g = dxs[i * lanes + b]
            dx[at + i] = g * input_w[i]
            sums[i] += g * x[at + i]
            sums[inputs + i] += g


@part
def _of_copy(synapses: Arrays, s: int, sources: int) -> Arrays:
    """Return the synapses of copy s: the starts of its sources, and all targets and numbers."""
    return synapses[0][s * (sources + 1) : (s + 1) * (sources + 1)], synapses[1], synapses[2]


@part
def _sums_of_tile(sums: Array, start: Array, blocks: int, block: int) -> Array:
    """Return the part of the sums over synapses that belongs to one tile: copies stand in order, blocks within."""
    first, end = start[0], start[-1]
    at = SLOTS * (blocks * first + block * (end - first))
    return sums[at : at + SLOTS * (end - first)]


@part
def _tile(
    like: Array,
    tile: int,
    size: Size,
    capacitance: Array,
    x: Array,
    dt: Array,
    mapping: Arrays,
    all_sensory: Arrays,
    all_recurrent: Arrays,
    kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dv0: Array,
    sums: Arrays,
) -> None:
    """Compute one tile; see `backward` for the arguments."""
    batch, steps, inputs, width, unfolds = size
    lanes, kind = count(like), x.dtype
    blocks = -(-batch // lanes)
    s, block = tile // blocks, tile % blocks
    rows, row, layer = min(lanes, batch - block * lanes), s * batch + block * lanes, width * lanes
    input_w, input_b = mapping[0][s * inputs : (s + 1) * inputs], mapping[1][s * inputs : (s + 1) * inputs]
    own_capacitance = capacitance[s * width : (s + 1) * width]
    sensory, recurrent = _of_copy(all_sensory, s, inputs), _of_copy(all_recurrent, s, width)
    sensory_sums = _sums_of_tile(sums[0], sensory[0], blocks, block)
    recurrent_sums = _sums_of_tile(sums[1], recurrent[0], blocks, block)
    rest = sums[2][tile * (3 * width + 2 * inputs) : (tile + 1) * (3 * width + 2 * inputs)]
    path = kept[0][tile * (steps * unfolds + 1) * layer : (tile + 1) * (steps * unfolds + 1) * layer]
    ratios = kept[1][tile * steps * unfolds * layer : (tile + 1) * steps * unfolds * layer]
    xs, hs, dxs = np.zeros(inputs * lanes, kind), np.zeros(lanes, kind), np.zeros(inputs * lanes, kind)
    dv, gnum, gden = np.zeros(layer, kind), np.empty(layer, kind), np.empty(layer, kind)
    total_num, total_den = np.zeros(layer, kind), np.zeros(layer, kind)
    totals = np.zeros(layer, kind), np.zeros(layer, kind), np.zeros(layer, kind)
    for t in range(steps - 1, -1, -1):
        for b in range(rows):
            at = ((row + b) * steps + t) * width
            for n in range(width):
                dv[n * lanes + b] += grad_hidden[at + n]
            hs[b] = dt[(row + b) * steps + t] / unfolds
        h = load_like(hs, 0, like)
        totals[0][:], totals[1][:], dxs[:] = 0.0, 0.0, 0.0
        for k in range((t + 1) * unfolds - 1, t * unfolds - 1, -1):
            before, after = path[k * layer : (k + 1) * layer], path[(k + 1) * layer : (k + 2) * layer]
            ratio = ratios[k * layer : (k + 1) * layer]
            _solver_step(like, own_capacitance, h, before, after, ratio, dv, gnum, gden, totals)
            _pass_on(like, recurrent, width, before, gnum, gden, dv, recurrent_sums)
        total_num += totals[0]
        total_den += totals[1]
        first = (row * steps + t) * inputs
        gather_inputs(x, input_w, input_b, first, steps * inputs, rows, inputs, lanes, xs)
        _pass_on(like, sensory, inputs, xs, totals[0], totals[1], dxs, sensory_sums)
        _inputs_back(x, first, steps * inputs, rows, lanes, input_w, dxs, dx, rest[3 * width :])
    for n in range(width):
        rest[n] = total(load_like(total_num, n * lanes, like))
        rest[width + n] = total(load_like(total_den, n * lanes, like))
        rest[2 * width + n] = total(load_like(totals[2], n * lanes, like))
        for b in range(rows):
            dv0[(row + b) * width + n] = dv[n * lanes + b]


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
    sensed = start, target, backward_list(place, sensory[1], sensory[2], sensory[3], sensory[4], positive)
    first, towards, position = by_source(recurrent[0], copies, width, width)
    listed = first, towards, backward_list(position, recurrent[1], recurrent[2], recurrent[3], recurrent[4], positive)
    return capacitance, sensed, place, listed, position


@part
def _tiles(
    like: Array,
    first: int,
    end: int,
    size: Size,
    capacitance: Array,
    x: Array,
    dt: Array,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dv0: Array,
    sums: Arrays,
) -> None:
    """Compute the tiles from `first` to `end`, as wide as `like`; see `backward_wide`."""
    for tile in range(first, end):
        _tile(like, tile, size, capacitance, x, dt, mapping, sensory, recurrent, kept, grad_hidden, dx, dv0, sums)


@kernel
def backward_narrow(
    first: int,
    end: int,
    size: Size,
    capacitance: Array,
    x: Array,
    dt: Array,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dv0: Array,
    sums: Arrays,
) -> None:
    """Compute tiles of narrow lanes; see `backward_wide`."""
    _tiles(
        fill_narrow(x, 0.0),
        first,
        end,
        size,
        capacitance,
        x,
        dt,
        mapping,
        sensory,
        recurrent,
        kept,
        grad_hidden,
        dx,
        dv0,
        sums,
    )


@kernel
def backward_wide(
    first: int,
    end: int,
    size: Size,
    capacitance: Array,
    x: Array,
    dt: Array,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dv0: Array,
    sums: Arrays,
) -> None:
    """Compute the gradients of the tiles from `first` to `end`, cut as in `ltc_forward.forward`.

    size, x, dt, mapping and kept (path, ratios) as there; capacitance, sensory, recurrent of `prepare_backward`.
    grad_hidden (S, B, T, N). Written are dx (S, B, T, I), dv0 (S, B, N) and for each tile the sums over its samples:
    four for each sensory and each recurrent synapse (zeros before), and 3 N + 2 I of neurons and inputs (zeros before).
    """
    _tiles(
        fill(x, 0.0),
        first,
        end,
        size,
        capacitance,
        x,
        dt,
        mapping,
        sensory,
        recurrent,
        kept,
        grad_hidden,
        dx,
        dv0,
        sums,
    )


@kernel
def backward_double(
    first: int,
    end: int,
    size: Size,
    capacitance: Array,
    x: Array,
    dt: Array,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dv0: Array,
    sums: Arrays,
) -> None:
    """Compute tiles of double lanes; see `backward_wide`."""
    _tiles(
        fill_double(x, 0.0),
        first,
        end,
        size,
        capacitance,
        x,
        dt,
        mapping,
        sensory,
        recurrent,
        kept,
        grad_hidden,
        dx,
        dv0,
        sums,
    )


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
        together = _sums_of_tile(sums, starts, blocks, 0)
        for block in range(1, blocks):
            together += _sums_of_tile(sums, starts, blocks, block)
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
            gradients[2][at] = together[2 * width + n] * (logistic(cm) if positive else 1.0)
            leak = num * neurons[2][at] + den
            gradients[2][flat + at] = leak * (logistic(gleak) if positive else 1.0)
            gradients[2][2 * flat + at] = num * (softplus(gleak) if positive else gleak)
        for i in range(inputs):
            gradients[3][s * inputs + i] = together[3 * width + i]
            gradients[3][(copies + s) * inputs + i] = together[3 * width + inputs + i]

"""The LTC over a whole sequence, backward, cut into tiles as in lnncmp.kernels.ltc.forward.

One solver step is in lnncmp.kernels.ltc.adjoint.

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

from typing import Any

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, part
from lnncmp.kernels.common.lane_sums import total
from lnncmp.kernels.common.lanes import count, fill, fill_double, fill_narrow, load_like
from lnncmp.kernels.common.sample_lanes import Size, gather_inputs, inputs_back, of_copy, sums_of_tile
from lnncmp.kernels.common.synapses import SUMS, reach_of
from lnncmp.kernels.common.transpose import transpose
from lnncmp.kernels.ltc.adjoint import pass_on, step_back


@part
def _back_through_time(
    like: Array,
    rows: int,
    row: int,
    size: Size,
    x: Array,
    capacitance: Array,
    dt: Array,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    path: Array,
    ratios: Array,
    grad_hidden: Array,
    dx: Array,
    dv: Array,
    sensory_sums: Array,
    recurrent_sums: Array,
    mapping_sums: Array,
) -> Arrays:
    """Go from the last step to the first; leave the gradient of the initial potentials in dv (N, W).

    rows samples from `row` on; capacitance, mapping, synapses, path and ratios are those of the tile alone. Returns
    the gradients of num, den and cm (N, W) summed over time.
    """
    _, steps, inputs, width, unfolds = size
    lanes, kind, layer = count(like), x.dtype, dv.size
    reach = reach_of(recurrent[2], recurrent[0][0], recurrent[0][width])
    sensory_reach = reach_of(sensory[2], sensory[0][0], sensory[0][inputs])
    own, xs, dxs = np.zeros(inputs * lanes, kind), np.empty(inputs * lanes, kind), np.empty(inputs * lanes, kind)
    hs, gnum, gden, from_loss = (
        np.zeros(lanes, kind),
        np.empty(layer, kind),
        np.empty(layer, kind),
        np.zeros(layer, kind),
    )
    total_num, total_den = np.zeros(layer, kind), np.zeros(layer, kind)
    totals = np.zeros(layer, kind), np.zeros(layer, kind), np.zeros(layer, kind)
    for t in range(steps - 1, -1, -1):
        transpose(grad_hidden, (row * steps + t) * width, steps * width, from_loss, 0, lanes, rows, width)
        dv += from_loss
        for b in range(rows):
            hs[b] = dt[(row + b) * steps + t] / unfolds
        h = load_like(hs, 0, like)
        totals[0][:], totals[1][:], dxs[:] = 0.0, 0.0, 0.0
        for k in range((t + 1) * unfolds - 1, t * unfolds - 1, -1):
            before, after = path[k * layer : (k + 1) * layer], path[(k + 1) * layer : (k + 2) * layer]
            ratio = ratios[k * layer : (k + 1) * layer]
            step_back(like, capacitance, h, before, after, ratio, dv, gnum, gden, totals)
            pass_on(like, recurrent, reach, width, before, gnum, gden, dv, recurrent_sums)
        total_num += totals[0]
        total_den += totals[1]
        first = (row * steps + t) * inputs
        gather_inputs(like, x, mapping, first, steps * inputs, rows, own, xs)
        pass_on(like, sensory, sensory_reach, inputs, xs, totals[0], totals[1], dxs, sensory_sums)
        inputs_back(like, first, steps * inputs, rows, mapping[0], own, dxs, dx, mapping_sums)
    return total_num, total_den, totals[2]


@part
def _tile(
    like: Array,
    tile: int,
    size: Size,
    x: Array,
    capacitance: Array,
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
    """Compute one tile; see `backward_wide` for the arguments."""
    batch, steps, inputs, width, unfolds = size
    lanes = count(like)
    blocks = max(-(-batch // lanes), 1)
    s, block = tile // blocks, tile % blocks
    rows, row, layer = min(lanes, batch - block * lanes), s * batch + block * lanes, width * lanes
    own_mapping = mapping[0][s * inputs : (s + 1) * inputs], mapping[1][s * inputs : (s + 1) * inputs]
    own_capacitance = capacitance[s * width : (s + 1) * width]
    sensory, recurrent = of_copy(all_sensory, s, inputs), of_copy(all_recurrent, s, width)
    sensory_sums = sums_of_tile(sums[0], SUMS, sensory[0], blocks, block)
    recurrent_sums = sums_of_tile(sums[1], SUMS, recurrent[0], blocks, block)
    rest = sums[2][tile * (3 * width + 2 * inputs) : (tile + 1) * (3 * width + 2 * inputs)]
    path = kept[0][tile * (steps * unfolds + 1) * layer : (tile + 1) * (steps * unfolds + 1) * layer]
    ratios = kept[1][tile * steps * unfolds * layer : (tile + 1) * steps * unfolds * layer]
    dv = np.zeros(layer, x.dtype)
    num, den, cm = _back_through_time(
        like, rows, row, size, x, own_capacitance, dt, own_mapping, sensory, recurrent, path, ratios, grad_hidden, dx,
        dv, sensory_sums, recurrent_sums, rest[3 * width :],
    )  # fmt: skip
    for n in range(width):
        rest[n] = total(load_like(num, n * lanes, like))
        rest[width + n] = total(load_like(den, n * lanes, like))
        rest[2 * width + n] = total(load_like(cm, n * lanes, like))
        for b in range(rows):
            dv0[(row + b) * width + n] = dv[n * lanes + b]


@part
def _tiles(like: Array, first: int, end: int, *rest: Any) -> None:
    """Compute the tiles from `first` to `end`, as wide as `like`."""
    for tile in range(first, end):
        _tile(like, tile, *rest)


@kernel
def backward_narrow(first: int, end: int, size: Size, x: Array, *rest: Any) -> None:
    """Compute tiles of narrow lanes; see `backward_wide`."""
    _tiles(fill_narrow(x, 0.0), first, end, size, x, *rest)


@kernel
def backward_wide(first: int, end: int, size: Size, x: Array, *rest: Any) -> None:
    """Compute the gradients of the tiles from `first` to `end`, cut as in lnncmp.kernels.ltc.forward.

    size, x, dt, mapping and kept (path, ratios) as there; capacitance, sensory, recurrent of `prepare_backward`.
    grad_hidden (S, B, T, N). Written are dx (S, B, T, I), dv0 (S, B, N) and for each tile the sums over its samples:
    SUMS for each sensory and each recurrent synapse (zeros before), and 3 N + 2 I of neurons and inputs (zeros before).
    """
    _tiles(fill(x, 0.0), first, end, size, x, *rest)


@kernel
def backward_double(first: int, end: int, size: Size, x: Array, *rest: Any) -> None:
    """Compute tiles of double lanes; see `backward_wide`."""
    _tiles(fill_double(x, 0.0), first, end, size, x, *rest)

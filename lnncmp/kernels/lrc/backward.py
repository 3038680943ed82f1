"""The LRC over a whole sequence, backward, cut into tiles as in lnncmp.kernels.lrc.forward.

One solver step is in lnncmp.kernels.lrc.adjoint.

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

from typing import Any

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, part
from lnncmp.kernels.common.lane_sums import total
from lnncmp.kernels.common.lanes import count, fill, fill_double, fill_narrow, load_like
from lnncmp.kernels.common.sample_lanes import Size, gather_inputs, inputs_back, of_copy, sums_of_tile
from lnncmp.kernels.common.transpose import transpose
from lnncmp.kernels.lrc.adjoint import lrc_pass_on, lrc_step_back
from lnncmp.kernels.lrc.forward import Solver
from lnncmp.kernels.lrc.synapses import SUMS

NEURON_SUMS = 4
"""Sums for each neuron: of the leak's, vleak's, b's and c's gradient."""


@part
def _back_through_time(
    like: Array,
    rows: int,
    row: int,
    size: Size,
    solver: Solver,
    x: Array,
    dt: Array,
    vleak: Array,
    c: Array,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    path: Array,
    all_kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dv: Array,
    sums: Arrays,
) -> Arrays:
    """Go from the last step to the first; leave the gradient of the initial potentials in dv (N, W).

    rows samples from `row` on; vleak to all_kept are those of the tile alone; sums: those of sensory and of recurrent
    synapses and of the inputs' map. Returns the gradients of z + f, eps, vleak and c (N, W) summed over time.
    """
    _, steps, inputs, width, unfolds = size
    lanes, kind, layer = count(like), x.dtype, dv.size
    own, xs, dxs = np.zeros(inputs * lanes, kind), np.empty(inputs * lanes, kind), np.empty(inputs * lanes, kind)
    hs, from_loss = np.zeros(lanes, kind), np.zeros(layer, kind)
    grads = np.empty(layer, kind), np.empty(layer, kind), np.empty(layer, kind)
    of_step = np.empty(layer, kind), np.empty(layer, kind), np.empty(layer, kind)
    totals = np.zeros(layer, kind), np.zeros(layer, kind)
    leak, b = np.zeros(layer, kind), np.zeros(layer, kind)
    for t in range(steps - 1, -1, -1):
        transpose(grad_hidden, (row * steps + t) * width, steps * width, from_loss, 0, lanes, rows, width)
        dv += from_loss
        for r in range(rows):
            hs[r] = dt[(row + r) * steps + t] / unfolds
        h = load_like(hs, 0, like)
        of_step[0][:], of_step[1][:], of_step[2][:], dxs[:] = 0.0, 0.0, 0.0, 0.0
        for k in range((t + 1) * unfolds - 1, t * unfolds - 1, -1):
            at, end = k * layer, (k + 1) * layer
            before, kept = path[at:end], (all_kept[0][at:end], all_kept[1][at:end], all_kept[2][at:end])
            lrc_step_back(like, solver, vleak, c, h, before, kept, dv, grads, of_step, totals)
            lrc_pass_on(like, solver[0], recurrent, width, before, grads, dv, sums[1])
        leak += of_step[0] + of_step[1]
        b += of_step[2]
        first = (row * steps + t) * inputs
        gather_inputs(like, x, mapping, first, steps * inputs, rows, own, xs)
        lrc_pass_on(like, solver[0], sensory, inputs, xs, of_step, dxs, sums[0])
        inputs_back(like, first, steps * inputs, rows, mapping[0], own, dxs, dx, sums[2])
    return leak, totals[0], b, totals[1]


@part
def _tile(
    like: Array,
    tile: int,
    size: Size,
    solver: Solver,
    x: Array,
    dt: Array,
    neurons: Arrays,
    mapping: Arrays,
    all_sensory: Arrays,
    all_recurrent: Arrays,
    path: Array,
    all_kept: Arrays,
    grad_hidden: Array,
    dx: Array,
    dx0: Array,
    all_sums: Arrays,
) -> None:
    """Compute one tile; see `backward_wide` for the arguments."""
    batch, steps, inputs, width, unfolds = size
    lanes = count(like)
    blocks = max(-(-batch // lanes), 1)
    s, block = tile // blocks, tile % blocks
    rows, row, layer = min(lanes, batch - block * lanes), s * batch + block * lanes, width * lanes
    own_mapping = mapping[0][s * inputs : (s + 1) * inputs], mapping[1][s * inputs : (s + 1) * inputs]
    vleak, c = neurons[1][s * width : (s + 1) * width], neurons[3][s * width : (s + 1) * width]
    sensory, recurrent = of_copy(all_sensory, s, inputs), of_copy(all_recurrent, s, width)
    length = NEURON_SUMS * width + 2 * inputs
    rest = all_sums[2][tile * length : (tile + 1) * length]
    sensory_sums = sums_of_tile(all_sums[0], SUMS, sensory[0], blocks, block)
    recurrent_sums = sums_of_tile(all_sums[1], SUMS, recurrent[0], blocks, block)
    sums = sensory_sums, recurrent_sums, rest[NEURON_SUMS * width :]
    first, end = tile * steps * unfolds * layer, (tile + 1) * steps * unfolds * layer
    kept = all_kept[0][first:end], all_kept[1][first:end], all_kept[2][first:end]
    states = path[tile * (steps * unfolds + 1) * layer : (tile + 1) * (steps * unfolds + 1) * layer]
    dv = np.zeros(layer, x.dtype)
    found = _back_through_time(
        like, rows, row, size, solver, x, dt, vleak, c, own_mapping, sensory, recurrent, states, kept, grad_hidden, dx,
        dv, sums,
    )  # fmt: skip
    for n in range(width):
        for k in range(NEURON_SUMS):
            rest[k * width + n] = total(load_like(found[k], n * lanes, like))
        for r in range(rows):
            dx0[(row + r) * width + n] = dv[n * lanes + r]


@part
def _tiles(like: Array, first: int, end: int, *rest: Any) -> None:
    """Compute the tiles from `first` to `end`, as wide as `like`."""
    for tile in range(first, end):
        _tile(like, tile, *rest)


@kernel
def backward_narrow(first: int, end: int, size: Size, solver: Solver, x: Array, *rest: Any) -> None:
    """Compute tiles of narrow lanes; see `backward_wide`."""
    _tiles(fill_narrow(x, 0.0), first, end, size, solver, x, *rest)


@kernel
def backward_wide(first: int, end: int, size: Size, solver: Solver, x: Array, *rest: Any) -> None:
    """Compute the gradients of the tiles from `first` to `end`, cut as in lnncmp.kernels.lrc.forward.

    x, dt, mapping, path and kept (s(f), tanh(z), eps) as there; neurons, sensory, recurrent of `prepare_backward`.
    grad_hidden (S, B, T, N). Written are dx (S, B, T, I), dx0 (S, B, N) and for each tile the sums over its samples:
    SUMS for each sensory and each recurrent synapse, and 4 N + 2 I of neurons and inputs (all zeros before).
    """
    _tiles(fill(x, 0.0), first, end, size, solver, x, *rest)


@kernel
def backward_double(first: int, end: int, size: Size, solver: Solver, x: Array, *rest: Any) -> None:
    """Compute tiles of double lanes; see `backward_wide`."""
    _tiles(fill_double(x, 0.0), first, end, size, solver, x, *rest)

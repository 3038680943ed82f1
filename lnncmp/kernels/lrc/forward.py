"""The LRC over a whole sequence, forward: synapse lists times lanes of samples, as in lnncmp.kernels.ltc.forward.

Kept for the backward pass are x before each solver step and, of each, s(f), tanh(z) and eps; the sigmoids of synapses
are computed again there. Sensory synapses are evaluated once per interval.

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, U unfolds, W lanes of a tile; all arrays are flat.
"""

from typing import Any

import numpy as np

from lnncmp.kernels.common.compiling import Array, Arrays, kernel, part
from lnncmp.kernels.common.fast_math import sigmoid, sigmoid2, tanh
from lnncmp.kernels.common.lanes import count, fill, fill_double, fill_like, fill_narrow, load_like, store
from lnncmp.kernels.common.sample_lanes import Size, gather_inputs
from lnncmp.kernels.common.synapses import by_target, softplus
from lnncmp.kernels.common.transpose import transpose
from lnncmp.kernels.lrc.elastance import elastance, step_size
from lnncmp.kernels.lrc.synapses import SLOTS, lrc_listed

Solver = tuple[int, bool]
"""The kind of the elastance, and whether the step is the hybrid one."""


@part
def _gather(
    like: Array, start: Array, source: Array, listed: Array, j: int, x: Array, z: Array, f: Array, eps: Array
) -> Arrays:
    """Return z, f and eps with what the synapses onto target j add, for sources x (P, W)."""
    lanes = count(like)
    for e in range(start[j], start[j + 1]):
        k = SLOTS * e
        potential = load_like(x, source[e] * lanes, like)
        s = sigmoid2(potential * listed[k] + listed[k + 1])
        f = f + s * listed[k + 2]
        z = z + s * listed[k + 3]
        eps = eps + potential * listed[k + 4]
    return z, f, eps


@part
def _solver_step(
    like: Array,
    solver: Solver,
    synapses: Arrays,
    vleak: Array,
    c: Array,
    h: Array,
    driven: Arrays,
    before: Array,
    after: Array,
    kept: Arrays,
) -> None:
    """Write the potentials after one solver step, (N, W), and s(f), tanh(z), eps, from those before it."""
    lanes = count(like)
    for j in range(vleak.size):
        o = j * lanes
        z, f, eps = load_like(driven[0], o, like), load_like(driven[1], o, like), load_like(driven[2], o, like)
        z, f, eps = _gather(like, synapses[0], synapses[1], synapses[2], j, before, z, f, eps)
        forget, update, x = sigmoid(f), tanh(z), load_like(before, o, like)
        q = step_size(solver[1], h * elastance(solver[0], eps, c[j]), forget)
        store(after, o, x + q * (update * vleak[j] - forget * x))
        store(kept[0], o, forget)
        store(kept[1], o, update)
        store(kept[2], o, eps)


@part
def _drive(like: Array, synapses: Arrays, start: Array, leak: Array, b: Array, xs: Array, driven: Arrays) -> None:
    """Write what leak and inputs xs (I, W) give to z, f and eps, each (N, W)."""
    lanes = count(like)
    for j in range(leak.size):
        first = fill_like(leak[j], like)
        z, f, eps = _gather(like, start, synapses[1], synapses[2], j, xs, first, first, fill_like(b[j], like))
        store(driven[0], j * lanes, z)
        store(driven[1], j * lanes, f)
        store(driven[2], j * lanes, eps)


@part
def _tile(
    like: Array,
    tile: int,
    size: Size,
    solver: Solver,
    x: Array,
    dt: Array,
    x0: Array,
    neurons: Arrays,
    mapping: Arrays,
    sensory: Arrays,
    recurrent: Arrays,
    hidden: Array,
    path: Array,
    all_kept: Arrays,
) -> None:
    """Compute one tile; see `forward_wide` for the arguments."""
    batch, steps, inputs, width, unfolds = size
    lanes = count(like)
    blocks = max(-(-batch // lanes), 1)
    s, b0 = tile // blocks, (tile % blocks) * lanes
    rows, row, layer, own = min(lanes, batch - b0), s * batch + b0, width * lanes, s * width
    own_mapping = mapping[0][s * inputs : (s + 1) * inputs], mapping[1][s * inputs : (s + 1) * inputs]
    leak, vleak = neurons[0][own : own + width], neurons[1][own : own + width]
    b, c = neurons[2][own : own + width], neurons[3][own : own + width]
    start = recurrent[0][s * (width + 1) : (s + 1) * (width + 1)]
    sensory_start = sensory[0][s * (width + 1) : (s + 1) * (width + 1)]
    synapses = start, recurrent[1], recurrent[2]
    raw, xs, hs = np.zeros(inputs * lanes, x.dtype), np.empty(inputs * lanes, x.dtype), np.zeros(lanes, x.dtype)
    driven = np.empty(layer, x.dtype), np.empty(layer, x.dtype), np.empty(layer, x.dtype)
    # Without a backward pass, two layers of potentials and one of the rest are used over and over.
    keep = path.size > 0
    states = path[tile * (steps * unfolds + 1) * layer :] if keep else np.empty(2 * layer, x.dtype)
    if not keep:
        all_kept = np.empty(layer, x.dtype), np.empty(layer, x.dtype), np.empty(layer, x.dtype)
    for n in range(width):
        for r in range(lanes):
            states[n * lanes + r] = x0[(row + r) * width + n] if r < rows else 0.0
    k, first = 0, tile * steps * unfolds * layer if keep else 0
    for t in range(steps):
        gather_inputs(like, x, own_mapping, (row * steps + t) * inputs, steps * inputs, rows, raw, xs)
        for r in range(rows):
            hs[r] = dt[(row + r) * steps + t] / unfolds
        h = load_like(hs, 0, like)
        _drive(like, sensory, sensory_start, leak, b, xs, driven)
        for _ in range(unfolds):
            now, then, at = (k, k + 1, first + k * layer) if keep else (k % 2, 1 - k % 2, 0)
            before, after = states[now * layer : (now + 1) * layer], states[then * layer : (then + 1) * layer]
            end = at + layer
            kept = all_kept[0][at:end], all_kept[1][at:end], all_kept[2][at:end]
            _solver_step(like, solver, synapses, vleak, c, h, driven, before, after, kept)
            k += 1
        last = (k if keep else k % 2) * layer
        transpose(states, last, lanes, hidden, (row * steps + t) * width, steps * width, width, rows)


@kernel
def prepare(
    copies: int, inputs: int, width: int, positive: bool, neurons: Arrays, sensory: Arrays, recurrent: Arrays
) -> tuple[Arrays, Arrays, Arrays]:
    """Return gleak, vleak, b, c as they act, and the sensory and recurrent synapses as (start, source, numbers).

    neurons: gleak, vleak, b, c (S, N), raw, the last two empty if absent; sensory, recurrent: mask, sigma, mu, w, h, a,
    each (S, P, J), the last empty if absent.
    """
    leak, b, c = np.empty_like(neurons[0]), np.zeros_like(neurons[0]), np.zeros_like(neurons[0])
    for k in range(leak.size):
        leak[k] = softplus(neurons[0][k]) if positive else neurons[0][k]
        if neurons[2].size:
            b[k] = neurons[2][k]
        if neurons[3].size:
            c[k] = softplus(neurons[3][k]) if positive else neurons[3][k]
    start, source, place = by_target(sensory[0], copies, inputs, width)
    sensed = start, source, lrc_listed(place, sensory, positive)
    first, towards, position = by_target(recurrent[0], copies, width, width)
    wired = first, towards, lrc_listed(position, recurrent, positive)
    return (leak, neurons[1], b, c), sensed, wired


@part
def _tiles(like: Array, first: int, end: int, *rest: Any) -> None:
    """Compute the tiles from `first` to `end`, as wide as `like`."""
    for tile in range(first, end):
        _tile(like, tile, *rest)


@kernel
def forward_narrow(first: int, end: int, size: Size, solver: Solver, x: Array, *rest: Any) -> None:
    """Compute tiles of narrow lanes; see `forward_wide`."""
    _tiles(fill_narrow(x, 0.0), first, end, size, solver, x, *rest)


@kernel
def forward_wide(first: int, end: int, size: Size, solver: Solver, x: Array, *rest: Any) -> None:
    """Compute the tiles from `first` to `end`; tile k is copy k // blocks, block k % blocks.

    x (S, B, T, I), dt (S, B, T), x0 (S, B, N); neurons, sensory, recurrent: as `prepare` returns them; mapping:
    input_w, input_b (S, I). Written are hidden (S, B, T, N) and, unless they are empty, path (tiles, T U + 1, N, W) and
    s(f), tanh(z), eps (tiles, T U, N, W) each.
    """
    _tiles(fill(x, 0.0), first, end, size, solver, x, *rest)


@kernel
def forward_double(first: int, end: int, size: Size, solver: Solver, x: Array, *rest: Any) -> None:
    """Compute tiles of double lanes; see `forward_wide`."""
    _tiles(fill_double(x, 0.0), first, end, size, solver, x, *rest)

"""Liquid neurons with one gate each over a whole sequence, forward; see lnncmp.layers.liquid for the equations.

Kept for the backward pass are the gates of all solver steps: with them the potentials follow from the hidden states
without another matrix product.

Legend of shapes as in lnncmp.kernels.liquid.weights.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.fast_math import sigmoid
from lnncmp.kernels.common.lanes import fill, fill_like, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.matmul import multiply
from lnncmp.kernels.common.tiles import copy_rows, observe, tile_place
from lnncmp.kernels.liquid.weights import Neurons, Size


@part
def follow(like: Array, gate: Array, h: float, neurons: Neurons, neuron: int, v: Array, here: int, there: int) -> None:
    """Take one vector of neurons through a solver step of length h with the gates given."""
    length = fill_like(h, like)
    pulled = length * load_like(neurons[1], neuron, like) * gate
    moved = load_like(v, here, like) + pulled * load_like(neurons[2], neuron, like)
    store(v, there, moved / (length * load_like(neurons[0], neuron, like) + 1.0 + pulled))


@part
def _move(
    like: Array,
    h: float,
    neurons: Neurons,
    neuron: int,
    driven: Array,
    v: Array,
    gates: Array,
    at: int,
    gate_at: int,
) -> None:
    """Take one vector of neurons through a solver step of length h; gates holds the recurrent sums, then the gates."""
    gate = sigmoid(load_like(gates, gate_at, like) + load_like(driven, at, like))
    store(gates, gate_at, gate)
    follow(like, gate, h, neurons, neuron, v, at, at)


@part
def _solve(
    size: Size,
    copy: int,
    rows: int,
    neurons: Neurons,
    acting: Array,
    lengths: Array,
    driven: Array,
    v: Array,
    gates: Array,
    gate_at: int,
) -> None:
    """Take v (R, N) of a tile through one solver step and write its gates to `gate_at`."""
    _, _, _, _, width, padded, _ = size
    w, lanes = copy * width * padded, wide_lanes(v)
    multiply(v, 0, padded, acting, w, padded, gates, gate_at, padded, rows, width, padded, False)
    for r in range(rows):
        at, n = r * padded, 0
        while n + lanes <= padded:
            k, like = at + n, fill(v, 0.0)
            neuron = copy * padded + n
            _move(like, lengths[r], neurons, neuron, driven, v, gates, k, gate_at + k)
            n += lanes
        if n < padded:
            k, like = at + n, fill_narrow(v, 0.0)
            neuron = copy * padded + n
            _move(like, lengths[r], neurons, neuron, driven, v, gates, k, gate_at + k)


@part
def _tile(
    tile: int,
    size: Size,
    neurons: Neurons,
    acting: Array,
    driving: Array,
    x: Array,
    dt: Array,
    valid: Array,
    start: Array,
    hidden: Array,
    final: Array,
    keep: bool,
    gates: Array,
) -> None:
    _, batch, steps, inputs, width, padded, unfolds = size
    copy, first, rows = tile_place(tile, batch)
    row, e = copy * batch + first, copy * (inputs + 1) * padded
    v, gate_at, layer = np.zeros(rows * padded, x.dtype), row * steps * unfolds * padded, rows * padded
    if not keep:
        gates, gate_at, layer = np.empty(layer, x.dtype), 0, 0
    entered, lengths = np.empty(rows * (inputs + 1), x.dtype), np.empty(rows, x.dtype)
    driven = np.empty(rows * padded, x.dtype)
    copy_rows(start, row * width, width, v, 0, padded, rows, width)
    for t in range(steps):
        observe((row, rows), t, (steps, inputs, unfolds), x, dt, valid, entered, 0, lengths, 0)
        multiply(entered, 0, inputs + 1, driving, e, padded, driven, 0, padded, rows, inputs + 1, padded, False)
        for _ in range(unfolds):
            _solve(size, copy, rows, neurons, acting, lengths, driven, v, gates, gate_at)
            gate_at += layer
        copy_rows(v, 0, padded, hidden, (row * steps + t) * width, steps * width, rows, width)
    copy_rows(v, 0, padded, final, row * width, width, rows, width)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    neurons: Neurons,
    acting: Array,
    driving: Array,
    x: Array,
    dt: Array,
    valid: Array,
    start: Array,
    hidden: Array,
    final: Array,
    keep: bool,
    gates: Array,
) -> None:
    """Compute the tiles from `first` to `end`; neurons, acting, driving are those of weights.prepare.

    x (S, B, T, I), dt (S, B, T), valid (S, B, T) or empty, start (S, B, H). Written are hidden (S, B, T, H) and
    final (S, B, H) and, if `keep`, the gates (S B T K, N), tile after tile.
    """
    for tile in range(first, end):
        _tile(tile, size, neurons, acting, driving, x, dt, valid, start, hidden, final, keep, gates)

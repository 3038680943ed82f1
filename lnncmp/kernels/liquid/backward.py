"""Liquid neurons with one gate each over a whole sequence, backward.

For one solver step v' = (v + h k s A) / q, q = 1 + h (1/tau + k s), s = sigmoid(z), with g = dL/dv' / q:
    dL/dv = g (and what goes through z);  dL/dz = h g k (A - v') s (1 - s)
    dL/dk = h g s (A - v');  dL/dA = k h g s;  dL/d(1/tau) = -h g v'
The potentials within an observation are computed again from the hidden state before it and the gates kept.

Legend of shapes as in lnncmp.kernels.liquid.weights, J = I padded to whole narrow vectors.
"""

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, part
from lnncmp.kernels.common.lanes import fill, fill_like, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.matmul import multiply, multiply_transposed
from lnncmp.kernels.common.tiles import add_rows, copy_rows, observe, tile_place
from lnncmp.kernels.liquid.forward import follow
from lnncmp.kernels.liquid.weights import Neurons, Size


@part
def _retrace(
    size: Size, copy: int, rows: int, lengths: Array, neurons: Neurons, gates: Array, gate_at: int, path: Array
) -> None:
    """Write v after each solver step of an observation into path (K + 1, R, N), which begins with v before it."""
    padded, unfolds, lanes = size[5], size[6], wide_lanes(path)
    for u in range(unfolds):
        for r in range(rows):
            here, n = (u * rows + r) * padded, 0
            there, neuron = here + rows * padded, copy * padded
            while n + lanes <= padded:
                like = fill(path, 0.0)
                gate = load_like(gates, gate_at + here + n, like)
                follow(like, gate, lengths[r], neurons, neuron + n, path, here + n, there + n)
                n += lanes
            if n < padded:
                like = fill_narrow(path, 0.0)
                gate = load_like(gates, gate_at + here + n, like)
                follow(like, gate, lengths[r], neurons, neuron + n, path, here + n, there + n)


@part
def _differentiate(
    like: Array,
    rows: int,
    padded: int,
    lengths: Array,
    neurons: Neurons,
    neuron: int,
    n: int,
    path: Array,
    there: int,
    gates: Array,
    gate_at: int,
    d_v: Array,
    d_gates: Array,
    out: int,
    d_driven: Array,
    d_neurons: Array,
    sums_at: int,
) -> None:
    """Take one vector of neurons of all rows back through a solver step, but for what goes through the synapses."""
    rate, conductance = load_like(neurons[0], neuron, like), load_like(neurons[1], neuron, like)
    reversal = load_like(neurons[2], neuron, like)
    of_rate, of_conductance = load_like(d_neurons, sums_at + n, like), load_like(d_neurons, sums_at + padded + n, like)
    of_reversal = load_like(d_neurons, sums_at + 2 * padded + n, like)
    for r in range(rows):
        at = r * padded + n
        h, gate = fill_like(lengths[r], like), load_like(gates, gate_at + at, like)
        v = load_like(path, there + at, like)
        through = load_like(d_v, at, like) / (h * rate + 1.0 + h * conductance * gate)
        opened = h * through * gate
        pull = opened * (reversal - v)
        of_rate = of_rate - h * through * v
        of_conductance = of_conductance + pull
        of_reversal = of_reversal + opened
        slope = pull * conductance * (1.0 - gate)
        store(d_v, at, through)
        store(d_gates, out + at, slope)
        store(d_driven, at, load_like(d_driven, at, like) + slope)
    store(d_neurons, sums_at + n, of_rate)
    store(d_neurons, sums_at + padded + n, of_conductance)
    store(d_neurons, sums_at + 2 * padded + n, of_reversal)


@part
def _unsolve(
    size: Size,
    copy: int,
    rows: int,
    lengths: Array,
    neurons: Neurons,
    turned: Array,
    path: Array,
    there: int,
    gates: Array,
    gate_at: int,
    d_v: Array,
    d_gates: Array,
    out: int,
    d_driven: Array,
    d_neurons: Array,
    sums_at: int,
) -> None:
    """Take a tile back through one solver step that led to v at `there`."""
    width, padded, lanes, n = size[4], size[5], wide_lanes(d_v), 0
    while n + lanes <= padded:
        rest = (path, there, gates, gate_at, d_v, d_gates, out, d_driven, d_neurons, sums_at)
        _differentiate(fill(d_v, 0.0), rows, padded, lengths, neurons, copy * padded + n, n, *rest)
        n += lanes
    if n < padded:
        rest = (path, there, gates, gate_at, d_v, d_gates, out, d_driven, d_neurons, sums_at)
        _differentiate(fill_narrow(d_v, 0.0), rows, padded, lengths, neurons, copy * padded + n, n, *rest)
    w = copy * width * padded
    multiply(d_gates, out, padded, turned, w, padded, d_v, 0, padded, rows, width, padded, True)


@part
def _tile(
    tile: int,
    size: Size,
    neurons: Neurons,
    weights: tuple[Array, Array],
    data: tuple[Array, Array, Array, Array, Array, Array],
    d_hidden: Array,
    d_final: Array,
    d_x: Array,
    d_start: Array,
    sums: tuple[Array, Array, Array],
) -> None:
    _, batch, steps, inputs, width, padded, unfolds = size
    turned, turned_driving = weights
    x, dt, valid, start, hidden, gates = data
    copy, first, rows = tile_place(tile, batch)
    row, layer = copy * batch + first, rows * padded
    kind = x.dtype
    path, d_gates = np.zeros((unfolds + 1) * layer, kind), np.empty(unfolds * layer, kind)
    d_v, d_driven = np.zeros(layer, kind), np.empty(layer, kind)
    entered, lengths = np.empty(rows * (inputs + 1), kind), np.empty(rows, kind)
    wide = turned_driving.size // (size[0] * width)
    d_row = np.empty(rows * wide, kind)
    add_rows(d_final, row * width, width, d_v, 0, padded, rows, width)
    for t in range(steps - 1, -1, -1):
        if t > 0:
            copy_rows(hidden, (row * steps + t - 1) * width, steps * width, path, 0, padded, rows, width)
        else:
            copy_rows(start, row * width, width, path, 0, padded, rows, width)
        observe((row, rows), t, (steps, inputs, unfolds), x, dt, valid, entered, 0, lengths, 0)
        kept = (row * steps + t * rows) * unfolds * padded
        _retrace(size, copy, rows, lengths, neurons, gates, kept, path)
        add_rows(d_hidden, (row * steps + t) * width, steps * width, d_v, 0, padded, rows, width)
        d_driven[:] = 0.0
        for u in range(unfolds - 1, -1, -1):
            there, out, sums_at = (u + 1) * layer, u * layer, tile * 3 * padded
            rest = (path, there, gates, kept + out, d_v, d_gates, out, d_driven, sums[2], sums_at)
            _unsolve(size, copy, rows, lengths, neurons, turned, *rest)
        out, length = tile * width * padded, unfolds * rows
        multiply_transposed(path, 0, padded, d_gates, 0, padded, sums[0], out, padded, width, length, padded, True)
        out, deep = tile * (inputs + 1) * padded, inputs + 1
        multiply_transposed(entered, 0, deep, d_driven, 0, padded, sums[1], out, padded, deep, rows, padded, True)
        if wide > 0:
            w = copy * width * wide
            multiply(d_driven, 0, padded, turned_driving, w, wide, d_row, 0, wide, rows, width, wide, False)
            copy_rows(d_row, 0, wide, d_x, (row * steps + t) * inputs, steps * inputs, rows, inputs)
    copy_rows(d_v, 0, padded, d_start, row * width, width, rows, width)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    neurons: Neurons,
    weights: tuple[Array, Array],
    data: tuple[Array, Array, Array, Array, Array, Array],
    d_hidden: Array,
    d_final: Array,
    d_x: Array,
    d_start: Array,
    sums: tuple[Array, Array, Array],
) -> None:
    """Compute the tiles from `first` to `end`.

    neurons: as for the forward kernel; weights: its recurrent weights and E transposed, (S, H, N) and (S, H, J), the
    last empty where d_x is not wanted. data: x, dt, valid, start, hidden, gates as there; d_hidden (S, B, T, H),
    d_final (S, B, H). Written are d_x (S, B, T, I) and d_start (S, B, H). Gradients are added to sums, for each tile
    of its own: of the recurrent weights (H, N), of E (I + 1, N) and of 1/tau, k and A / k (3, N).
    """
    for tile in range(first, end):
        _tile(tile, size, neurons, weights, data, d_hidden, d_final, d_x, d_start, sums)

"""The CT-GRU over a whole sequence, forward; see lnncmp.layers.ct_gru for the equations.

Legend of shapes as in lnncmp.kernels.gated.gates, with M scales and G = 2 M + 1 gates: R and S of each scale, then Q.
The rows that gates read are x, 1, 1, h as there; the last gate reads sum_m r_m k_m in place of h. Kept for the backward
pass are those rows and one more step of them for the last h, the gates' arguments with q in place of its own, what Q
reads and all traces, tile after tile.
"""

import math
from typing import Any

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, lean, part
from lnncmp.kernels.common.fast_math import exp, tanh
from lnncmp.kernels.common.lanes import count, fill, fill_like, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.limits import clipped, larger
from lnncmp.kernels.common.matmul import multiply
from lnncmp.kernels.common.tiles import add_rows, copy_rows, tile_place
from lnncmp.kernels.gated.gates import Size, enter
from lnncmp.kernels.scales.table import LARGEST

Kept = tuple[Array, Array, Array, Array]
"""Rows that gates read, arguments of gates, what Q reads, traces."""


@lean
def distance(like: Any, gates: Array, at: int, log: float) -> Any:
    """Return how far one vector of a gate's arguments is from ln tau."""
    return clipped(load_like(gates, at, like), LARGEST) - log


@lean
def choose(like: Any, padded: int, logs: Array, gates: Array, at: int, opened: Array) -> Any:
    """Write e^(-distance^2) of all scales (M, vector), relative to the largest, to opened; return their sum."""
    nearest = distance(like, gates, at, logs[0])
    largest = 0.0 - nearest * nearest
    for m in range(1, logs.size):
        d = distance(like, gates, at + m * padded, logs[m])
        largest = larger(largest, 0.0 - d * d)
    total = fill_like(0.0, like)
    for m in range(logs.size):
        d = distance(like, gates, at + m * padded, logs[m])
        e = exp(0.0 - d * d - largest)
        store(opened, m * count(like), e)
        total = total + e
    return total


@lean
def _read(
    like: Any,
    padded: int,
    logs: Array,
    gates: Array,
    at: int,
    traces: Array,
    here: int,
    opened: Array,
    out: Array,
    to: int,
) -> None:
    """Write one vector of sum_m r_m k_m."""
    total = choose(like, padded, logs, gates, at, opened)
    summed = fill_like(0.0, like)
    for m in range(logs.size):
        summed = summed + load_like(opened, m * count(like), like) * load_like(traces, here + m * padded, like)
    store(out, to, summed / total)


@lean
def _write(
    like: Any,
    padded: int,
    logs: Array,
    gates: Array,
    at: int,
    decays: Array,
    decay_at: int,
    traces: Array,
    here: int,
    there: int,
    opened: Array,
    h: Array,
    h_at: int,
) -> None:
    """Write one vector of q over its argument, of the traces after a step, `here` to `there`, and of their sum."""
    wide = logs.size * padded
    total = choose(like, padded, logs, gates, at + wide, opened)
    q = tanh(load_like(gates, at + 2 * wide, like))
    store(gates, at + 2 * wide, q)
    summed = fill_like(0.0, like)
    for m in range(logs.size):
        k = load_like(traces, here + m * padded, like)
        new = (k + load_like(opened, m * count(like), like) / total * (q - k)) * decays[decay_at + m]
        store(traces, there + m * padded, new)
        summed = summed + new
    store(h, h_at, summed)


@lean
def decay(place: tuple[int, int, int], t: int, rates: Array, dt: Array, decays: Array) -> None:
    """Write exp(-dt rate) of step t to decays (R, M); place: first row of a tile among all, how many, T."""
    row, rows, steps = place
    for r in range(rows):
        elapsed = dt[(row + r) * steps + t]
        for m in range(rates.size):
            decays[r * rates.size + m] = math.exp(-elapsed * rates[m])


@lean
def _read_rows(
    rows: int,
    padded: int,
    logs: Array,
    gates: Array,
    at: int,
    traces: Array,
    here: int,
    opened: Array,
    out: Array,
    to: int,
) -> None:
    """Write sum_m r_m k_m of a tile, (R, N)."""
    lanes, columns = wide_lanes(gates), (2 * logs.size + 1) * padded
    for _ in range(rows):
        n = 0
        while n + lanes <= padded:
            _read(fill(gates, 0.0), padded, logs, gates, at + n, traces, here + n, opened, out, to + n)
            n += lanes
        if n < padded:
            _read(fill_narrow(gates, 0.0), padded, logs, gates, at + n, traces, here + n, opened, out, to + n)
        at, here, to = at + columns, here + logs.size * padded, to + padded


@lean
def _advance(
    size: Size,
    place: tuple[int, int],
    t: int,
    valid: Array,
    logs: Array,
    gates: Array,
    at: int,
    decays: Array,
    traces: Array,
    here: int,
    there: int,
    opened: Array,
    entered: Array,
    h: int,
    next_h: int,
) -> None:
    """Take a tile through step t: write its traces (`here` to `there`) and their sums (`h` to `next_h`)."""
    _, _, steps, inputs, _, padded = size
    (row, rows), masked, lanes = place, valid.size > 0, wide_lanes(gates)
    wide = logs.size * padded
    for r in range(rows):
        if masked and not valid[(row + r) * steps + t]:
            copy_rows(traces, here, 0, traces, there, 0, 1, wide)
            copy_rows(entered, h, 0, entered, next_h, 0, 1, padded)
        else:
            n, first = 0, r * logs.size
            while n + lanes <= padded:
                rest = (decays, first, traces, here + n, there + n, opened, entered, next_h + n)
                _write(fill(gates, 0.0), padded, logs, gates, at + n, *rest)
                n += lanes
            if n < padded:
                rest = (decays, first, traces, here + n, there + n, opened, entered, next_h + n)
                _write(fill_narrow(gates, 0.0), padded, logs, gates, at + n, *rest)
        at, here, there = at + 2 * wide + padded, here + wide, there + wide
        h, next_h = h + inputs + 2 + padded, next_h + inputs + 2 + padded


@part
def _begin(
    size: Size, row: int, rows: int, scales: int, start: Array, traces: Array, here: int, entered: Array, at: int
) -> None:
    """Write the traces at the start of a tile and their sums; `row` is its first among all copies' batches."""
    _, _, _, inputs, width, padded = size
    wide = scales * padded
    traces[here : here + rows * wide] = 0.0
    copy_rows(start, row * scales * width, width, traces, here, padded, rows * scales, width)
    for r in range(rows):
        to = at + r * (inputs + 2 + padded) + inputs + 2
        entered[to : to + padded] = 0.0
        for m in range(scales):
            add_rows(traces, here + r * wide + m * padded, 0, entered, to, 0, 1, padded)


@part
def _tile(
    tile: int,
    size: Size,
    table: tuple[Array, Array],
    packed: Array,
    data: tuple[Array, Array, Array, Array],
    hidden: Array,
    last: Array,
    keep: bool,
    kept: Kept,
) -> None:
    _, batch, steps, inputs, width, padded = size
    logs, rates = table
    x, dt, valid, start = data
    copy, first, rows = tile_place(tile, batch)
    row, h, wide = copy * batch + first, inputs + 2, logs.size * padded
    columns, depth, stride = 2 * wide + padded, inputs + 2 + width, inputs + 2 + padded
    w, q = copy * depth * columns, 2 * wide
    entered, gates, reads, traces = kept
    at, gates_at, reads_at, here = row * (steps + 1) * stride, row * steps * columns, row * steps * padded, 0
    if keep:
        here = row * (steps + 1) * wide
    else:
        at, gates_at, reads_at = 0, 0, 0
        entered, gates = np.empty(rows * stride, x.dtype), np.empty(rows * columns, x.dtype)
        reads, traces = np.empty(rows * padded, x.dtype), np.empty(rows * wide, x.dtype)
    opened, decays = np.empty(logs.size * wide_lanes(x), x.dtype), np.empty(rows * logs.size, x.dtype)
    _begin(size, row, rows, logs.size, start, traces, here, entered, at)
    for t in range(steps):
        enter(size, row, rows, t, x, valid, entered, at)
        decay((row, rows, steps), t, rates, dt, decays)
        multiply(entered, at, stride, packed, w, columns, gates, gates_at, columns, rows, depth, q, False)
        _read_rows(rows, padded, logs, gates, gates_at, traces, here, opened, reads, reads_at)
        of_q, own = gates_at + q, w + q
        multiply(entered, at, stride, packed, own, columns, gates, of_q, columns, rows, h, padded, False)
        own += h * columns
        multiply(reads, reads_at, padded, packed, own, columns, gates, of_q, columns, rows, width, padded, True)
        after, there = (at + rows * stride, here + rows * wide) if keep else (at, here)
        place = (row, rows)
        rest = (decays, traces, here, there, opened, entered, at + h, after + h)
        _advance(size, place, t, valid, logs, gates, gates_at, *rest)
        copy_rows(entered, after + h, stride, hidden, (row * steps + t) * width, steps * width, rows, width)
        at, here = after, there
        if keep:
            gates_at, reads_at = gates_at + rows * columns, reads_at + rows * padded
    copy_rows(traces, here, padded, last, row * logs.size * width, width, rows * logs.size, width)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    table: tuple[Array, Array],
    packed: Array,
    data: tuple[Array, Array, Array, Array],
    hidden: Array,
    last: Array,
    keep: bool,
    kept: Kept,
) -> None:
    """Compute the tiles from `first` to `end`.

    table: ln tau and rates of decay (M). packed: the matrices of gates.pack. data: x (S, B, T, I), dt (S, B, T), valid
    (S, B, T) or empty, traces at the start (S, B, M, H). Written are hidden (S, B, T, H), last (S, B, M, H) and, if
    `keep`, kept: rows (S B (T + 1), D + N - H), gates (S B T, G N), reads (S B T, N), traces (S B (T + 1), M N).
    """
    for tile in range(first, end):
        _tile(tile, size, table, packed, data, hidden, last, keep, kept)

"""The CT-GRU over a whole sequence, backward: gradients of gates step by step, those of the weights in chunks of steps.

With g_m = dL/dk_m' exp(-dt / tau_m), v = sum_m r_m k_m, and the gates' arguments a_m:
    dL/dq = sum_m s_m g_m;  dL/ds_m = g_m (q - k_m);  dL/dr_m = k_m dL/dv;  dL/dk_m = (1 - s_m) g_m + r_m dL/dv
    dL/da_m = -2 (a_m - ln tau_m) s_m (dL/ds_m - sum_n s_n dL/ds_n), and likewise for r

Legend of shapes as in lnncmp.kernels.scales.forward, J = I padded to whole narrow vectors.
"""

from typing import Any

import numpy as np

from lnncmp.kernels.common.compiling import Array, kernel, lean, part
from lnncmp.kernels.common.lanes import count, fill, fill_like, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.limits import within
from lnncmp.kernels.common.matmul import multiply, multiply_transposed
from lnncmp.kernels.common.tile_sizes import CHUNK
from lnncmp.kernels.common.tiles import add_rows, copy_rows, tile_place
from lnncmp.kernels.gated.gates import Size
from lnncmp.kernels.scales.forward import Kept, choose, decay, distance
from lnncmp.kernels.scales.table import LARGEST

Work = tuple[Array, Array, Array]
"""Room for the open scales (M, vector) and their gradients, and the decays (R, M)."""
Gradients = tuple[Array, Array, Array, Array]
"""Of the traces (R, M N), of h (R, N), of what Q reads (R, N), and of the gates' arguments (rows of a chunk, G N)."""


@lean
def _spread(
    like: Any, padded: int, logs: Array, gates: Array, at: int, work: Work, mean: Any, total: Any, out: Array, to: int
) -> None:
    """Write one vector of the gradients of all scales' arguments, from those of the shares and their mean."""
    opened, slopes, _ = work
    for m in range(logs.size):
        share = load_like(opened, m * count(like), like) / total
        slope = share * (load_like(slopes, m * count(like), like) - mean)
        inside = within(load_like(gates, at + m * padded, like), LARGEST)
        store(out, to + m * padded, distance(like, gates, at + m * padded, logs[m]) * slope * inside * -2.0)


@lean
def _unwrite(
    like: Any,
    padded: int,
    logs: Array,
    gates: Array,
    at: int,
    work: Work,
    decay_at: int,
    traces: Array,
    here: int,
    d: Gradients,
    d_at: tuple[int, int, int],
) -> None:
    """Take one vector back through what is written: gradients of S, of Q's argument, and of the traces before."""
    (opened, slopes, decays), (d_traces, d_h, _, d_gates) = work, d
    k_at, h_at, out = d_at
    wide = logs.size * padded
    total = choose(like, padded, logs, gates, at + wide, opened)
    q, of_h = load_like(gates, at + 2 * wide, like), load_like(d_h, h_at, like)
    of_q, mean = fill_like(0.0, like), fill_like(0.0, like)
    for m in range(logs.size):
        share = load_like(opened, m * count(like), like) / total
        g = (load_like(d_traces, k_at + m * padded, like) + of_h) * decays[decay_at + m]
        slope = g * (q - load_like(traces, here + m * padded, like))
        store(slopes, m * count(like), slope)
        of_q, mean = of_q + share * g, mean + share * slope
        store(d_traces, k_at + m * padded, g - share * g)
    _spread(like, padded, logs, gates, at + wide, work, mean, total, d_gates, out + wide)
    store(d_gates, out + 2 * wide, of_q * (1.0 - q * q))


@lean
def _unread(
    like: Any,
    padded: int,
    logs: Array,
    gates: Array,
    at: int,
    work: Work,
    traces: Array,
    here: int,
    d: Gradients,
    d_at: tuple[int, int, int],
) -> None:
    """Take one vector back through what Q reads: gradients of R, and of the traces before."""
    (opened, slopes, _), (d_traces, _, d_reads, d_gates) = work, d
    k_at, h_at, out = d_at
    total = choose(like, padded, logs, gates, at, opened)
    of_read, mean = load_like(d_reads, h_at, like), fill_like(0.0, like)
    for m in range(logs.size):
        share = load_like(opened, m * count(like), like) / total
        slope = of_read * load_like(traces, here + m * padded, like)
        store(slopes, m * count(like), slope)
        mean = mean + share * slope
        store(d_traces, k_at + m * padded, load_like(d_traces, k_at + m * padded, like) + share * of_read)
    _spread(like, padded, logs, gates, at, work, mean, total, d_gates, out)


@lean
def _recede(
    rows: int,
    padded: int,
    logs: Array,
    real: Array,
    kept: Kept,
    places: tuple[int, int],
    work: Work,
    d: Gradients,
    out: int,
    reading: bool,
) -> None:
    """Take a tile back through what is written at a step, or if `reading` through what Q reads.

    real (R) is False at padding: there the gradient of h goes to the traces.
    """
    (_, gates, _, traces), (at, here), lanes = kept, places, wide_lanes(d[0])
    wide = logs.size * padded
    columns = 2 * wide + padded
    for r in range(rows):
        one, own = r * padded, out + r * columns
        if real[r]:
            n = 0
            while n < padded:
                d_at = (r * wide + n, one + n, own + n)
                if n + lanes <= padded:
                    like = fill(d[0], 0.0)
                    if reading:
                        _unread(like, padded, logs, gates, at + n, work, traces, here + n, d, d_at)
                    else:
                        _unwrite(like, padded, logs, gates, at + n, work, r * logs.size, traces, here + n, d, d_at)
                    n += lanes
                else:
                    narrow = fill_narrow(d[0], 0.0)
                    if reading:
                        _unread(narrow, padded, logs, gates, at + n, work, traces, here + n, d, d_at)
                    else:
                        _unwrite(narrow, padded, logs, gates, at + n, work, r * logs.size, traces, here + n, d, d_at)
                    n = padded
        elif not reading:
            d[3][own : own + columns] = 0.0
            add_rows(d[1], one, 0, d[0], r * wide, padded, logs.size, padded)
        at, here = at + columns, here + wide


@part
def _step(
    size: Size,
    place: tuple[int, int, int],
    t: int,
    table: tuple[Array, Array],
    dt: Array,
    valid: Array,
    weights: tuple[Array, Array],
    kept: Kept,
    d_hidden: Array,
    work: Work,
    d: Gradients,
    out: int,
    d_x: Array,
    d_row: Array,
) -> None:
    """Take a tile back through step t; the gradients of its gates are written from `out` on."""
    _, _, steps, inputs, width, padded = size
    copy, row, rows = place
    (logs, rates), (_, d_h, d_reads, d_gates) = table, d
    wide = logs.size * padded
    columns, q = 2 * wide + padded, 2 * wide
    real = np.ones(rows, np.bool_)
    if valid.size > 0:
        for r in range(rows):
            real[r] = valid[(row + r) * steps + t]
    add_rows(d_hidden, (row * steps + t) * width, steps * width, d_h, 0, padded, rows, width)
    decay((row, rows, steps), t, rates, dt, work[2])
    places = (row * steps + t * rows) * columns, (row * (steps + 1) + t * rows) * wide
    _recede(rows, padded, logs, real, kept, places, work, d, out, False)
    w = copy * columns * padded
    own = w + q * padded
    multiply(d_gates, out + q, columns, weights[0], own, padded, d_reads, 0, padded, rows, padded, padded, False)
    _recede(rows, padded, logs, real, kept, places, work, d, out, True)
    multiply(d_gates, out, columns, weights[0], w, padded, d_h, 0, padded, rows, q, padded, False)
    if d_x.size > 0:
        across = d_row.size // rows
        w = copy * columns * across
        multiply(d_gates, out, columns, weights[1], w, across, d_row, 0, across, rows, columns, across, False)
        copy_rows(d_row, 0, across, d_x, (row * steps + t) * inputs, steps * inputs, rows, inputs)


@part
def _tile(
    tile: int,
    size: Size,
    table: tuple[Array, Array],
    input_width: int,
    dt: Array,
    valid: Array,
    weights: tuple[Array, Array],
    kept: Kept,
    d_hidden: Array,
    d_last: Array,
    d_x: Array,
    d_start: Array,
    summed: Array,
) -> None:
    _, batch, steps, inputs, width, padded = size
    copy, first, rows = tile_place(tile, batch)
    scales, lanes, kind = table[0].size, wide_lanes(d_hidden), d_hidden.dtype
    row, wide = copy * batch + first, scales * padded
    columns, q, depth, stride = 2 * wide + padded, 2 * wide, inputs + 2 + width, inputs + 2 + padded
    chunk = max(1, CHUNK // rows)
    d_traces, d_h, d_reads = np.zeros(rows * wide, kind), np.zeros(rows * padded, kind), np.empty(rows * padded, kind)
    d_gates = np.empty(chunk * rows * columns, kind)
    d = d_traces, d_h, d_reads, d_gates
    work = np.empty(scales * lanes, kind), np.empty(scales * lanes, kind), np.empty(rows * scales, kind)
    d_row = np.empty(rows * input_width, kind)
    copy_rows(d_last, row * scales * width, width, d_traces, 0, padded, rows * scales, width)
    out, of_q, end = tile * depth * columns, tile * depth * columns + q, steps
    while end > 0:
        begin = max(0, end - chunk)
        for t in range(end - 1, begin - 1, -1):
            place, there = (copy, row, rows), (t - begin) * rows * columns
            _step(size, place, t, table, dt, valid, weights, kept, d_hidden, work, d, there, d_x, d_row)
        at, length = (row * (steps + 1) + begin * rows) * stride, (end - begin) * rows
        multiply_transposed(kept[0], at, stride, d_gates, 0, columns, summed, out, columns, depth, length, q, True)
        h = inputs + 2
        multiply_transposed(kept[0], at, stride, d_gates, q, columns, summed, of_q, columns, h, length, padded, True)
        at, own = (row * steps + begin * rows) * padded, of_q + h * columns
        multiply_transposed(kept[2], at, padded, d_gates, q, columns, summed, own, columns, width, length, padded, True)
        end = begin
    for r in range(rows):
        add_rows(d_h, r * padded, 0, d_traces, r * wide, padded, scales, padded)
    copy_rows(d_traces, 0, padded, d_start, row * scales * width, width, rows * scales, width)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    table: tuple[Array, Array],
    input_width: int,
    dt: Array,
    valid: Array,
    weights: tuple[Array, Array],
    kept: Kept,
    d_hidden: Array,
    d_last: Array,
    d_x: Array,
    d_start: Array,
    summed: Array,
) -> None:
    """Compute the tiles from `first` to `end`.

    table, dt, valid: as for the forward kernel; weights: recurrent (S, G N, N) and of inputs (S, G N, J = input_width),
    as gates.pack_transposed returns them; kept: as written by the forward kernel. d_hidden (S, B, T, H), d_last
    (S, B, M, H). Written are d_x (S, B, T, I) unless it is empty, and d_start (S, B, M, H). To summed (S, blocks, D,
    G N) those of the matrices are added.
    """
    for tile in range(first, end):
        _tile(tile, size, table, input_width, dt, valid, weights, kept, d_hidden, d_last, d_x, d_start, summed)

"""Additive networks over a whole sequence, backward.

For one solver step of length s, with g = dL/dh' and e_i = dL/dy_i, from the last stage to the first (y_1 = h):
    p = s (b_i g + a_i e_(i+1));  dL/dz_i = c p (1 - f_i^2);  e_i = U' dL/dz_i - r p
    dL/dc += p f_i;  dL/dr -= p y_i;  dL/dh = g + sum_i e_i
Where the step is the longest one, limit / r, it has a slope of its own: dL/dr -= p (c f_i - r y_i) / r.
The states within observations are computed again from the hidden state before a chunk of them and the f kept.

Legend of shapes as in lnncmp.kernels.additive.weights, J = I padded to whole narrow vectors.
"""

import numpy as np

from lnncmp.kernels.additive.forward import follow
from lnncmp.kernels.additive.weights import Size, Units
from lnncmp.kernels.common.compiling import Array, kernel, lean, part
from lnncmp.kernels.common.lanes import fill, fill_like, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.limits import clipped, within
from lnncmp.kernels.common.matmul import multiply, multiply_transposed
from lnncmp.kernels.common.tile_sizes import CHUNK
from lnncmp.kernels.common.tiles import add_rows, copy_rows, observe, tile_place

Gradients = tuple[Array, Array, Array, Array]
"""Of h' (then of h), of the y of the stage after (then of this one), of the y of stages before, of the inputs' part."""


@lean
def _differentiate(
    like: Array,
    rows: int,
    padded: int,
    lengths: Array,
    lengths_at: int,
    units: Units,
    unit: int,
    n: int,
    share: float,
    reach: float,
    path: Array,
    at: int,
    f: Array,
    f_at: int,
    d: Gradients,
    drive_at: int,
    d_z: Array,
    d_units: Array,
    sums_at: int,
) -> None:
    """Take one vector of units of all rows back through a stage, but for what goes through U."""
    d_h, d_y, d_before, d_driven = d
    c, r = load_like(units[0], unit, like), load_like(units[1], unit, like)
    longest, inverse = load_like(units[2], unit, like), load_like(units[3], unit, like)
    of_scale, of_rate = load_like(d_units, sums_at + n, like), load_like(d_units, sums_at + padded + n, like)
    for row in range(rows):
        k = row * padded + n
        length = fill_like(lengths[lengths_at + row], like)
        value, y = load_like(f, f_at + k, like), load_like(path, at + k, like)
        after = load_like(d_y, k, like)
        pull = clipped(length, longest) * (load_like(d_h, k, like) * share + after * reach)
        store(d_before, k, load_like(d_before, k, like) + after)
        of_scale = of_scale + pull * value
        cut = (1.0 - within(length, longest)) * inverse
        of_rate = of_rate - pull * (y + cut * (c * value - r * y))
        slope = c * pull * (1.0 - value * value)
        store(d_y, k, 0.0 - r * pull)
        store(d_z, at + k, slope)
        store(d_driven, drive_at + k, load_like(d_driven, drive_at + k, like) + slope)
    store(d_units, sums_at + n, of_scale)
    store(d_units, sums_at + padded + n, of_rate)


@lean
def _unclip(
    rows: int, padded: int, inner: float, lengths: Array, lengths_at: int, path: Array, at: int, d: Array
) -> None:
    """Set the gradient of h' to 0 where h', at `at`, is beyond `inner`, except where nothing moves."""
    for r in range(rows):
        if lengths[lengths_at + r] > 0.0:
            for k in range(r * padded, (r + 1) * padded):
                if abs(path[at + k]) > inner:
                    d[k] = 0.0


@lean
def _recede(
    size: Size,
    place: tuple[int, int],
    inner: float,
    table: Array,
    units: Units,
    turned: Array,
    lengths: Array,
    lengths_at: int,
    path: Array,
    at: int,
    f: Array,
    f_at: int,
    d: Gradients,
    drive_at: int,
    d_z: Array,
    d_units: Array,
    sums_at: int,
) -> None:
    """Take a tile back through the observation whose y are at `at` of path: its d_z are written at the same place."""
    _, _, _, _, width, padded, unfolds, stages = size
    (copy, rows), lanes, (d_h, d_y, d_before, _) = place, wide_lanes(path), d
    layer = rows * padded
    for k in range(unfolds * stages - 1, -1, -1):
        q, there = k % stages, k * layer
        if q == stages - 1:
            d_y[:] = 0.0
            d_before[:] = 0.0
            if inner < np.inf:
                _unclip(rows, padded, inner, lengths, lengths_at, path, at + there + layer, d_h)
        share, reach, n = table[q], table[stages + q], 0
        rest = (path, at + there, f, f_at + there, d, drive_at, d_z, d_units, sums_at)
        while n + lanes <= padded:
            like, unit = fill(path, 0.0), copy * padded + n
            _differentiate(like, rows, padded, lengths, lengths_at, units, unit, n, share, reach, *rest)
            n += lanes
        if n < padded:
            narrow, unit = fill_narrow(path, 0.0), copy * padded + n
            _differentiate(narrow, rows, padded, lengths, lengths_at, units, unit, n, share, reach, *rest)
        w = copy * padded * padded
        multiply(d_z, at + there, padded, turned, w, padded, d_y, 0, padded, rows, width, padded, True)
        if q == 0:
            add_rows(d_before, 0, padded, d_h, 0, padded, rows, padded)
            add_rows(d_y, 0, padded, d_h, 0, padded, rows, padded)


@part
def _retrace(
    size: Size,
    place: tuple[int, int, int],
    begin: int,
    end: int,
    clip: float,
    table: Array,
    units: Units,
    data: tuple[Array, Array, Array, Array, Array, Array],
    kept: int,
    out: tuple[Array, Array, Array],
    unused: Array,
) -> None:
    """Write the y of all stages of the observations of a chunk, their rows [x, 1] and the lengths of their steps."""
    _, _, steps, inputs, width, padded, unfolds, stages = size
    (copy, row, rows), (x, dt, valid, start, hidden, f), (path, entered, lengths) = place, data, out
    if begin > 0:
        copy_rows(hidden, (row * steps + begin - 1) * width, steps * width, path, 0, padded, rows, width)
    else:
        copy_rows(start, row * width, width, path, 0, padded, rows, width)
    for i in range(end - begin):
        to, at = i * rows * (inputs + 1), i * unfolds * stages * rows * padded
        observe((row, rows), begin + i, (steps, inputs, 1), x, dt, valid, entered, to, lengths, i * rows)
        rest = (units, unused, lengths, i * rows, unused, path, at, f, kept + at, True)
        follow(size, (copy, rows), clip, table, *rest)


@part
def _tile(
    tile: int,
    size: Size,
    clip: tuple[float, float],
    table: Array,
    units: Units,
    weights: tuple[Array, Array],
    data: tuple[Array, Array, Array, Array, Array, Array],
    d_hidden: Array,
    d_final: Array,
    d_x: Array,
    d_start: Array,
    sums: tuple[Array, Array, Array],
) -> None:
    copies, batch, steps, inputs, width, padded, unfolds, stages = size
    (turned, turned_driving), f = weights, data[5]
    copy, first, rows = tile_place(tile, batch)
    row, layer, deep, kind, entry = copy * batch + first, rows * padded, unfolds * stages, f.dtype, inputs + 1
    chunk = max(1, CHUNK // (rows * deep))
    path, d_z = np.zeros((chunk * deep + 1) * layer, kind), np.empty(chunk * deep * layer, kind)
    entered, lengths = np.empty(chunk * rows * entry, kind), np.empty(chunk * rows, kind)
    d_h, d_driven = np.zeros(layer, kind), np.empty(chunk * layer, kind)
    d = d_h, np.empty(layer, kind), np.empty(layer, kind), d_driven
    wide = turned_driving.size // (copies * padded)
    d_row, across = np.empty(rows * wide, kind), copy * padded * wide
    add_rows(d_final, row * width, width, d_h, 0, padded, rows, width)
    end = steps
    while end > 0:
        begin = max(0, end - chunk)
        kept = (row * steps + begin * rows) * deep * padded
        _retrace(size, (copy, row, rows), begin, end, clip[0], table, units, data, kept, (path, entered, lengths), d_z)
        d_driven[:] = 0.0
        for i in range(end - begin - 1, -1, -1):
            add_rows(d_hidden, (row * steps + begin + i) * width, steps * width, d_h, 0, padded, rows, width)
            at, place, own = i * deep * layer, (copy, rows), i * layer
            rest = (path, at, f, kept + at, d, own, d_z, sums[2], tile * 2 * padded)
            _recede(size, place, clip[1], table, units, turned, lengths, i * rows, *rest)
            if wide > 0:
                multiply(d_driven, own, padded, turned_driving, across, wide, d_row, 0, wide, rows, width, wide, False)
                copy_rows(d_row, 0, wide, d_x, (row * steps + begin + i) * inputs, steps * inputs, rows, inputs)
        length, out = (end - begin) * rows, tile * width * padded
        multiply_transposed(path, 0, padded, d_z, 0, padded, sums[0], out, padded, width, length * deep, padded, True)
        out = tile * entry * padded
        multiply_transposed(entered, 0, entry, d_driven, 0, padded, sums[1], out, padded, entry, length, padded, True)
        end = begin
    copy_rows(d_h, 0, padded, d_start, row * width, width, rows, width)


@kernel
def backward(
    first: int,
    end: int,
    size: Size,
    clip: tuple[float, float],
    table: Array,
    units: Units,
    weights: tuple[Array, Array],
    data: tuple[Array, Array, Array, Array, Array, Array],
    d_hidden: Array,
    d_final: Array,
    d_x: Array,
    d_start: Array,
    sums: tuple[Array, Array, Array],
) -> None:
    """Compute the tiles from `first` to `end`.

    clip: the bound of the state and the largest number below it; table, units: as for the forward kernel. weights: U
    (S, N, N) and W (S, N, J), the last empty where d_x is not wanted. data: x, lengths, valid,
    start, hidden and f as there; d_hidden (S, B, T, H), d_final (S, B, H). Written are d_x (S, B, T, I) and d_start
    (S, B, H). Gradients are added to sums, for each tile of its own: of U by source (H, N), of E (I + 1, N) and of c
    and r (2, N).
    """
    for tile in range(first, end):
        _tile(tile, size, clip, table, units, weights, data, d_hidden, d_final, d_x, d_start, sums)

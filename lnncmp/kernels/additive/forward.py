"""Additive networks over a whole sequence, forward; see lnncmp.layers.additive for the equations.

Kept for the backward pass are f of all stages: with them the states within an observation follow from the hidden state
before it without another matrix product (`follow` with `again`).

Legend of shapes as in lnncmp.kernels.additive.weights.
"""

from typing import Any

import numpy as np

from lnncmp.kernels.additive.weights import Size, Units
from lnncmp.kernels.common.compiling import Array, kernel, lean, part
from lnncmp.kernels.common.fast_math import tanh
from lnncmp.kernels.common.lanes import fill, fill_like, fill_narrow, load_like, store, wide_lanes
from lnncmp.kernels.common.limits import clipped
from lnncmp.kernels.common.matmul import multiply
from lnncmp.kernels.common.tiles import copy_rows, observe, tile_place


@lean
def _move(
    like: Any,
    length: float,
    bound: float,
    units: Units,
    unit: int,
    stage: tuple[float, float],
    driven: Array,
    k: int,
    path: Array,
    ways: tuple[int, int, int, int],
    f: Array,
    f_at: int,
    again: bool,
) -> None:
    """Take one vector of units through a stage: from y `here`, to the next y (`following`, if any) and towards h'.

    h is at `base`, and h' so far `after`, from the first stage (`here` is `base`) on. Unless `again`, f holds U y and
    is written.
    """
    base, here, following, after = ways
    own = load_like(f, f_at, like)
    if not again:
        own = tanh(own + load_like(driven, k, like))
        store(f, f_at, own)
    step = clipped(fill_like(length, like), load_like(units[2], unit, like))
    leaked = step * load_like(units[1], unit, like) * load_like(path, here, like)
    raised = step * load_like(units[0], unit, like) * own
    h = load_like(path, base, like)
    new = (h if here == base else load_like(path, after, like)) - leaked * stage[0] + raised * stage[0]
    store(path, after, new if following >= 0 else clipped(new, bound))
    if following >= 0:
        store(path, following, h - leaked * stage[1] + raised * stage[1])


@lean
def follow(
    size: Size,
    place: tuple[int, int],
    clip: float,
    table: Array,
    units: Units,
    acting: Array,
    lengths: Array,
    lengths_at: int,
    driven: Array,
    path: Array,
    at: int,
    f: Array,
    f_at: int,
    again: bool,
) -> None:
    """Take a tile through an observation: write the y of all stages, of which h is the first, and h' to path from `at`.

    place: copy and rows. table: b, then a, of each stage. driven (R, N): what the inputs give to f's argument. f (K Q,
    R, N) is written, or if `again` read.
    """
    _, _, _, _, width, padded, unfolds, stages = size
    (copy, rows), lanes = place, wide_lanes(path)
    layer, w = rows * padded, copy * width * padded
    for _ in range(unfolds):
        base, after = at, at + stages * layer
        for q in range(stages):
            if not again:
                multiply(path, at, padded, acting, w, padded, f, f_at, padded, rows, width, padded, False)
            for r in range(rows):
                length = lengths[lengths_at + r]
                bound = clip if length > 0.0 else np.inf  # where nothing moves, nothing is clipped
                n, stage = 0, (table[q], table[stages + q])
                while n < padded:
                    unit, k = copy * padded + n, r * padded + n
                    ways = base + k, at + k, at + layer + k if q < stages - 1 else -1, after + k
                    rest = (units, unit, stage, driven, k, path, ways, f, f_at + k, again)
                    if n + lanes <= padded:
                        _move(fill(path, 0.0), length, bound, *rest)
                    else:
                        _move(fill_narrow(path, 0.0), length, bound, *rest)
                    n += lanes
            at, f_at = at + layer, f_at + layer


@part
def _tile(
    tile: int,
    size: Size,
    clip: float,
    table: Array,
    units: Units,
    weights: tuple[Array, Array],
    data: tuple[Array, Array, Array, Array],
    hidden: Array,
    final: Array,
    keep: bool,
    f: Array,
) -> None:
    _, batch, steps, inputs, width, padded, unfolds, stages = size
    acting, driving = weights
    x, dt, valid, start = data
    copy, first, rows = tile_place(tile, batch)
    row, layer, deep = copy * batch + first, rows * padded, unfolds * stages
    e, f_at = copy * (inputs + 1) * padded, row * steps * deep * padded
    if not keep:
        f, f_at = np.empty(deep * layer, x.dtype), 0
    path, driven = np.zeros((deep + 1) * layer, x.dtype), np.empty(layer, x.dtype)
    entered, lengths = np.empty(rows * (inputs + 1), x.dtype), np.empty(rows, x.dtype)
    copy_rows(start, row * width, width, path, 0, padded, rows, width)
    for t in range(steps):
        observe((row, rows), t, (steps, inputs, 1), x, dt, valid, entered, 0, lengths, 0)
        multiply(entered, 0, inputs + 1, driving, e, padded, driven, 0, padded, rows, inputs + 1, padded, False)
        follow(size, (copy, rows), clip, table, units, acting, lengths, 0, driven, path, 0, f, f_at, False)
        copy_rows(path, deep * layer, padded, path, 0, padded, rows, padded)
        copy_rows(path, 0, padded, hidden, (row * steps + t) * width, steps * width, rows, width)
        if keep:
            f_at += deep * layer
    copy_rows(path, 0, padded, final, row * width, width, rows, width)


@kernel
def forward(
    first: int,
    end: int,
    size: Size,
    clip: float,
    table: Array,
    units: Units,
    weights: tuple[Array, Array],
    data: tuple[Array, Array, Array, Array],
    hidden: Array,
    final: Array,
    keep: bool,
    f: Array,
) -> None:
    """Compute the tiles from `first` to `end`; units and weights (recurrent, E) are those of weights.prepare.

    clip: bound of the state; table: see `follow`. data: x (S, B, T, I), lengths of solver steps (S, B, T), valid
    (S, B, T) or empty, start (S, B, H). Written are hidden (S, B, T, H), final (S, B, H) and, if `keep`, f (S B T K Q,
    N), tile after tile.
    """
    for tile in range(first, end):
        _tile(tile, size, clip, table, units, weights, data, hidden, final, keep, f)

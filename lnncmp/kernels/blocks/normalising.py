"""Sums of what a block gives and got, normalised over their features.

With m the mean of s = u + y over H features and i = 1 / sqrt(variance + 1e-5), out = (s - m) i. With g = dL/dout
    dL/ds = i (g - mean(g) - out mean(g out))

Legend of shapes as in lnncmp.kernels.blocks.rows.
"""

import math

from lnncmp.kernels.blocks.rows import Numbers, Size, Sizes, place
from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.threads import run_tiles

_EPS = 1e-5
"""As in torch.nn.functional.layer_norm."""


@lean_kernel
def _normalise(first: int, end: int, size: Size, s: Array, scales: Array) -> None:
    """Normalise the rows of s (S R, N), for the tiles from `first` to `end`; scales (S R): i."""
    rows, width, wide = size
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            mean, spread = 0.0, 0.0
            for n in range(r * wide, r * wide + width):
                mean += s[n]
            mean /= width
            for n in range(r * wide, r * wide + width):
                spread += (s[n] - mean) * (s[n] - mean)
            scale = 1.0 / math.sqrt(spread / width + _EPS)
            scales[r] = scale
            for n in range(r * wide, r * wide + width):
                s[n] = (s[n] - mean) * scale


@lean_kernel
def _normalise_back(first: int, end: int, size: Size, out: Array, scales: Array, d_out: Array, d_s: Array) -> None:
    """Write the gradient of s (S R, N), for the tiles from `first` to `end`."""
    rows, width, wide = size
    for tile in range(first, end):
        _, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            mean, along = 0.0, 0.0
            for n in range(r * wide, r * wide + width):
                mean += d_out[n]
                along += d_out[n] * out[n]
            mean, along = mean / width, along / width
            for n in range(r * wide, r * wide + width):
                d_s[n] = (d_out[n] - mean - out[n] * along) * scales[r]
            for n in range(r * wide + width, (r + 1) * wide):
                d_s[n] = 0.0


def normalise(sizes: Sizes, width: int, s: Numbers) -> Numbers:
    """Normalise the rows of s (S R, N) in place; return i (S R), which the backward pass needs."""
    scales = empty((sizes.copies * sizes.rows,), sizes.kind)
    run_tiles(_normalise, sizes.tiles, sizes.of(width), s, scales)
    return scales


def normalise_back(sizes: Sizes, width: int, out: Numbers, scales: Numbers, d_out: Numbers) -> Numbers:
    """Return the gradient of s (S R, N)."""
    d_s = sizes.empty(width)
    run_tiles(_normalise_back, sizes.tiles, sizes.of(width), out, scales, d_out, d_s)
    return d_s

"""LRC neurons of LrcSSM on arrays: the synapses of the inputs, then the neurons; see lnncmp.layers.lrc_ssm.

Legend of shapes as in lnncmp.kernels.blocks.rows; I features in, M = I padded.
"""

from collections.abc import Sequence
from typing import Any

from lnncmp.kernels.blocks.affine import Affine
from lnncmp.kernels.blocks.piece import Entering, Piece, back_through
from lnncmp.kernels.blocks.rows import Numbers, Size, place
from lnncmp.kernels.common.array_operation import find_passes
from lnncmp.kernels.common.compiling import Array, lean_kernel
from lnncmp.kernels.common.fast_math import sigmoid
from lnncmp.kernels.common.features import gradients_of, table_of
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store
from lnncmp.kernels.common.moves import add
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles

_SYNAPSES = 2
"""Weights of a feature's synapses: mu and sigma, rows of (S, 2, M)."""


@lean_kernel
def _open(first: int, end: int, size: Size, weights: Array, u: Array, opened: Array) -> None:
    """Compute the tiles from `first` to `end`: sigmoid(sigma (u - mu)) (S R, M)."""
    rows, _, wide = size
    lanes = narrow_lanes(u)
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                w, at = copy * _SYNAPSES * wide + n, r * wide + n
                store(
                    opened, at, sigmoid(load_narrow(weights, w + wide) * (load_narrow(u, at) - load_narrow(weights, w)))
                )


@lean_kernel
def _open_back(
    first: int,
    end: int,
    size: Size,
    weights: Array,
    u: Array,
    opened: Array,
    d_opened: Array,
    d_u: Array,
    sums: Array,
) -> None:
    """Compute the tiles from `first` to `end`: the gradient of u (S R, M), and sums (tiles, 2, M) for the weights."""
    rows, _, wide = size
    lanes = narrow_lanes(u)
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        out = tile * _SYNAPSES * wide
        for n in range(0, _SYNAPSES * wide, lanes):
            store(sums, out + n, fill_narrow(u, 0.0))
        for r in range(begin, begin + count):
            for n in range(0, wide, lanes):
                w, at, into = copy * _SYNAPSES * wide + n, r * wide + n, out + n
                own, sigma = load_narrow(opened, at), load_narrow(weights, w + wide)
                of_z = load_narrow(d_opened, at) * own * (1.0 - own)
                store(d_u, at, of_z * sigma)
                store(sums, into, load_narrow(sums, into) - of_z * sigma)
                distance = load_narrow(u, at) - load_narrow(weights, w)
                store(sums, into + wide, load_narrow(sums, into + wide) + of_z * distance)


@lean_kernel
def _size_of(shift: Array, out: Array) -> None:
    """Write |shift|."""
    for k in range(shift.size):
        out[k] = abs(shift[k])


@lean_kernel
def _of_size(shift: Array, d_shift: Array) -> None:
    """Turn the gradient of |shift| into that of the shift."""
    for k in range(shift.size):
        if shift[k] <= 0.0:
            d_shift[k] = -d_shift[k] if shift[k] < 0.0 else 0.0


class Neurons(Piece):
    """Synapses of the inputs and neurons.

    Weights, in this order: mu and sigma (S, I) and the matrices (S, H, I) of the inputs; mu, sigma, w and h (S, H) of
    the neuron itself; g_leak, e_leak, k and c (S, H); if there are any, the shift (S, H) and the elastance's matrix.
    """

    keeps = 5

    def __init__(self, solver: str, elastance: str, longest: str, inputs: str, width: str, reads: str) -> None:
        self.operation = find_passes(f"lrc_ssm {solver} {elastance} {longest}")
        self.inputs, self.width, self.reads = int(inputs), int(width), reads == "reads"
        self.symmetric = elastance == "symmetric"
        self.weights = 12 + self.symmetric + self.reads
        self.map = Affine(self.inputs, self.width)
        self.constant = self.map if self.reads else Affine(0, self.width)

    def _neurons(self, given: Entering) -> list[Numbers]:
        """Return the weights of the neurons themselves, in the order of the operation."""
        _, _, _, _, mu, sigma, w, h, _, e_leak, k, _, *more = given.weights
        found = [mu, sigma, w, h, e_leak, k]
        if self.symmetric:
            found.append(empty((more[0].size,), given.sizes.kind))
            call(_size_of, more[0], found[-1])
        return found

    def _given(self, given: Entering, drives: Sequence[Numbers]) -> list[Any]:
        """Return what the operation is given."""
        sizes, (f, g, e) = given.sizes, map(given.sizes.samples, drives)
        return given.sequence(f, sizes.start(sizes.wide(self.width)), g, e, *self._neurons(given))

    def run(self, given: Entering) -> tuple[Numbers, list[Numbers]]:
        """Return x, and the opened synapses, the drives and the states."""
        sizes, own = given.sizes, given.weights
        opened, weights = sizes.empty(self.inputs), table_of(own[:2], sizes.copies, sizes.wide(self.inputs))
        run_tiles(_open, sizes.tiles, sizes.of(self.inputs), weights, given.u, opened)
        f, g = (self.map.run(sizes, opened, own[place], own[8]) for place in (2, 3))
        read = own[-1] if self.reads else own[0][:0]
        e = self.constant.run(sizes, given.u, read, own[11])
        (hidden, _), (path,) = self.operation.run(self._given(given, (f, g, e)), True)
        return hidden.reshape(-1), [opened, f, g, e, path]

    def run_back(self, given: Entering, kept: Sequence[Numbers], d_y: Numbers) -> tuple[Numbers, list[Numbers]]:
        """Return the gradients."""
        sizes, own, (opened, *drives, path) = given.sizes, given.weights, kept
        d_f, _, d_g, d_e, *neurons = back_through(
            self.operation, [sizes.samples(d_y), None], self._given(given, drives), [path]
        )
        d_opened, d_forget, d_leak = self.map.run_back(sizes, opened, own[2], d_f)
        d_more, d_update, d_leak_of_g = self.map.run_back(sizes, opened, own[3], d_g)
        add(d_leak_of_g, d_leak)
        add(d_more, d_opened)
        wide = sizes.wide(self.inputs)
        weights, sums = table_of(own[:2], sizes.copies, wide), empty((sizes.tiles * _SYNAPSES * wide,), sizes.kind)
        d_u = sizes.empty(self.inputs)
        run_tiles(_open_back, sizes.tiles, sizes.of(self.inputs), weights, given.u, opened, d_opened, d_u, sums)
        read = own[-1] if self.reads else own[0][:0]
        d_read_u, d_read, d_constant = self.constant.run_back(sizes, given.u, read, d_e, self.reads)
        if self.reads:
            add(d_read_u, d_u)
        d_mu, d_sigma, d_w, d_h, d_e_leak, d_k, *d_shift = neurons
        if self.symmetric:
            call(_of_size, own[12], d_shift[0])
        synapses = gradients_of(own[:2], sizes.copies, wide, sums)
        found = [*synapses, d_forget, d_update, d_mu, d_sigma, d_w, d_h, d_leak, d_e_leak, d_k, d_constant, *d_shift]
        return d_u, [*found, d_read] if self.reads else found

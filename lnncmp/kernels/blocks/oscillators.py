"""LinOSS (im) on arrays; see lnncmp.layers.linoss for the equations.

With p = s sqrt(A), a step multiplies the complex state by a = (1 + i p) / (1 + p^2) and adds B u / A times
(Im a, p^2 / (1 + p^2)). So
    d Re a / dp = -2 Re a Im a,  d Im a / dp = (Re a)^2 - (Im a)^2,  d (p^2 / (1 + p^2)) / dp = 2 Re a Im a

Legend of shapes as in lnncmp.kernels.blocks.rows; P oscillators with two parts of their force: N = 2 P padded.
"""

import math
from collections.abc import Sequence
from typing import Any

from lnncmp.kernels.blocks.affine import Affine
from lnncmp.kernels.blocks.mixing import Mixing
from lnncmp.kernels.blocks.piece import Entering, Piece, back_through
from lnncmp.kernels.blocks.rows import Numbers, Size, place
from lnncmp.kernels.common.array_operation import find_passes
from lnncmp.kernels.common.compiling import Array, inlined, lean_kernel
from lnncmp.kernels.common.lanes import fill_narrow, load_narrow, narrow_lanes, store
from lnncmp.kernels.common.moves import add, zeros
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tiles import of_all_blocks

_COLUMNS = 3
"""Of an oscillator: the step for an elapsed time of 1, sqrt(A) and 1 / A."""
_OWN = 4
"""Weights of the oscillators; those of the mixing follow."""
Four = tuple[Array, Array, Array, Array]
"""Two parts of a and two of what is added, (S R, N) each."""


@lean_kernel
def _lay_out(copies: int, wide: int, slackest: float, stiffness: Array, raw_step: Array, table: Array) -> None:
    """Write the table (S, 3, N), 0 elsewhere already, for A (S, P) and the raw steps (S, P)."""
    own = stiffness.size // copies
    for s in range(copies):
        for k in range(2 * own):
            at, here = s * _COLUMNS * wide + k, s * own + k % own
            stiff = max(stiffness[here], slackest)
            table[at] = 1.0 / (1.0 + math.exp(-raw_step[here]))
            table[at + wide], table[at + 2 * wide] = math.sqrt(stiff), 1.0 / stiff


@inlined
def _turned(p: Array) -> tuple[Array, Array, Array]:
    """Return Re a, Im a and p^2 / (1 + p^2); what is divided by (1 + p)^2 does not overflow."""
    r = 1.0 / (p + 1.0)
    q = p * r
    size = 1.0 / (r * r + q * q)
    return r * r * size, q * r * size, q * q * size


@lean_kernel
def _forward(
    first: int, end: int, size: Size, longest: float, dt: Array, table: Array, force: Array, factors: Four
) -> None:
    """Compute the tiles from `first` to `end`: a, and what is added, for dt (S R) and B u (S R, N)."""
    rows, _, wide = size
    lanes = narrow_lanes(force)
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        for r in range(begin, begin + count):
            elapsed = min(dt[r], longest)
            for n in range(0, wide, lanes):
                w, at = copy * _COLUMNS * wide + n, r * wide + n
                re, im, rest = _turned(load_narrow(table, w) * elapsed * load_narrow(table, w + wide))
                goal = load_narrow(force, at) * load_narrow(table, w + 2 * wide)
                store(factors[0], at, re)
                store(factors[1], at, im)
                store(factors[2], at, goal * im)
                store(factors[3], at, goal * rest)


@lean_kernel
def _backward(
    first: int,
    end: int,
    size: Size,
    longest: float,
    dt: Array,
    table: Array,
    force: Array,
    d_factors: Four,
    d_force: Array,
    sums: Array,
) -> None:
    """Compute the tiles from `first` to `end`: the gradient of B u, and the sums (tiles, 3, N) of the table's."""
    rows, _, wide = size
    lanes = narrow_lanes(force)
    for tile in range(first, end):
        copy, begin, count = place(tile, rows)
        out = tile * _COLUMNS * wide
        for n in range(0, _COLUMNS * wide, lanes):
            store(sums, out + n, fill_narrow(force, 0.0))
        for r in range(begin, begin + count):
            elapsed = min(dt[r], longest)
            for n in range(0, wide, lanes):
                w, at, into = copy * _COLUMNS * wide + n, r * wide + n, out + n
                step, root = load_narrow(table, w) * elapsed, load_narrow(table, w + wide)
                over, own = load_narrow(table, w + 2 * wide), load_narrow(force, at)
                re, im, rest = _turned(step * root)
                d_re, d_im = load_narrow(d_factors[2], at), load_narrow(d_factors[3], at)
                goal, of_goal, twice = own * over, d_re * im + d_im * rest, re * im * 2.0
                of_im, of_both = (
                    load_narrow(d_factors[1], at) + d_re * goal,
                    d_im * goal - load_narrow(d_factors[0], at),
                )
                of_p = of_im * (re * re - im * im) + of_both * twice
                store(d_force, at, of_goal * over)
                store(sums, into, load_narrow(sums, into) + of_p * root * elapsed)
                store(sums, into + wide, load_narrow(sums, into + wide) + of_p * step)
                store(sums, into + 2 * wide, load_narrow(sums, into + 2 * wide) + of_goal * own)


@lean_kernel
def _finish(
    copies: int,
    wide: int,
    slackest: float,
    stiffness: Array,
    table: Array,
    sums: Array,
    d_stiffness: Array,
    d_raw_step: Array,
) -> None:
    """Write the gradients of A and of the raw steps (S, P) from the sums (S, blocks, 3, N)."""
    own, length = stiffness.size // copies, _COLUMNS * wide
    blocks = sums.size // (copies * length)
    for s in range(copies):
        for k in range(own):
            at, w, here = s * blocks * length + k, s * length + k, s * own + k
            of_step = of_all_blocks(sums, at, blocks, length) + of_all_blocks(sums, at + own, blocks, length)
            at += wide
            of_root = of_all_blocks(sums, at, blocks, length) + of_all_blocks(sums, at + own, blocks, length)
            at += wide
            of_over = of_all_blocks(sums, at, blocks, length) + of_all_blocks(sums, at + own, blocks, length)
            step, root, over = table[w], table[w + wide], table[w + 2 * wide]
            moves = 1.0 if stiffness[here] >= slackest else 0.0
            d_stiffness[here] = moves * (of_root * 0.5 / root - of_over * over * over)
            d_raw_step[here] = of_step * step * (1.0 - step)


class Oscillators(Piece):
    """Oscillators and the mixing. Weights: A and raw steps (S, P), B (S, 2 P, H), C (S, H, 2 P), then the mixing's."""

    weights, keeps = _OWN + Mixing.weights, 6 + Mixing.keeps

    def __init__(self, slackest: str, longest: str, width: str, oscillators: str) -> None:
        self.slackest, self.longest = float(slackest), float(longest)
        self.width, self.parts, self.mixing = int(width), 2 * int(oscillators), Mixing(int(width))
        self.forcing, self.reading = Affine(self.width, self.parts), Affine(self.parts, self.width)
        self.scan = find_passes("scan complex")

    def _table(self, given: Entering) -> Numbers:
        """Return the table (S, 3, N)."""
        copies, wide = given.sizes.copies, given.sizes.wide(self.parts)
        table = zeros(copies * _COLUMNS * wide, given.sizes.kind)
        call(_lay_out, copies, wide, self.slackest, *given.weights[:2], table)
        return table

    def _given(self, given: Entering, factors: Sequence[Numbers]) -> list[Any]:
        """Return what the recurrence is given."""
        sizes = given.sizes
        starts = [sizes.start(sizes.wide(self.parts)) for _ in range(2)]
        a_re, a_im, b_re, b_im = map(sizes.samples, factors)
        return [b_re, None, given.valid, *starts, b_im, a_re, a_im]

    def run(self, given: Entering) -> tuple[Numbers, list[Numbers]]:
        """Return the outputs, and B u, the factors, y, and what the mixing keeps."""
        sizes, (_, _, forcing, reading) = given.sizes, given.weights[:_OWN]
        force = self.forcing.run(sizes, given.u, forcing)
        factors = tuple(sizes.empty(self.parts) for _ in range(4))
        table, times = self._table(given), given.dt.reshape(-1)
        run_tiles(_forward, sizes.tiles, sizes.of(self.parts), self.longest, times, table, force, factors)
        (_, hidden, _, _), _ = self.scan.run(self._given(given, factors), True)
        y = hidden.reshape(-1)
        out, more = self.mixing.run(sizes, self.reading.run(sizes, y, reading), given.u, given.weights[_OWN:])
        return out, [force, *factors, y, *more]

    def run_back(self, given: Entering, kept: Sequence[Numbers], d_y: Numbers) -> tuple[Numbers, list[Numbers]]:
        """Return the gradients."""
        sizes, (stiffness, raw_step, forcing, reading) = given.sizes, given.weights[:_OWN]
        force, *factors, y = kept[:6]
        d_read, d_u, mixed = self.mixing.run_back(sizes, given.u, given.weights[_OWN:], kept[6:], d_y)
        d_state, d_reading, _ = self.reading.run_back(sizes, y, reading, d_read)
        coming = [None, sizes.samples(d_state), None, None]
        b_re, _, _, b_im, a_re, a_im = back_through(self.scan, coming, self._given(given, factors))
        table, d_force, times = self._table(given), sizes.empty(self.parts), given.dt.reshape(-1)
        sums = empty((sizes.tiles * _COLUMNS * sizes.wide(self.parts),), sizes.kind)
        run_tiles(
            _backward, sizes.tiles, sizes.of(self.parts), self.longest, times, table, force, (a_re, a_im, b_re, b_im),
            d_force, sums,
        )  # fmt: skip
        d_stiffness, d_raw_step = (empty((own.size,), sizes.kind) for own in (stiffness, raw_step))
        wide = sizes.wide(self.parts)
        call(_finish, sizes.copies, wide, self.slackest, stiffness, table, sums, d_stiffness, d_raw_step)
        d_driven, d_forcing, _ = self.forcing.run_back(sizes, given.u, forcing, d_force)
        add(d_driven, d_u)
        return d_u, [d_stiffness, d_raw_step, d_forcing, d_reading, *mixed]

"""Fused additive networks as an operation of torch, for one network or for S copies at once.

Legend of shapes: S copies (absent unless `stacked`), B batch, T steps, I inputs, H hidden units.
"""

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from lnncmp.kernels.additive.backward import backward
from lnncmp.kernels.additive.forward import forward
from lnncmp.kernels.additive.stages import MIN_RATE, STAGES
from lnncmp.kernels.additive.weights import Size, Units, finish, prepare, share
from lnncmp.kernels.common.array_operation import ArrayOperation, GivenArrays, Numbers
from lnncmp.kernels.common.matmul import padded
from lnncmp.kernels.common.moves import flat_or_zeros, joined, zeros
from lnncmp.kernels.common.operation import DT, VALID, Given, Shape, X
from lnncmp.kernels.common.pool import empty
from lnncmp.kernels.common.recording import call
from lnncmp.kernels.common.threads import run_tiles
from lnncmp.kernels.common.tile_sizes import TILE
from lnncmp.kernels.common.torch_arrays import flat, present
from lnncmp.kernels.gated.gates import pack_transposed

START = 3
"""Place of the state at the start among the tensors."""
_ALL_REAL = np.empty(0, np.bool_)


class AdditiveSequence(ArrayOperation):
    """Hidden states (B, T, H) and the final ones (B, H) of an additive network over x (B, T, I), from a start (B, H).

    Weights: W (H, I), U (H, H), `biases` vectors (H,) whose sum is b, c (H,) if `scaled`, else 1, and a raw rate (H,),
    of which r is the softplus, if the rate is `learned`. Settings: solver steps of an observation, solver, longest step
    times r, bound of the state, length of a solver step or `elapsed`, rate or `learned`, biases, whether scaled (0, 1).
    """

    states, outputs = 1, 2

    def __init__(self, settings: str) -> None:
        unfolds, solver, limit, clip, step, rate, biases, scaled = settings.split()
        self.unfolds, self.limit, self.clip = int(unfolds), float(limit), float(clip)
        self.stages = STAGES[solver]
        self.step = None if step == "elapsed" else float(step)
        self.rate = None if rate == "learned" else float(rate)
        self.biases, self.scaled = int(biases), bool(int(scaled))

    def weight_shapes(self, x: Shape, states: Sequence[Shape]) -> Sequence[Shape]:
        """Return the shapes of the raw parameters."""
        inputs, width = x[-1], states[0][-1]
        return [(width, inputs), (width, width)] + [(width,)] * (self.biases + self.scaled + (self.rate is None))

    def _size(self, x: Tensor | Numbers, start: Tensor | Numbers) -> Size:
        width, copies = start.shape[-1], x.shape[0] if x.ndim == 4 else 1
        wide = padded(width, x.dtype.itemsize == 4)
        return copies, *x.shape[-3:], width, wide, self.unfolds, len(self.stages[0])

    def _raw(self, given: GivenArrays) -> tuple[Numbers, tuple[Numbers, ...], Numbers, Numbers, Numbers]:
        """Return W, the biases, U, c and the raw rate; empty is what does not exist."""
        w, u, *units = given[self.data :]
        rest, nothing = units[self.biases :], w[:0]
        scale, rate = rest[0] if self.scaled else nothing, rest[-1] if self.rate is None else nothing
        return w, tuple(units[: self.biases]), u, scale, rate

    def _prepared(self, size: Size, given: GivenArrays) -> tuple[Units, Numbers, Numbers]:
        fixed = 0.0 if self.rate is None else self.rate
        found: tuple[Units, Numbers, Numbers] = call(prepare, size, (self.limit, MIN_RATE), *self._raw(given), fixed)
        return found

    def _data(self, given: GivenArrays) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Return x, lengths of solver steps, valid and the start."""
        x, dt, valid, start = given[X], given[DT], given[VALID], given[START]
        if self.step is None:
            lengths = empty((dt.size,), x.dtype)
            call(share, flat(dt), self.unfolds, lengths)
        else:
            lengths = np.full(dt.size, self.step, x.dtype)
        real = _ALL_REAL if valid is None else flat(valid)
        return flat(x), lengths, real, flat(start)

    def run(self, given: GivenArrays, keep: bool) -> tuple[list[Numbers], list[Numbers]]:
        """Run the kernel; see the class."""
        x, start = given[X], given[START]
        size, kind = self._size(x, start), x.dtype
        copies, batch, steps, _, width, wide, unfolds, stages = size
        units, *weights = self._prepared(size, given)
        hidden, final = empty((copies, batch, steps, width), kind), empty((copies, batch, width), kind)
        f = empty((copies * batch * steps * wide * unfolds * stages if keep else 0,), kind)
        table, tiles = np.array(self.stages, kind).ravel(), copies * -(-batch // TILE)
        outputs = flat(hidden), flat(final), keep, f
        run_tiles(forward, tiles, size, self.clip, table, units, tuple(weights), self._data(given), *outputs)
        path = joined([flat(hidden)]) if keep else f  # a copy: what is done to the outputs in place must not reach it
        return [hidden, final], [f, path]

    def run_back(
        self, grads: GivenArrays, given: GivenArrays, kept: Sequence[Numbers], wants_x: bool
    ) -> list[Numbers | None]:
        """Return the gradients of x, the start and the parameters."""
        x, start, (f, hidden) = given[X], given[START], kept
        size, kind = self._size(x, start), x.dtype
        driving, _, recurrent, _, raw = self._raw(given)
        copies, batch, _, inputs, width, wide, _, _ = size
        units, *_ = self._prepared(size, given)
        turned = call(pack_transposed, copies, 1, width, wide, width, wide, recurrent)
        across = padded(inputs, kind == np.float32) if wants_x else 0
        turned_driving = call(pack_transposed, copies, 1, width, wide, inputs if wants_x else 0, across, driving)
        data = *self._data(given), hidden, f
        d = flat_or_zeros(grads[0], hidden.size, kind), flat_or_zeros(grads[1], start.size, kind)
        d_x, d_start = empty((x.size if wants_x else 0,), kind), empty((start.size,), kind)
        tiles = copies * -(-batch // TILE)
        of_u, of_e, of_units = (zeros(tiles * rows * wide, kind) for rows in (width, inputs + 1, 2))
        sums = of_u, of_e, of_units
        clip = self.clip, float(np.nextafter(kind.type(self.clip), kind.type(0))) if self.clip < math.inf else math.inf
        weights, table = (turned, turned_driving), np.array(self.stages, kind).ravel()
        run_tiles(backward, tiles, size, clip, table, units, weights, data, *d, d_x, d_start, sums)
        w, bias, u, scale, rate = call(finish, size, raw, sums)
        found = [w, u, *[bias] * self.biases, *[scale] * self.scaled, *[rate] * (self.rate is None)]
        return [d_x if wants_x else None, None, None, d_start, *found]

    def shapes(self, tensors: Given, keep: bool) -> tuple[list[Shape], list[Shape]]:
        """Return the shapes of the states, and of f and the hidden states kept."""
        x, start = present((tensors[X], tensors[START]))
        _, batch, steps, _, width, wide, unfolds, stages = self._size(x, start)
        kept = batch * steps * unfolds * stages * wide * keep, batch * steps * width * keep
        return [(batch, steps, width), start.shape], [(length,) for length in kept]


OPERATION = AdditiveSequence

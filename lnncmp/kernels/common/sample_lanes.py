"""Kernels whose vectors run along the samples: a tile is one copy of the network and as many samples as fit a vector.

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, P sources, U unfolds, W lanes of a tile; all arrays
are flat.
"""

from collections.abc import Callable

from lnncmp.kernels.common.compiling import Array, Arrays, lean, part
from lnncmp.kernels.common.lane_sums import total
from lnncmp.kernels.common.lanes import DOUBLE, NARROW, WIDE, count, load_like, store
from lnncmp.kernels.common.torch_arrays import element_type
from lnncmp.kernels.common.transpose import transpose

Size = tuple[int, int, int, int, int]
"""B, T, I, N, U."""
Kernels = tuple[Callable[..., None], Callable[..., None], Callable[..., None]]
"""A kernel for narrow, for wide and for double lanes."""

_LANES = {single: tuple(counts[element_type(single)] for counts in (NARROW, WIDE, DOUBLE)) for single in (True, False)}
"""Lanes of a narrow, wide and double vector of float32 and of float64."""


def widest(batch: int, single: bool, kernels: Kernels) -> tuple[int, Callable[..., None]]:
    """Return how many samples a tile holds, and the kernel for it.

    More samples side by side share the parameters of a synapse; small batches would leave lanes empty.
    """
    few, some, many = _LANES[single]
    if batch <= few:
        return few, kernels[0]
    return (some, kernels[1]) if batch < 2 * many else (many, kernels[2])


def blocks_of(batch: int, lanes: int) -> int:
    """Return the tiles of one copy; an empty batch is a tile without samples."""
    return max(-(-batch // lanes), 1)


@lean
def gather_inputs(
    like: Array, x: Array, mapping: Arrays, first: int, row: int, rows: int, own: Array, mapped: Array
) -> None:
    """Write the inputs of `rows` samples, one every `row` numbers from `first` on, to `own` and mapped to `mapped`.

    Both (I, W) and zeros where there is no sample; mapping: input_w, input_b (I).
    """
    (w, b), lanes = mapping, count(like)
    transpose(x, first, row, own, 0, lanes, rows, w.size)
    for i in range(w.size):
        store(mapped, i * lanes, load_like(own, i * lanes, like) * w[i] + b[i])


@lean
def inputs_back(
    like: Array, first: int, row: int, rows: int, w: Array, own: Array, dxs: Array, dx: Array, sums: Array
) -> None:
    """Write dx of `rows` samples from the gradient dxs (I, W) of the mapped inputs; add up those of w and b.

    own (I, W): the inputs themselves. dxs is changed.
    """
    inputs, lanes = w.size, count(like)
    for i in range(inputs):
        g = load_like(dxs, i * lanes, like)
        sums[i] += total(g * load_like(own, i * lanes, like))
        sums[inputs + i] += total(g)
        store(dxs, i * lanes, g * w[i])
    transpose(dxs, 0, lanes, dx, first, row, inputs, rows)


@part
def of_copy(synapses: Arrays, s: int, ends: int) -> Arrays:
    """Return the synapses of copy s: the starts of its `ends` targets or sources, and all other ends and numbers."""
    return synapses[0][s * (ends + 1) : (s + 1) * (ends + 1)], synapses[1], synapses[2]


@part
def sums_of_tile(sums: Array, slots: int, start: Array, blocks: int, block: int) -> Array:
    """Return the part of the sums over synapses, `slots` each, of one tile: copies are in order, blocks within."""
    first, end = start[0], start[-1]
    at = slots * (blocks * first + block * (end - first))
    return sums[at : at + slots * (end - first)]

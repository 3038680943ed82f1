"""Kernels whose vectors run along the samples: a tile is one copy of the network and as many samples as fit a vector.

Legend of shapes: S copies, B batch, T steps, I inputs, N neurons, P sources, U unfolds, W lanes of a tile; all arrays
are flat.
"""

from collections.abc import Callable

from lnncmp.kernels.common.compiling import Array, Arrays, part
from lnncmp.kernels.common.lanes import DOUBLE, NARROW, WIDE
from lnncmp.kernels.common.torch_arrays import element_type

Size = tuple[int, int, int, int, int]
"""B, T, I, N, U."""
Kernels = tuple[Callable[..., None], Callable[..., None], Callable[..., None]]
"""A kernel for narrow, for wide and for double lanes."""


def widest(batch: int, single: bool, kernels: Kernels) -> tuple[int, Callable[..., None]]:
    """Return how many samples a tile holds, and the kernel for it.

    More samples side by side share the parameters of a synapse; small batches would leave lanes empty.
    """
    element, (narrow, wide, double) = element_type(single), kernels
    if batch <= NARROW[element]:
        return NARROW[element], narrow
    if batch < 2 * DOUBLE[element]:
        return WIDE[element], wide
    return DOUBLE[element], double


def blocks_of(batch: int, lanes: int) -> int:
    """Return the tiles of one copy; an empty batch is a tile without samples."""
    return max(-(-batch // lanes), 1)


@part
def gather_inputs(
    x: Array, input_w: Array, input_b: Array, first: int, row: int, rows: int, inputs: int, lanes: int, xs: Array
) -> None:
    """Write the mapped inputs of `rows` samples, one every `row` numbers from `first` on, into xs (I, W)."""
    for b in range(rows):
        at = first + b * row
        for i in range(inputs):
            xs[i * lanes + b] = x[at + i] * input_w[i] + input_b[i]


@part
def inputs_back(
    x: Array, first: int, row: int, rows: int, lanes: int, input_w: Array, dxs: Array, dx: Array, sums: Array
) -> None:
    """Write dx of `rows` samples from the gradient dxs (I, W) of the mapped inputs; add up those of w and b."""
    inputs = input_w.size
    for b in range(rows):
        at = first + b * row
        for i in range(inputs):
            g = dxs[i * lanes + b]
            dx[at + i] = g * input_w[i]
            sums[i] += g * x[at + i]
            sums[inputs + i] += g


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

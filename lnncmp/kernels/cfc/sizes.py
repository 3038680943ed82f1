"""What the CfC's kernels have to know of a stage: a record of sizes, flags and places in flat arrays.

Legend: S copies, B batch, T steps, I inputs, H hidden units, N units of a backbone layer, L layers, G heads. A p after
a width means that it is padded to whole narrow vectors, with zeros. P is the width of what the cell reads next to the
state: I, or Hp where that is the memory's output. R are the rows of a tile, one copy and a block of the batch.

What a tile writes at a step lies together: an array (S, B, T, width) of the kept block has its rows in the order
(tile, step, row of the tile), so that the rows of several steps are one matrix. Without gradients there is one slot
that every step uses again. Strides of matrices that are walked through by rows are not multiples of 256 bytes
(`_row` fields), else those rows would compete for few places of the cache.
"""

from typing import NamedTuple

import numpy as np


class Stage(NamedTuple):
    """Sizes, flags (0 or 1) and places; in the kernels a record of these fields."""

    batch: int
    steps: int
    block: int
    """Rows of a tile at most."""
    parts: int
    """Tiles of a copy."""
    all_rows: int
    """S B."""
    inputs: int
    inputs_pad: int
    x_row: int
    """Features of a step of what the stage reads, of which `inputs` are read from `x_start` on."""
    x_start: int
    lead: int
    """P."""
    lead_pad: int
    state: int
    state_pad: int
    layers: int
    units: int
    units_pad: int
    heads: int
    head_grads: int
    """Columns of the heads' gradient: G Hp; in mode pure 3 Hp, for ff1, |w_tau| and A."""
    grads_row: int
    hidden_row: int
    """Features of a step of `hidden`, of which H are written from `hidden_start` on."""
    hidden_start: int
    keep: int
    mode: int
    """0 default, 1 no_gate, 2 pure."""
    activation: int
    memory: int
    """0 none, 1 replace_h, 2 input_to_cfc."""
    padded_steps: int
    """Whether a mask of valid steps is given."""
    slopes: int
    """Whether slopes of the activations are kept."""
    dropped: int
    wants_x: int
    """Whether the gradient of what the stage reads is wanted."""
    h_at: int
    """Where h (S, B, H) begins among the states; c of a memory follows."""

    # Weights for the forward pass and, in the same places, their gradients; sources first.
    weights: int
    """Numbers of all weights of one copy, over all stages."""
    first: int
    """(P + H, units_row) of the first backbone layer."""
    rest: int
    """(L - 1, N, units_row)."""
    biases: int
    """(L, Np)."""
    units_row: int
    head_weights: int
    """(N or P + H, heads_row)."""
    heads_row: int
    head_biases: int
    """(G Hp), in mode pure followed by |w_tau| (Hp) and A (Hp)."""
    memory_weights: int
    """(I + H, gates_row)."""
    gates_row: int
    memory_biases: int
    """(4 Hp), the forget bias included."""

    # Weights for the backward pass, targets first. F: Np, or G Hp without backbone.
    backs: int
    """Numbers of one copy, over all stages."""
    back_state: int
    """(F, Hp): from the state to the layer that reads it."""
    back_lead: int
    """(F, Pp): from the inputs to that layer."""
    back_rest: int
    """(L - 1, N, Np)."""
    back_heads: int
    """(G Hp, Np) with a backbone."""
    back_asymptote: int
    """(Hp): A in mode pure."""
    back_memory_state: int
    """(4 Hp, Hp)."""
    back_memory_input: int
    """(4 Hp, Ip)."""

    # Places in the kept block.
    source: int
    """What the cell reads, (S, B, T + 1, P + Hp): inputs, then state; with memory (S, B, T, P + Hp)."""
    memory_source: int
    """What the memory reads, (S, B, T + 1, I + Hp): inputs, then state."""
    gates: int
    """Of the memory, g, i, f, o: (S, B, T, 4 Hp)."""
    cells: int
    """Of the memory: (S, B, T + 1, Hp)."""
    activations: int
    """Of the backbone after dropout, (L, S, B, T, Np)."""
    kept_slopes: int
    """Their derivatives, where they do not follow from the values; (L, S, B, T, Np)."""
    kept_heads: int
    """tanh of ff1, of ff2, and the gate: (S, B, T, 3 Hp); in mode pure ff1 and the decay: (S, B, T, 2 Hp)."""

    # Places in a tile's scratch, which begins with 5 arrays of `part` numbers in the backward pass.
    scratch: int
    """Numbers for each tile."""
    part: int
    gathered: int
    """Rows that fit into each of the following."""
    d_heads: int
    """(gathered, grads_row)."""
    d_layers: int
    """(L, gathered, units_row)."""
    d_gates: int
    """(gathered, gates_row)."""

    gain: float = 1.0
    slope: float = 1.0
    """Of the heads' tanh."""
    sign: float = 1.0
    """Of the elapsed time in the gate."""


RECORD = np.dtype([(name, np.float64 if name in Stage._field_defaults else np.int64) for name in Stage._fields])

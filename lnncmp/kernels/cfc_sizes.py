"""The arguments of the CfC's kernels, grouped; all arrays are contiguous and 1-D.

Legend: S copies, B batch, T steps, I inputs, H hidden units, N units of a backbone layer, L layers, G = heads H.
A p after a width means that it is padded to whole narrow vectors, with zeros. "Kept" buffers have a slot for each
step when gradients are wanted, else one slot that every step uses again. P is the width of what the cell reads besides
the state: I, or Hp where that is the memory's output.
"""

from typing import NamedTuple

from lnncmp.kernels.compiling import Array


class Size(NamedTuple):
    """Sizes, and flags as 0 or 1."""

    batch: int
    steps: int
    block: int
    """Rows of a tile."""
    parts: int
    """Tiles of a copy."""
    inputs: int
    inputs_pad: int
    x_row: int
    """Features of a step of x, of which `inputs` are read from `x_start` on."""
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
    grad_row: int
    """Columns of the heads' gradient: heads Hp; in mode pure 3 Hp, for ff1, |w_tau| and A."""
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
    """Whether there is a mask of real steps."""
    slopes: int
    """Whether slopes of the activations are kept."""
    dropped: int
    wants_x: int
    """Whether the gradient of x is wanted."""


class Scale(NamedTuple):
    """Constants of the heads."""

    gain: float
    slope: float
    sign: float
    """Of the elapsed time in the gate."""


class Given(NamedTuple):
    """What the layer is given."""

    x: Array
    """(S, B, T, x_row)."""
    dt: Array
    """(S, B, T)."""
    real: Array
    """(S, B, T) of bool: which steps are no padding; empty if all are real."""
    h: Array
    """(S, B, H)."""
    c: Array
    """(S, B, H), empty without memory."""
    drop: Array
    """(S, L, T, B, Np): factors of dropout; empty without."""


class Weights(NamedTuple):
    """Weights for the forward pass, sources first."""

    first: Array
    """(S, P + H, Np) of the first backbone layer; empty without backbone."""
    rest: Array
    """(S, L - 1, N, Np)."""
    biases: Array
    """(S, L, Np)."""
    heads: Array
    """(S, N or P + H, heads Hp)."""
    heads_bias: Array
    """(S, heads Hp)."""
    rate: Array
    """(S, Hp): |w_tau| in mode pure."""
    asymptote: Array
    """(S, Hp): A in mode pure."""
    memory: Array
    """(S, I + H, 4 Hp)."""
    memory_bias: Array
    """(S, 4 Hp), the forget bias included."""


class Back(NamedTuple):
    """Weights for the backward pass, targets first. F: Np, or heads Hp without backbone."""

    state: Array
    """(S, F, Hp): from the state to the layer that reads it."""
    lead: Array
    """(S, F, Pp): from the inputs to that layer."""
    rest: Array
    """(S, L - 1, N, Np)."""
    heads: Array
    """(S, heads Hp, Np); empty without backbone."""
    rate: Array
    asymptote: Array
    memory_state: Array
    """(S, 4 Hp, Hp)."""
    memory_input: Array
    """(S, 4 Hp, Ip)."""


class Path(NamedTuple):
    """What the forward pass writes."""

    hidden: Array
    """(S, B, T, hidden_row)."""
    last_h: Array
    """(S, B, H)."""
    last_c: Array
    source: Array
    """What the cell reads, (S, T + 1, B, P + Hp): inputs, then state; with memory (S, T, B, P + Hp). Kept."""
    memory_source: Array
    """What the memory reads, (S, T + 1, B, I + Hp): inputs, then state. Kept."""
    gates: Array
    """Of the memory, g, i, f, o: (S, T, B, 4 Hp). Kept."""
    cells: Array
    """Of the memory: (S, T + 1, B, Hp). Kept."""
    layers: Array
    """Activations of the backbone after dropout, (S, L, T, B, Np). Kept."""
    slopes: Array
    """Their derivatives, where their value does not tell; (S, L, T, B, Np) or empty. Kept."""
    heads: Array
    """tanh of ff1, of ff2, and the gate: (S, T, B, 3 Hp); in mode pure ff1 and the decay: (S, T, B, 2 Hp). Kept."""
    scratch: Array
    """(tiles, block, heads Hp): values of the heads at one step."""


class Grads(NamedTuple):
    """What the backward pass reads and writes."""

    hidden: Array
    """(S, B, T, hidden_row), read."""
    last_h: Array
    """(S, B, H), read."""
    last_c: Array
    x: Array
    """(S, B, T, x_row), added to."""
    h: Array
    """(S, B, H)."""
    c: Array
    heads: Array
    """(S, T, B, grad_row)."""
    layers: Array
    """Before the activation, (S, L, T, B, Np)."""
    gates: Array
    """(S, T, B, 4 Hp)."""
    scratch: Array
    """(tiles, 5, block, max(Hp, Ip)): of the state (two), the memory's output, the cell state, the inputs."""

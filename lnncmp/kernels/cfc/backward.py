"""The CfC over a sequence, backward: gradients of every step, from the last to the first (see sizes).

Those of the weights are added up tile by tile, in chunks of steps. A tile's own arrays are in its scratch, which
begins at `own`: gradients of the new state (q), the old state, the memory's output, the cell state and the inputs.
"""

from lnncmp.kernels.cfc.gradients import gather
from lnncmp.kernels.cfc.heads import gated_heads_backward, pure_heads_backward
from lnncmp.kernels.cfc.layers import activation_backward, add_row, clear_row, copy_row, is_real
from lnncmp.kernels.cfc.memory import memory_cell_backward
from lnncmp.kernels.cfc.sizes import Stage
from lnncmp.kernels.common.compiling import Array, lean, lean_kernel
from lnncmp.kernels.common.matmul import multiply
from lnncmp.kernels.common.tile_sizes import CHUNK


@lean
def _heads_backward(
    stage: Stage,
    row: int,
    rows: int,
    t: int,
    dt: Array,
    real: Array,
    backs: Array,
    b: int,
    kept: Array,
    d_hidden: Array,
    scratch: Array,
    q: int,
    out: int,
) -> None:
    """Add the gradient of the step's output to q, that of the state, and write that of the heads' values."""
    width, steps, mode = stage.state_pad, stage.steps, stage.mode
    kept_row, out_row = (2 if mode == 2 else 3) * width, stage.grads_row
    for r in range(rows):
        valid, place = (row + r) * steps + t, stage.kept_heads + (row * steps + t * rows + r) * kept_row
        add_row(d_hidden, valid * stage.hidden_row + stage.hidden_start, scratch, q + r * width, stage.state)
        if not is_real(stage.padded_steps, real, valid):
            clear_row(scratch, out + r * out_row, stage.head_grads)
        elif mode == 2:
            asymptote = b + stage.back_asymptote
            pure_heads_backward(
                dt[valid], backs, asymptote, scratch, q + r * width, width, kept, place, scratch, out + r * out_row
            )
        else:
            gated_heads_backward(
                stage, dt[valid], scratch, q + r * width, width, kept, place, scratch, out + r * out_row
            )


@lean
def _backbone_backward(
    stage: Stage,
    row: int,
    rows: int,
    t: int,
    backs: Array,
    b: int,
    kept: Array,
    scratch: Array,
    heads: int,
    layers: int,
) -> None:
    """Take the gradient from the heads back through the backbone; the places are those of the step."""
    units, units_row = stage.units_pad, stage.units_row
    each = stage.gathered * units_row
    above, above_row, depth = heads, stage.grads_row, stage.heads * stage.state_pad
    w_at = b + stage.back_heads
    for index in range(stage.layers):
        layer = stage.layers - 1 - index
        at = layers + layer * each
        multiply(scratch, above, above_row, backs, w_at, units, scratch, at, units_row, rows, depth, units, False)
        place = ((layer * stage.all_rows + row) * stage.steps + t * rows) * units
        for r in range(rows):
            value, slope = stage.activations + place + r * units, stage.kept_slopes + place + r * units
            activation_backward(stage, scratch, at + r * units_row, kept, value, slope, units)
        above, above_row, depth = at, units_row, stage.units
        w_at = b + stage.back_rest + (layer - 1) * stage.units * units


@lean
def _memory_backward(
    stage: Stage,
    row: int,
    rows: int,
    t: int,
    real: Array,
    kept: Array,
    scratch: Array,
    du: int,
    dc: int,
    out: int,
) -> None:
    """Write the gradient of the memory's gates from that of its output, and pass that of its cell state on."""
    width, steps = stage.state_pad, stage.steps
    for r in range(rows):
        gates = stage.gates + (row * steps + t * rows + r) * 4 * width
        old = stage.cells + (row * (steps + 1) + t * rows + r) * width
        here, there = r * width, out + r * stage.gates_row
        if is_real(stage.padded_steps, real, (row + r) * steps + t):
            memory_cell_backward(kept, gates, width, old, old + rows * width, scratch, du + here, dc + here, there)
        else:
            clear_row(scratch, there, 4 * width)


@lean
def _inputs_backward(
    stage: Stage,
    row: int,
    rows: int,
    t: int,
    real: Array,
    backs: Array,
    b: int,
    kept: Array,
    d_x: Array,
    scratch: Array,
    own: int,
    z: int,
    gates: int,
) -> None:
    """Take the gradient z of the layer that reads the state to the old state (dh, dc) and the inputs (dx)."""
    width, lead, inputs, part = stage.state_pad, stage.lead_pad, stage.inputs_pad, stage.part
    dh, du, dc, dx = own + part, own + 2 * part, own + 3 * part, own + 4 * part
    z_row, depth = stage.units_row, stage.units
    if stage.layers == 0:
        z_row, depth = stage.grads_row, stage.heads * width
    to_state, w_at = du if stage.memory == 1 else dh, b + stage.back_state
    multiply(scratch, z, z_row, backs, w_at, width, scratch, to_state, width, rows, depth, width, False)
    if stage.memory == 2 or stage.wants_x:
        to_lead, w_at = du if stage.memory == 2 else dx, b + stage.back_lead
        multiply(scratch, z, z_row, backs, w_at, lead, scratch, to_lead, lead, rows, depth, lead, False)
    if stage.memory:
        _memory_backward(stage, row, rows, t, real, kept, scratch, du, dc, gates)
        four, row_of_gates, adds = 4 * width, stage.gates_row, stage.memory == 2
        w_at = b + stage.back_memory_state
        multiply(scratch, gates, row_of_gates, backs, w_at, width, scratch, dh, width, rows, four, width, adds)
        if stage.wants_x:
            w_at = b + stage.back_memory_input
            multiply(
                scratch, gates, row_of_gates, backs, w_at, inputs, scratch, dx, inputs, rows, four, inputs, not adds
            )
    if stage.wants_x:
        for r in range(rows):
            at = ((row + r) * stage.steps + t) * stage.x_row + stage.x_start
            add_row(scratch, dx + r * inputs, d_x, at, stage.inputs)


@lean
def _stage(
    stage: Stage,
    tile: int,
    dt: Array,
    real: Array,
    backs: Array,
    kept: Array,
    d_hidden: Array,
    d_final: Array,
    d_x: Array,
    d_start: Array,
    summed: Array,
    scratch: Array,
) -> None:
    """Take one stage of a tile back over all steps."""
    copy, first = tile // stage.parts, (tile % stage.parts) * stage.block
    rows, row = min(stage.block, stage.batch - first), copy * stage.batch + first
    b, w, own, part = copy * stage.backs, tile * stage.weights, tile * stage.scratch, stage.part
    width, state = stage.state_pad, stage.state
    c_at = stage.h_at + stage.all_rows * state
    q, dh, dc = own, own + part, own + 3 * part
    heads, layers, gates = own + stage.d_heads, own + stage.d_layers, own + stage.d_gates
    clear_row(scratch, own, 5 * part)
    for r in range(rows):
        copy_row(d_final, stage.h_at + (row + r) * state, scratch, q + r * width, state)
        if stage.memory:
            copy_row(d_final, c_at + (row + r) * state, scratch, dc + r * width, state)
    chunk, end = max(CHUNK // rows, 1), stage.steps
    while end > 0:
        begin = max(end - chunk, 0)
        for index in range(end - begin):
            t = end - 1 - index
            gathered = (t - begin) * rows
            to_heads, to_layers = heads + gathered * stage.grads_row, layers + gathered * stage.units_row
            to_gates = gates + gathered * stage.gates_row
            _heads_backward(stage, row, rows, t, dt, real, backs, b, kept, d_hidden, scratch, q, to_heads)
            _backbone_backward(stage, row, rows, t, backs, b, kept, scratch, to_heads, to_layers)
            z = to_layers if stage.layers else to_heads
            _inputs_backward(stage, row, rows, t, real, backs, b, kept, d_x, scratch, own, z, to_gates)
            for r in range(rows):
                if is_real(stage.padded_steps, real, (row + r) * stage.steps + t):
                    copy_row(scratch, dh + r * width, scratch, q + r * width, width)
        gather(stage, row, rows, begin, end - begin, kept, scratch, (heads, layers, gates), summed, w)
        end = begin
    for r in range(rows):
        copy_row(scratch, q + r * width, d_start, stage.h_at + (row + r) * state, state)
        if stage.memory:
            copy_row(scratch, dc + r * width, d_start, c_at + (row + r) * state, state)


@lean_kernel
def backward(
    first: int,
    end: int,
    stages: Array,
    dt: Array,
    real: Array,
    backs: Array,
    kept: Array,
    d_hidden: Array,
    d_final: Array,
    d_x: Array,
    d_start: Array,
    summed: Array,
    scratch: Array,
) -> None:
    """Take tiles first, ..., end - 1 of all stages back over all steps.

    backs: the weights as packed for this. d_hidden (S, B, T, width), to which stages add what they find for the ones
    before, d_final and d_start: as final and start of `forward`. To d_x (S, B, T, I) and summed, (tiles, weights) as
    packed for the forward pass, gradients are added.
    """
    for tile in range(first, end):
        for index in range(stages.size - 1, -1, -1):
            into = d_x if index == 0 else d_hidden
            _stage(stages[index], tile, dt, real, backs, kept, d_hidden, d_final, into, d_start, summed, scratch)

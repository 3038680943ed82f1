"""The CfC over a sequence, forward: one call for all copies, stages, time steps and rows of a batch (see sizes).

`row` is the first row of a tile among those of all copies' batches, `at` the step's slot in the kept block.
"""

from lnncmp.kernels.cfc.heads import gated_heads_forward, pure_heads_forward
from lnncmp.kernels.cfc.layers import activation_forward, clear_row, copy_row, dense, is_real
from lnncmp.kernels.cfc.memory import memory_cell_forward
from lnncmp.kernels.cfc.sizes import Stage
from lnncmp.kernels.common.compiling import Array, lean, lean_kernel


@lean
def _read_inputs(stage: Stage, row: int, rows: int, t: int, x: Array, real: Array, kept: Array, home_at: int) -> None:
    """Write the inputs of step t in front of the state that is there already; padding counts as 0."""
    inputs, steps, x_row, x_start = stage.inputs, stage.steps, stage.x_row, stage.x_start
    padded_steps, home_row = stage.padded_steps, stage.inputs + stage.state_pad
    for r in range(rows):
        valid = (row + r) * steps + t
        if is_real(padded_steps, real, valid):
            copy_row(x, valid * x_row + x_start, kept, home_at + r * home_row, inputs)
        else:
            clear_row(kept, home_at + r * home_row, inputs)


@lean
def _memory_forward(
    stage: Stage,
    row: int,
    rows: int,
    t: int,
    real: Array,
    weights: Array,
    w: int,
    kept: Array,
    home_at: int,
    source_at: int,
) -> None:
    """Run the memory cell for step t and write what the CfC reads."""
    width, inputs = stage.state_pad, stage.inputs
    home_row, source_row, columns = inputs + width, stage.lead + width, 4 * width
    at, slots = (t, stage.steps) if stage.keep else (0, 1)
    gates_at = stage.gates + (row * slots + at * rows) * columns
    old = stage.cells + (row * (slots + stage.keep) + at * rows) * width
    new = old + stage.keep * rows * width
    w_at, bias_at, depth = w + stage.memory_weights, w + stage.memory_biases, inputs + stage.state
    dense(kept, home_at, home_row, weights, w_at, stage.gates_row, bias_at, kept, gates_at, rows, depth, columns)
    u_at = stage.lead if stage.memory == 1 else 0
    for r in range(rows):
        out, gate, cell = source_at + r * source_row, gates_at + r * columns, r * width
        if is_real(stage.padded_steps, real, (row + r) * stage.steps + t):
            memory_cell_forward(kept, gate, width, old + cell, new + cell, out + u_at)
        else:
            clear_row(kept, gate, columns)
            clear_row(kept, out + u_at, width)
            copy_row(kept, old + cell, kept, new + cell, width)
        if stage.memory == 1:
            copy_row(kept, home_at + r * home_row, kept, out, inputs)
        else:
            copy_row(kept, home_at + r * home_row + inputs, kept, out + stage.lead, width)


@lean
def _backbone_forward(
    stage: Stage,
    copy: int,
    row: int,
    rows: int,
    t: int,
    drop: Array,
    weights: Array,
    w: int,
    kept: Array,
    source_at: int,
    y: Array,
    y_at: int,
) -> None:
    """Write the values of the heads to y (rows, G Hp): the backbone, then the heads."""
    at, slots = (t, stage.steps) if stage.keep else (0, 1)
    units, layers, units_row = stage.units_pad, stage.layers, stage.units_row
    read_at, read_row, depth = source_at, stage.lead + stage.state_pad, stage.lead + stage.state
    w_at = w + stage.first
    for layer in range(layers):
        place = ((layer * stage.all_rows + row) * slots + at * rows) * units
        out_at, bias_at = stage.activations + place, w + stage.biases + layer * units
        dense(kept, read_at, read_row, weights, w_at, units_row, bias_at, kept, out_at, rows, depth, units)
        drop_row = ((copy * layers + layer) * stage.steps + t) * stage.batch + row - copy * stage.batch
        activation_forward(stage, kept, out_at, stage.kept_slopes + place, drop, drop_row * units, rows * units)
        read_at, read_row, depth = out_at, units, stage.units
        w_at = w + stage.rest + layer * stage.units * units_row
    w_at, bias_at, columns = w + stage.head_weights, w + stage.head_biases, stage.heads * stage.state_pad
    dense(kept, read_at, read_row, weights, w_at, stage.heads_row, bias_at, y, y_at, rows, depth, columns)


@lean
def _heads_forward(
    stage: Stage,
    row: int,
    rows: int,
    t: int,
    dt: Array,
    real: Array,
    weights: Array,
    w: int,
    kept: Array,
    home_at: int,
    hidden: Array,
    y: Array,
    y_at: int,
) -> None:
    """Write the new states from the values y of the heads."""
    width, steps, mode, keep = stage.state_pad, stage.steps, stage.mode, stage.keep
    home_row, values = stage.inputs + width, stage.heads * width
    at, slots = (t, steps) if keep else (0, 1)
    kept_row = (2 if mode == 2 else 3) * width
    rate = w + stage.head_biases + width
    for r in range(rows):
        old = home_at + r * home_row + stage.inputs
        new = old + keep * rows * home_row
        place, valid = stage.kept_heads + (row * slots + at * rows + r) * kept_row, (row + r) * steps + t
        if not is_real(stage.padded_steps, real, valid):
            copy_row(kept, old, kept, new, width)
        elif mode == 2:
            pure_heads_forward(dt[valid], weights, rate, rate + width, y, y_at + r * values, width, kept, place, new)
        else:
            gated_heads_forward(stage, dt[valid], y, y_at + r * values, width, kept, place, new)
        copy_row(kept, new, hidden, valid * stage.hidden_row + stage.hidden_start, stage.state)


@lean
def _begin(stage: Stage, row: int, rows: int, start: Array, kept: Array, h_at: int, cells: int) -> None:
    """Write the starting state; `h_at` is the place of h in the tile's first row, `cells` that of c."""
    width, state, home_row = stage.state_pad, stage.state, stage.inputs + stage.state_pad
    c_at = stage.h_at + stage.all_rows * state
    for r in range(rows):
        clear_row(kept, h_at + r * home_row, width)
        copy_row(start, stage.h_at + (row + r) * state, kept, h_at + r * home_row, state)
        if stage.memory:
            clear_row(kept, cells + r * width, width)
            copy_row(start, c_at + (row + r) * state, kept, cells + r * width, state)


@lean
def _end(stage: Stage, row: int, rows: int, kept: Array, h_at: int, cells: int, final: Array) -> None:
    """Write the final state; places as in `_begin`."""
    width, state, home_row = stage.state_pad, stage.state, stage.inputs + stage.state_pad
    c_at = stage.h_at + stage.all_rows * state
    for r in range(rows):
        copy_row(kept, h_at + r * home_row, final, stage.h_at + (row + r) * state, state)
        if stage.memory:
            copy_row(kept, cells + r * width, final, c_at + (row + r) * state, state)


@lean
def _stage(
    stage: Stage,
    tile: int,
    x: Array,
    dt: Array,
    real: Array,
    drop: Array,
    start: Array,
    weights: Array,
    kept: Array,
    hidden: Array,
    final: Array,
    scratch: Array,
) -> None:
    """Run one stage of a tile over all steps."""
    copy, first = tile // stage.parts, (tile % stage.parts) * stage.block
    rows, row = min(stage.block, stage.batch - first), copy * stage.batch + first
    w, y_at, width = copy * stage.weights, tile * stage.scratch, stage.state_pad
    home_row, source_row = stage.inputs + width, stage.lead + width
    keep, slots = stage.keep, stage.steps if stage.keep else 1
    states = slots + keep
    home_at = row * states * home_row + (stage.memory_source if stage.memory else stage.source)
    cells = stage.cells + row * states * width
    _begin(stage, row, rows, start, kept, home_at + stage.inputs, cells)
    for t in range(stage.steps):
        _read_inputs(stage, row, rows, t, x, real, kept, home_at)
        source_at = home_at
        if stage.memory:
            source_at = stage.source + (row * slots + keep * t * rows) * source_row
            _memory_forward(stage, row, rows, t, real, weights, w, kept, home_at, source_at)
        _backbone_forward(stage, copy, row, rows, t, drop, weights, w, kept, source_at, scratch, y_at)
        _heads_forward(stage, row, rows, t, dt, real, weights, w, kept, home_at, hidden, scratch, y_at)
        home_at += keep * rows * home_row
        cells += keep * rows * width
    _end(stage, row, rows, kept, home_at + stage.inputs, cells, final)


@lean_kernel
def forward(
    first: int,
    end: int,
    stages: Array,
    x: Array,
    dt: Array,
    real: Array,
    drop: Array,
    start: Array,
    weights: Array,
    kept: Array,
    hidden: Array,
    final: Array,
    scratch: Array,
) -> None:
    """Run tiles first, ..., end - 1 of all stages over all steps.

    stages: records of Stage. x (S, B, T, I), dt (S, B, T), real (S, B, T) of bool, empty if no step is padding, drop
    (S, L, T, B, Np) factors of dropout of the first stage, empty without; start and final: h (S, B, H) of each stage,
    followed by c with a memory; weights as packed. Written are the kept block, hidden (S, B, T, width) and
    final; scratch is as long as the stages say for each tile.
    """
    for tile in range(first, end):
        for index in range(stages.size):
            source = x if index == 0 else hidden
            _stage(stages[index], tile, source, dt, real, drop, start, weights, kept, hidden, final, scratch)

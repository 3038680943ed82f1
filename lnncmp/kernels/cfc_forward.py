"""The CfC over a sequence, forward: one call for all copies, time steps and rows of a batch (see cfc_sizes)."""

from lnncmp.kernels.cfc_heads import blend, fade
from lnncmp.kernels.cfc_layers import activate, clear_row, copy_row, dense, is_real
from lnncmp.kernels.cfc_memory import remember
from lnncmp.kernels.cfc_sizes import Given, Path, Scale, Size, Weights
from lnncmp.kernels.compiling import Array, lean, lean_kernel


@lean
def _read(size: Size, given: Given, home: Array, home_at: int, copy: int, row: int, rows: int, t: int) -> None:
    """Write the inputs of step t in front of the state that is in `home` already; padding counts as 0."""
    home_row = size.inputs + size.state_pad
    for r in range(rows):
        at = home_at + r * home_row
        if is_real(size.padded_steps, given.real, (copy * size.batch + row + r) * size.steps + t):
            x_at = ((copy * size.batch + row + r) * size.steps + t) * size.x_row
            copy_row(given.x, x_at + size.x_start, home, at, size.inputs)
        else:
            clear_row(home, at, size.inputs)


@lean
def _memorise(
    size: Size, given: Given, weights: Weights, path: Path, copy: int, row: int, rows: int, t: int, source_at: int
) -> None:
    """Run the memory cell for step t and write what the CfC reads."""
    width, home_row, source_row = size.state_pad, size.inputs + size.state_pad, size.lead + size.state_pad
    at, following = (t, t + 1) if size.keep else (0, 0)
    slots = size.steps if size.keep else 1
    states = slots + size.keep
    home_at = ((copy * states + at) * size.batch + row) * home_row
    gates_at = ((copy * slots + at) * size.batch + row) * 4 * width
    depth, columns = size.inputs + size.state, 4 * width
    dense(
        path.memory_source,
        home_at,
        home_row,
        weights.memory,
        copy * depth * columns,
        weights.memory_bias,
        copy * columns,
        path.gates,
        gates_at,
        rows,
        depth,
        columns,
    )
    u_at = size.lead if size.memory == 1 else 0
    for r in range(rows):
        old = ((copy * states + at) * size.batch + row + r) * width
        new = ((copy * states + following) * size.batch + row + r) * width
        out = source_at + r * source_row
        if is_real(size.padded_steps, given.real, (copy * size.batch + row + r) * size.steps + t):
            remember(
                path.gates, gates_at + r * columns, width, path.cells, old, path.cells, new, path.source, out + u_at
            )
        else:
            clear_row(path.gates, gates_at + r * columns, columns)
            clear_row(path.source, out + u_at, width)
            copy_row(path.cells, old, path.cells, new, width)
        if size.memory == 1:
            copy_row(path.memory_source, home_at + r * home_row, path.source, out, size.inputs)
        else:
            copy_row(path.memory_source, home_at + r * home_row + size.inputs, path.source, out + size.lead, width)


@lean
def _think(
    size: Size,
    given: Given,
    weights: Weights,
    path: Path,
    copy: int,
    row: int,
    rows: int,
    t: int,
    source_at: int,
    y: Array,
) -> None:
    """Write the values of the heads to y (rows, heads Hp): the backbone, then the heads."""
    at = t if size.keep else 0
    slots = size.steps if size.keep else 1
    reads, read_at, read_row = path.source, source_at, size.lead + size.state_pad
    depth, units = size.lead + size.state, size.units_pad
    for layer in range(size.layers):
        out_at = (((copy * size.layers + layer) * slots + at) * size.batch + row) * units
        bias_at = (copy * size.layers + layer) * units
        w, w_at = weights.first, copy * depth * units
        if layer > 0:
            w, w_at = weights.rest, (copy * (size.layers - 1) + layer - 1) * size.units * units
        dense(reads, read_at, read_row, w, w_at, weights.biases, bias_at, path.layers, out_at, rows, depth, units)
        drop_at = (((copy * size.layers + layer) * size.steps + t) * size.batch + row) * units
        activate(size, path.layers, out_at, path.slopes, given.drop, drop_at, rows * units)
        reads, read_at, read_row, depth = path.layers, out_at, units, size.units
    columns = size.heads * size.state_pad
    dense(
        reads,
        read_at,
        read_row,
        weights.heads,
        copy * depth * columns,
        weights.heads_bias,
        copy * columns,
        y,
        0,
        rows,
        depth,
        columns,
    )


@lean
def _decide(
    size: Size,
    scale: Scale,
    given: Given,
    weights: Weights,
    path: Path,
    copy: int,
    row: int,
    rows: int,
    t: int,
    home: Array,
    y: Array,
) -> None:
    """Write the new states from the values y of the heads."""
    width, home_row = size.state_pad, size.inputs + size.state_pad
    at, following = (t, t + 1) if size.keep else (0, 0)
    slots = size.steps if size.keep else 1
    states = slots + size.keep
    kept_row = (2 if size.mode == 2 else 3) * width
    for r in range(rows):
        old = ((copy * states + at) * size.batch + row + r) * home_row + size.inputs
        new = ((copy * states + following) * size.batch + row + r) * home_row + size.inputs
        kept = ((copy * slots + at) * size.batch + row + r) * kept_row
        y_at = r * size.heads * width
        dt = given.dt[(copy * size.batch + row + r) * size.steps + t]
        if not is_real(size.padded_steps, given.real, (copy * size.batch + row + r) * size.steps + t):
            copy_row(home, old, home, new, width)
        elif size.mode == 2:
            fade(dt, weights.rate, weights.asymptote, copy * width, y, y_at, width, path.heads, kept, home, new)
        else:
            blend(size.mode, scale, dt, y, y_at, width, path.heads, kept, home, new)
        hidden_at = ((copy * size.batch + row + r) * size.steps + t) * size.hidden_row
        copy_row(home, new, path.hidden, hidden_at + size.hidden_start, size.state)


@lean
def _begin(size: Size, given: Given, path: Path, home: Array, copy: int, row: int, rows: int) -> None:
    width, home_row = size.state_pad, size.inputs + size.state_pad
    states = size.steps + 1 if size.keep else 1
    for r in range(rows):
        at = (copy * states * size.batch + row + r) * home_row + size.inputs
        start = (copy * size.batch + row + r) * size.state
        clear_row(home, at, width)
        copy_row(given.h, start, home, at, size.state)
        if size.memory:
            at = (copy * states * size.batch + row + r) * width
            clear_row(path.cells, at, width)
            copy_row(given.c, start, path.cells, at, size.state)


@lean
def _end(size: Size, path: Path, home: Array, copy: int, row: int, rows: int) -> None:
    width, home_row = size.state_pad, size.inputs + size.state_pad
    states = size.steps + 1 if size.keep else 1
    for r in range(rows):
        slot = (copy * states + states - 1) * size.batch + row + r
        end = (copy * size.batch + row + r) * size.state
        copy_row(home, slot * home_row + size.inputs, path.last_h, end, size.state)
        if size.memory:
            copy_row(path.cells, slot * width, path.last_c, end, size.state)


@lean_kernel
def forward(first: int, end: int, size: Size, scale: Scale, given: Given, weights: Weights, path: Path) -> None:
    """Run tiles first, ..., end - 1 over all steps; a tile is a block of rows of one copy."""
    numbers = size.block * size.heads * size.state_pad
    home = path.memory_source if size.memory else path.source
    slots = size.steps if size.keep else 1
    states = slots + size.keep
    for tile in range(first, end):
        copy, row = tile // size.parts, (tile % size.parts) * size.block
        rows = min(size.block, size.batch - row)
        y = path.scratch[tile * numbers : (tile + 1) * numbers]
        _begin(size, given, path, home, copy, row, rows)
        for t in range(size.steps):
            at = t if size.keep else 0
            home_at = ((copy * states + at) * size.batch + row) * (size.inputs + size.state_pad)
            _read(size, given, home, home_at, copy, row, rows, t)
            source_at = home_at
            if size.memory:
                source_at = ((copy * slots + at) * size.batch + row) * (size.lead + size.state_pad)
                _memorise(size, given, weights, path, copy, row, rows, t, source_at)
            _think(size, given, weights, path, copy, row, rows, t, source_at, y)
            _decide(size, scale, given, weights, path, copy, row, rows, t, home, y)
        _end(size, path, home, copy, row, rows)

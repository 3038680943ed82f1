"""The CfC over a sequence, backward: gradients of every step, from the last to the first (see cfc_sizes).

Gradients of weights are left to long matrix products over all steps and rows (see cfc_gradients); here the gradients
of what each layer computes before its activation are written for that.
"""

from lnncmp.kernels.cfc_heads import unblend, unfade
from lnncmp.kernels.cfc_layers import add_row, clear_row, copy_row, descend, is_real
from lnncmp.kernels.cfc_memory import recall
from lnncmp.kernels.cfc_sizes import Back, Given, Grads, Path, Scale, Size
from lnncmp.kernels.compiling import Array, lean, lean_kernel
from lnncmp.kernels.matmul import multiply


@lean
def _undecide(
    size: Size,
    scale: Scale,
    given: Given,
    back: Back,
    path: Path,
    grads: Grads,
    copy: int,
    row: int,
    rows: int,
    t: int,
    q: Array,
) -> None:
    """Add the gradient of the step's output to q, that of the state, and write that of the heads' values."""
    width = size.state_pad
    kept_row = (2 if size.mode == 2 else 3) * width
    for r in range(rows):
        slot = (copy * size.steps + t) * size.batch + row + r
        hidden_at = ((copy * size.batch + row + r) * size.steps + t) * size.hidden_row
        add_row(grads.hidden, hidden_at + size.hidden_start, q, r * width, size.state)
        out, kept = slot * size.grad_row, slot * kept_row
        dt = given.dt[(copy * size.batch + row + r) * size.steps + t]
        if not is_real(size.padded_steps, given.real, (copy * size.batch + row + r) * size.steps + t):
            clear_row(grads.heads, out, size.grad_row)
        elif size.mode == 2:
            unfade(dt, back.asymptote, copy * width, q, r * width, width, path.heads, kept, grads.heads, out)
        else:
            unblend(size.mode, scale, dt, q, r * width, width, path.heads, kept, grads.heads, out)


@lean
def _unthink(size: Size, back: Back, path: Path, grads: Grads, copy: int, row: int, rows: int, t: int) -> None:
    """Take the gradient from the heads back through the backbone."""
    units = size.units_pad
    for index in range(size.layers):
        layer = size.layers - 1 - index
        at = (((copy * size.layers + layer) * size.steps + t) * size.batch + row) * units
        if index == 0:
            depth = size.heads * size.state_pad
            heads_at = ((copy * size.steps + t) * size.batch + row) * size.grad_row
            w_at = copy * depth * units
            multiply(
                grads.heads,
                heads_at,
                size.grad_row,
                back.heads,
                w_at,
                units,
                grads.layers,
                at,
                units,
                rows,
                depth,
                units,
                False,
            )
        else:
            w_at = (copy * (size.layers - 1) + layer) * size.units * units
            above = at + size.steps * size.batch * units
            multiply(
                grads.layers,
                above,
                units,
                back.rest,
                w_at,
                units,
                grads.layers,
                at,
                units,
                rows,
                size.units,
                units,
                False,
            )
        descend(size, grads.layers, at, path.layers, path.slopes, rows * units)


@lean
def _unmemorise(
    size: Size, given: Given, path: Path, grads: Grads, copy: int, row: int, rows: int, t: int, du: Array, dc: Array
) -> None:
    """Write the gradient of the memory's gates from that of its output, and pass that of its cell state on."""
    width = size.state_pad
    for r in range(rows):
        slot = (copy * size.steps + t) * size.batch + row + r
        old = ((copy * (size.steps + 1) + t) * size.batch + row + r) * width
        new = old + size.batch * width
        if is_real(size.padded_steps, given.real, (copy * size.batch + row + r) * size.steps + t):
            recall(
                path.gates, slot * 4 * width, width, path.cells, old, path.cells, new, du, dc, r * width, grads.gates
            )
        else:
            clear_row(grads.gates, slot * 4 * width, 4 * width)


@lean
def _spread(size: Size, into: Array, copy: int, row: int, rows: int, t: int, dx: Array) -> None:
    """Add the gradient of the inputs of step t, dx (rows, Ip), to where they were read."""
    for r in range(rows):
        at = ((copy * size.batch + row + r) * size.steps + t) * size.x_row
        add_row(dx, r * size.inputs_pad, into, at + size.x_start, size.inputs)


@lean
def _return(
    size: Size,
    given: Given,
    back: Back,
    path: Path,
    grads: Grads,
    copy: int,
    row: int,
    rows: int,
    t: int,
    dh: Array,
    du: Array,
    dc: Array,
    dx: Array,
) -> None:
    """Take the gradient from the layer that reads the state to the old state (dh, dc) and the inputs (dx)."""
    width, lead, inputs = size.state_pad, size.lead_pad, size.inputs_pad
    slot = (copy * size.steps + t) * size.batch + row
    if size.layers:
        z, z_at = grads.layers, (copy * size.layers * size.steps * size.batch + t * size.batch + row) * size.units_pad
        z_row, depth, w_depth = size.units_pad, size.units, size.units_pad
    else:
        z, z_at, z_row = grads.heads, slot * size.grad_row, size.grad_row
        depth = w_depth = size.heads * width
    to_state = du if size.memory == 1 else dh
    multiply(z, z_at, z_row, back.state, copy * w_depth * width, width, to_state, 0, width, rows, depth, width, False)
    if size.memory == 2:
        multiply(z, z_at, z_row, back.lead, copy * w_depth * lead, lead, du, 0, lead, rows, depth, lead, False)
    elif size.wants_x:
        multiply(z, z_at, z_row, back.lead, copy * w_depth * lead, lead, dx, 0, lead, rows, depth, lead, False)
    if size.memory:
        _unmemorise(size, given, path, grads, copy, row, rows, t, du, dc)
        four, adds = 4 * width, size.memory == 2
        w_at = copy * four * width
        multiply(grads.gates, slot * four, four, back.memory_state, w_at, width, dh, 0, width, rows, four, width, adds)
        if size.wants_x:
            w_at = copy * four * inputs
            multiply(
                grads.gates,
                slot * four,
                four,
                back.memory_input,
                w_at,
                inputs,
                dx,
                0,
                inputs,
                rows,
                four,
                inputs,
                not adds,
            )
    if size.wants_x:
        _spread(size, grads.x, copy, row, rows, t, dx)


@lean_kernel
def backward(
    first: int, end: int, size: Size, scale: Scale, given: Given, back: Back, path: Path, grads: Grads
) -> None:
    """Run tiles first, ..., end - 1 over all steps; a tile is a block of rows of one copy."""
    width = size.state_pad
    part = size.block * max(width, size.inputs_pad)
    for tile in range(first, end):
        copy, row = tile // size.parts, (tile % size.parts) * size.block
        rows = min(size.block, size.batch - row)
        own = grads.scratch[tile * 5 * part : (tile + 1) * 5 * part]
        clear_row(own, 0, 5 * part)
        q, dh, du, dc = own[:part], own[part : 2 * part], own[2 * part : 3 * part], own[3 * part : 4 * part]
        dx = own[4 * part :]
        for r in range(rows):
            at = (copy * size.batch + row + r) * size.state
            copy_row(grads.last_h, at, q, r * width, size.state)
            if size.memory:
                copy_row(grads.last_c, at, dc, r * width, size.state)
        for index in range(size.steps):
            t = size.steps - 1 - index
            _undecide(size, scale, given, back, path, grads, copy, row, rows, t, q)
            _unthink(size, back, path, grads, copy, row, rows, t)
            _return(size, given, back, path, grads, copy, row, rows, t, dh, du, dc, dx)
            for r in range(rows):
                if is_real(size.padded_steps, given.real, (copy * size.batch + row + r) * size.steps + t):
                    copy_row(dh, r * width, q, r * width, width)
        for r in range(rows):
            at = (copy * size.batch + row + r) * size.state
            copy_row(q, r * width, grads.h, at, size.state)
            if size.memory:
                copy_row(dc, r * width, grads.c, at, size.state)

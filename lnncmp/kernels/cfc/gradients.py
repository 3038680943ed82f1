"""Gradients of a CfC's weights inside its backward kernel: of what a map reads and the gradient of its result.

Legend as in lnncmp.kernels.cfc.sizes.
"""

from lnncmp.kernels.cfc.layers import add_columns
from lnncmp.kernels.cfc.sizes import Stage
from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.matmul import multiply_transposed


@lean
def _product(
    a: Array,
    a_at: int,
    a_row: int,
    d: Array,
    d_at: int,
    d_row: int,
    out: Array,
    out_at: int,
    out_row: int,
    sources: int,
    count: int,
    columns: int,
) -> None:
    multiply_transposed(a, a_at, a_row, d, d_at, d_row, out, out_at, out_row, sources, count, columns, True)


@lean
def gather(
    stage: Stage,
    row: int,
    rows: int,
    begin: int,
    steps: int,
    kept: Array,
    scratch: Array,
    places: tuple[int, int, int],
    summed: Array,
    w: int,
) -> None:
    """Add the gradients of the weights from `steps` steps; those of what they write are at `places` of scratch."""
    heads, layers, gates = places
    width, units, units_row, count = stage.state_pad, stage.units_pad, stage.units_row, steps * rows
    at = row * stage.steps + begin * rows
    state_at = at + row
    row_of_read, sources, out = stage.lead + width, stage.lead + stage.state, w + stage.first
    read = stage.source + (at if stage.memory else state_at) * row_of_read
    for layer in range(stage.layers):
        d = layers + layer * stage.gathered * units_row
        _product(kept, read, row_of_read, scratch, d, units_row, summed, out, units_row, sources, count, units)
        add_columns(scratch, d, units_row, summed, w + stage.biases + layer * units, count, units)
        read = stage.activations + (layer * stage.all_rows * stage.steps + at) * units
        row_of_read, sources, out = units, stage.units, w + stage.rest + layer * stage.units * units_row
    out, d_row, out_row, columns = w + stage.head_weights, stage.grads_row, stage.heads_row, stage.heads * width
    _product(kept, read, row_of_read, scratch, heads, d_row, summed, out, out_row, sources, count, columns)
    add_columns(scratch, heads, d_row, summed, w + stage.head_biases, count, stage.head_grads)
    if stage.memory:
        row_of_read, sources, out = stage.inputs + width, stage.inputs + stage.state, w + stage.memory_weights
        read, gates_row = stage.memory_source + state_at * row_of_read, stage.gates_row
        _product(kept, read, row_of_read, scratch, gates, gates_row, summed, out, gates_row, sources, count, 4 * width)
        add_columns(scratch, gates, gates_row, summed, w + stage.memory_biases, count, 4 * width)

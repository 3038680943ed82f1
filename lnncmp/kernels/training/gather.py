"""The windows of a batch, put side by side. Legend: N windows, R of them, T steps, I inputs; all arrays are flat."""

from lnncmp.kernels.common.compiling import Array, lean, lean_kernel


@lean
def _copy(source: Array, row: int, length: int, out: Array, place: int) -> None:
    """Copy row `row` of a matrix with rows of `length` to row `place` of another."""
    here, there = row * length, place * length
    for k in range(length):
        out[there + k] = source[here + k]


@lean_kernel
def gather(
    rows: Array, steps: int, inputs: int, x: Array, dt: Array, valid: Array, xs: Array, dts: Array, real: Array
) -> None:
    """Write the windows `rows` (R) of x (N, T, I), dt (N, T) and valid (N, T), or empty, to xs, dts and real."""
    for place in range(rows.size):
        row = rows[place]
        _copy(x, row, steps * inputs, xs, place)
        _copy(dt, row, steps, dts, place)
        if valid.size > 0:
            _copy(valid, row, steps, real, place)

"""Transposed matrices of the kernels equal numpy's: all sizes around those of the blocks, nothing written outside."""

import numpy as np
import pytest

from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.transpose import transpose


@kernel
def run_transpose(source, at, row, out, out_at, out_row, rows, columns):
    transpose(source, at, row, out, out_at, out_row, rows, columns)


@pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])
def test_every_size_around_the_blocks(kind):
    for rows in (0, 1, 3, 4, 7, 8, 9, 17, 32):
        for columns in (0, 1, 4, 5, 8, 11, 16, 24):
            row, out_row = columns + 3, rows + 2
            source = np.arange(5 + rows * row, dtype=kind)
            out = np.full(3 + columns * out_row, -1, kind)
            expected = out.copy()
            matrix = source[5:].reshape(rows, row)[:, :columns]
            expected[3:].reshape(columns, out_row)[:, :rows] = matrix.T
            run_transpose(source, 5, row, out, 3, out_row, rows, columns)
            np.testing.assert_array_equal(out, expected)

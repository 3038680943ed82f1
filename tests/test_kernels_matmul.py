"""Products of the kernels equal numpy: all sizes around those of the blocks, offsets, strides, nothing outside."""

import numpy as np
import pytest

from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.matmul import ROWS, multiply, multiply_transposed, padded

MARK = 7.0
"""The values around the matrices; a product must neither read nor write them."""


@kernel
def plain(a, a_at, a_row, w, w_at, w_row, out, out_at, out_row, rows, depth, columns, keep):
    multiply(a, a_at, a_row, w, w_at, w_row, out, out_at, out_row, rows, depth, columns, keep)


@kernel
def transposed(a, a_at, a_row, w, w_at, w_row, out, out_at, out_row, rows, depth, columns, keep):
    multiply_transposed(a, a_at, a_row, w, w_at, w_row, out, out_at, out_row, rows, depth, columns, keep)


def embed(matrix, at, beside):
    """Return a matrix in a flat array: `at` marks before it, `beside` after each row, some at the end."""
    wide = np.pad(matrix, ((0, 0), (0, beside)), constant_values=MARK)
    flat = np.concatenate([np.full(at, MARK), wide.ravel(), np.full(5, MARK)]).astype(matrix.dtype)
    return flat, at, matrix.shape[1] + beside


def check(run, kind, rows, depth, columns, keep, source):
    a, w, out = (source.normal(size=s).astype(kind) for s in ((rows, depth), (depth, columns), (rows, columns)))
    stored = a.T if run is transposed else a
    flat, at, row = embed(out, 2, 3)
    expected = a.astype(np.float64) @ w.astype(np.float64) + (out.astype(np.float64) if keep else 0.0)
    run(*embed(stored, 3, 1), *embed(w, 1, 2), flat, at, row, rows, depth, columns, keep)
    got = flat[at : at + rows * row].reshape(rows, row)[:, :columns]
    eps = np.finfo(kind).eps
    np.testing.assert_allclose(got, expected, rtol=0, atol=(2 * depth + 8) * eps * 4)
    around, _, _ = embed(got, at, row - columns)
    np.testing.assert_array_equal(flat, around)


@pytest.mark.parametrize("run", [plain, transposed], ids=["multiply", "multiply_transposed"])
@pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("keep", [False, True])
def test_every_size_around_the_blocks(run, kind, keep):
    source = np.random.default_rng(0)
    lanes = padded(1, kind == np.float32)
    for rows in range(3 * ROWS + 2):
        for depth in (0, 1, 2, 7, 33):
            for vectors in range(6):
                check(run, kind, rows, depth, vectors * lanes, keep, source)


@pytest.mark.parametrize("run", [plain, transposed], ids=["multiply", "multiply_transposed"])
@pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(("rows", "depth", "columns"), [(64, 83, 256), (147, 96, 512), (1, 512, 8), (16, 512, 128)])
def test_sizes_of_real_networks(run, kind, rows, depth, columns):
    check(run, kind, rows, depth, columns, True, np.random.default_rng(1))


@pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])
def test_not_a_number_stays_in_its_row(kind):
    a, w = np.ones((7, 5), kind), np.ones((5, 16), kind)
    a[2, 3] = np.nan
    out = np.zeros(7 * 16, kind)
    plain(a.ravel(), 0, 5, w.ravel(), 0, 16, out, 0, 16, 7, 5, 16, False)
    assert np.array_equal(np.isnan(out.reshape(7, 16)).all(1), np.arange(7) == 2)
    assert np.isnan(out).sum() == 16


def test_padded_rounds_up_to_narrow_vectors():
    assert [padded(n, True) for n in (0, 1, 8, 9, 64)] == [0, 8, 8, 16, 64]
    assert [padded(n, False) for n in (0, 1, 4, 5, 64)] == [0, 4, 4, 8, 64]

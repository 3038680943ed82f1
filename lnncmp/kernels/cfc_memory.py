"""The LSTM cell of the mixed memory inside the CfC's kernels: its elementwise part for one row of a batch."""

from typing import Any

from lnncmp.kernels.compiling import Array, inlined, lean
from lnncmp.kernels.fast_math import sigmoid, tanh
from lnncmp.kernels.lanes import fill, fill_narrow, load_like, narrow_lanes, store


@inlined
def _remember(
    gates: Array,
    at: int,
    width: int,
    old: Array,
    old_at: int,
    new: Array,
    new_at: int,
    out: Array,
    out_at: int,
    like: Any,
) -> None:
    g, i = tanh(load_like(gates, at, like)), sigmoid(load_like(gates, at + width, like))
    f, o = sigmoid(load_like(gates, at + 2 * width, like)), sigmoid(load_like(gates, at + 3 * width, like))
    c = load_like(old, old_at, like) * f + g * i
    store(gates, at, g)
    store(gates, at + width, i)
    store(gates, at + 2 * width, f)
    store(gates, at + 3 * width, o)
    store(new, new_at, c)
    store(out, out_at, o * tanh(c))


@lean
def remember(
    gates: Array, at: int, width: int, old: Array, old_at: int, new: Array, new_at: int, out: Array, out_at: int
) -> None:
    """Replace arguments of gates g, i, f, o by their values, write the new cell state and the output u.

    `gates` has 4 `width` numbers from `at` on, the others `width` from their own starts on.
    """
    narrow = narrow_lanes(gates)
    j = 0
    while j + 2 * narrow <= width:
        _remember(gates, at + j, width, old, old_at + j, new, new_at + j, out, out_at + j, fill(gates, 0.0))
        j += 2 * narrow
    if j < width:
        _remember(gates, at + j, width, old, old_at + j, new, new_at + j, out, out_at + j, fill_narrow(gates, 0.0))


@lean
def recall(
    gates: Array,
    at: int,
    width: int,
    old: Array,
    old_at: int,
    new: Array,
    new_at: int,
    du: Array,
    dc: Array,
    row: int,
    out: Array,
) -> None:
    """Write the gradient of the gates' arguments to `out` (from `at` on), that of the old cell state over dc.

    du and dc hold the gradients of the output and of the new cell state from `row` on.
    """
    like = fill_narrow(gates, 0.0)
    for j in range(0, width, narrow_lanes(gates)):
        g, i = load_like(gates, at + j, like), load_like(gates, at + width + j, like)
        f, o = load_like(gates, at + 2 * width + j, like), load_like(gates, at + 3 * width + j, like)
        q, squashed = load_like(du, row + j, like), tanh(load_like(new, new_at + j, like))
        dnew = load_like(dc, row + j, like) + q * o * (1.0 - squashed * squashed)
        store(out, at + j, dnew * i * (1.0 - g * g))
        store(out, at + width + j, dnew * g * i * (1.0 - i))
        store(out, at + 2 * width + j, dnew * load_like(old, old_at + j, like) * f * (1.0 - f))
        store(out, at + 3 * width + j, q * squashed * o * (1.0 - o))
        store(dc, row + j, dnew * f)

"""The LSTM cell of the mixed memory inside the CfC's kernels: its elementwise part for one row of a batch."""

from typing import Any

from lnncmp.kernels.common.compiling import Array, inlined
from lnncmp.kernels.common.fast_math import sigmoid, tanh
from lnncmp.kernels.common.lanes import fill, fill_narrow, load_like, narrow_lanes, store


@inlined
def _memory_cell_forward(kept: Array, at: int, width: int, old_at: int, new_at: int, out_at: int, like: Any) -> None:
    g, i = tanh(load_like(kept, at, like)), sigmoid(load_like(kept, at + width, like))
    f, o = sigmoid(load_like(kept, at + 2 * width, like)), sigmoid(load_like(kept, at + 3 * width, like))
    c = load_like(kept, old_at, like) * f + g * i
    store(kept, at, g)
    store(kept, at + width, i)
    store(kept, at + 2 * width, f)
    store(kept, at + 3 * width, o)
    store(kept, new_at, c)
    store(kept, out_at, o * tanh(c))


@inlined
def memory_cell_forward(kept: Array, at: int, width: int, old_at: int, new_at: int, out_at: int) -> None:
    """Replace arguments of gates g, i, f, o by their values, write the new cell state and the output u.

    There are 4 `width` numbers of gates from `at` on, of the others `width` from their own starts on.
    """
    narrow = narrow_lanes(kept)
    j = 0
    while j + 2 * narrow <= width:
        _memory_cell_forward(kept, at + j, width, old_at + j, new_at + j, out_at + j, fill(kept, 0.0))
        j += 2 * narrow
    if j < width:
        _memory_cell_forward(kept, at + j, width, old_at + j, new_at + j, out_at + j, fill_narrow(kept, 0.0))


@inlined
def memory_cell_backward(
    kept: Array, at: int, width: int, old_at: int, new_at: int, own: Array, du: int, dc: int, out: int
) -> None:
    """Write the gradient of the gates' arguments to own[out : out + 4 width], that of the old cell state over dc.

    du and dc are the places of the gradients of the output and of the new cell state.
    """
    like = fill_narrow(kept, 0.0)
    for j in range(0, width, narrow_lanes(kept)):
        g, i = load_like(kept, at + j, like), load_like(kept, at + width + j, like)
        f, o = load_like(kept, at + 2 * width + j, like), load_like(kept, at + 3 * width + j, like)
        q, squashed = load_like(own, du + j, like), tanh(load_like(kept, new_at + j, like))
        dnew = load_like(own, dc + j, like) + q * o * (1.0 - squashed * squashed)
        store(own, out + j, dnew * i * (1.0 - g * g))
        store(own, out + width + j, dnew * g * i * (1.0 - i))
        store(own, out + 2 * width + j, dnew * load_like(kept, old_at + j, like) * f * (1.0 - f))
        store(own, out + 3 * width + j, q * squashed * o * (1.0 - o))
        store(own, dc + j, dnew * f)

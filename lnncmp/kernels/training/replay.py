"""Batches of an epoch, one after the other, by calls that were recorded: no Python runs between them.

Legend of shapes: S copies, B batch, N windows in an epoch, K batches; all arrays are flat.
"""

import math
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, Arrays, lean, lean_kernel
from lnncmp.kernels.common.entry import KIND


@intrinsic
def _call_at(typing_context: Any, entry: Any, words: Any) -> Any:
    """Call a kernel by the address of its entry, with the words at an address; return 0 unless it failed."""

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any]) -> Any:
        function = builder.inttoptr(args[0], KIND.as_pointer())
        code = builder.call(function, [builder.inttoptr(args[1], KIND.args[0])])
        return builder.sext(code, ir.IntType(64))

    return types.intp(types.intp, types.intp), generate


@lean
def _call_all(calls: Array) -> bool:
    """Make recorded calls in order, until one fails; return whether none did."""
    k, failed = 0, 0
    while k < calls.size and failed == 0:
        failed = _call_at(calls[k], calls[k + 1])
        k += 2
    return failed == 0


@lean_kernel
def replay(
    first: int,
    end: int,
    windows: Array,
    size: int,
    rows: Array,
    calls: Array,
    updates: Array,
    found: Arrays,
    learns: Array,
    bound: float,
    rates: Array,
    rate: Array,
    history: Arrays,
) -> int:
    """Go through batches `first` to `end`; return the last one plus 1, or -1 - k if a kernel failed in batch k.

    windows (S, N): those of each copy in its order; batch k begins at k `size`. rows (S, B): written, the windows of a
    batch as `calls` read them. found: losses, counts and norms (S), as the calls write them; history: the same for all
    batches (K, S), written. `updates` are the calls after the loss; there may be none. learns (S): a copy stops to
    learn when its loss is not finite or above `bound`, and after a gradient that is not finite; when none learns, that
    batch is the last. rates (K), `rate` (1): as `updates` read it.
    """
    copies = learns.size
    batch, whole = rows.size // copies, windows.size // copies
    for k in range(first, end):
        for s in range(copies):
            for b in range(batch):
                rows[s * batch + b] = windows[s * whole + k * size + b]
        if not _call_all(calls):
            return -1 - k
        learning = 0
        for s in range(copies):
            loss = found[0][s]
            history[0][k * copies + s], history[1][k * copies + s] = loss, found[1][s]
            if updates.size > 0 and not (math.isfinite(loss) and loss <= bound):
                learns[s] = False
            learning += learns[s]
        if updates.size == 0:
            continue
        if learning == 0:
            return k + 1
        rate[0] = rates[k]
        if not _call_all(updates):
            return -1 - k
        for s in range(copies):
            history[2][k * copies + s] = found[2][s]
            if not math.isfinite(found[2][s]):
                learns[s] = False
    return end

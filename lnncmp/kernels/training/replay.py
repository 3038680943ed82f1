"""Batches of an epoch, one after the other, by calls that were recorded: no Python runs between them.

Legend of shapes: S copies, B batch, N windows in an epoch, K batches; all arrays are flat.
"""

import math
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, Arrays, lean, lean_kernel
from lnncmp.kernels.common.crew import end as end_crew
from lnncmp.kernels.common.crew import has_ended, hear, meet, tell
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
def _call_all(calls: Array, crew: Array, thread: int) -> bool:
    """Make recorded calls in order, until one fails; return whether none did.

    A crew meets before and after the calls that it shares; the others are made by its first thread.
    """
    k, failed = 0, 0
    while k < calls.size and failed == 0:
        shared = calls[k + 2] > 0
        if shared:
            meet(crew)
        if shared or thread == 0:
            failed = _call_at(calls[k], calls[k + 1])
        if shared:
            meet(crew)
        k += 3
    if failed != 0:
        end_crew(crew)
    return failed == 0


@lean
def _judge(k: int, copies: int, found: Arrays, learns: Array, bound: float, trains: bool, history: Arrays) -> bool:
    """Take note of the losses of batch k; return whether there is a copy that learns from it."""
    learning = False
    for s in range(copies):
        loss = found[0][s]
        history[0][k * copies + s], history[1][k * copies + s] = loss, found[1][s]
        if trains and not (math.isfinite(loss) and loss <= bound):
            learns[s] = False
        learning = learning or learns[s]
    return learning


@lean_kernel
def replay(
    calls: Array,
    crew: Array,
    thread: int,
    first: int,
    end: int,
    windows: Array,
    size: int,
    rows: Array,
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
    batch is the last. rates (K), `rate` (1): as `updates` read it. Each thread of a crew makes this call, with its own
    `calls`; only what the first one, 0, returns has a meaning.
    """
    copies, trains = learns.size, updates.size > 0
    batch, whole = rows.size // copies, windows.size // copies
    for k in range(first, end):
        if thread == 0:
            for s in range(copies):
                for b in range(batch):
                    rows[s * batch + b] = windows[s * whole + k * size + b]
        if not _call_all(calls, crew, thread):
            return -1 - k
        if thread == 0:
            learning = _judge(k, copies, found, learns, bound, trains, history)
            tell(crew, 1 if learning or not trains else 0)
        meet(crew)
        if has_ended(crew):
            return -1 - k
        if hear(crew) == 0:
            return k + 1
        if thread == 0 and trains:
            rate[0] = rates[k]
            if not _call_all(updates, crew, 0):
                return -1 - k
            for s in range(copies):
                history[2][k * copies + s] = found[2][s]
                if not math.isfinite(found[2][s]):
                    learns[s] = False
    return end

"""Threads that go through the same calls together: each does its part of some, the first one does the others alone.

Between calls they wait for each other without the interpreter: a meeting takes a microsecond where waking a thread
takes fifty. Whoever waits long gives its core away.
"""

import os
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from lnncmp.kernels.common.compiling import Array, lean
from lnncmp.kernels.common.lanes import data_pointer

THREADS, ARRIVED, MEETINGS, ENDED, GOES_ON, SIZE = range(6)
"""What a crew's array of int64 holds: how many threads, how many are at the meeting, how many meetings have been, 1 if
nobody is to wait any more, 1 if there is another batch; and its length."""
CAN_MEET = os.name == "posix"
"""Whether threads can give their core away while they wait."""
_PATIENCE = 1 << 12
_ORDER = "seq_cst"
_give_way: Any = types.ExternalFunction("sched_yield" if CAN_MEET else "abort", types.intc())
"""Where threads cannot meet there are crews of one alone, who never wait."""


@intrinsic
def _read(typing_context: Any, crew: Any, place: Any) -> Any:
    """Return crew[place] as another thread has written it last."""

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any]) -> Any:
        pointer = builder.gep(data_pointer(context, builder, signature.args[0], args[0]), [args[1]])
        return builder.load_atomic(pointer, _ORDER, 8)

    return types.int64(crew, types.intp), generate


@intrinsic
def _write(typing_context: Any, crew: Any, place: Any, value: Any) -> Any:
    """Set crew[place] for all threads."""

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any, Any]) -> Any:
        pointer = builder.gep(data_pointer(context, builder, signature.args[0], args[0]), [args[1]])
        builder.store_atomic(args[2], pointer, _ORDER, 8)
        return context.get_dummy_value()

    return types.none(crew, types.intp, types.int64), generate


@intrinsic
def _add_one(typing_context: Any, crew: Any, place: Any) -> Any:
    """Add 1 to crew[place]; return what it was."""

    def generate(context: Any, builder: Any, signature: Any, args: tuple[Any, Any]) -> Any:
        pointer = builder.gep(data_pointer(context, builder, signature.args[0], args[0]), [args[1]])
        return builder.atomic_rmw("add", pointer, ir.Constant(ir.IntType(64), 1), _ORDER)

    return types.int64(crew, types.intp), generate


@lean
def meet(crew: Array) -> None:
    """Wait until all threads are here, or until one has ended the crew."""
    if crew[THREADS] == 1:
        return
    before = _read(crew, MEETINGS)
    if _add_one(crew, ARRIVED) + 1 == crew[THREADS]:
        _write(crew, ARRIVED, 0)
        _write(crew, MEETINGS, before + 1)
        return
    waited = 0
    while _read(crew, MEETINGS) == before and _read(crew, ENDED) == 0:
        waited += 1
        if waited > _PATIENCE:
            _give_way()


@lean
def tell(crew: Array, goes_on: int) -> None:
    """Say whether there is another batch; it is heard after the next meeting."""
    _write(crew, GOES_ON, goes_on)


@lean
def hear(crew: Array) -> int:
    """Return what the first thread has said."""
    said: int = _read(crew, GOES_ON)
    return said


@lean
def has_ended(crew: Array) -> bool:
    """Return whether a thread has ended the crew."""
    ended: bool = _read(crew, ENDED) != 0
    return ended


@lean
def end(crew: Array) -> None:
    """Have nobody wait any more."""
    _write(crew, ENDED, 1)

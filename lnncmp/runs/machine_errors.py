"""Telling faults of the machine (no memory, no disk, no file handles) from those of a model: they are no outcome."""

import errno

from lnncmp.errors import LnncmpError

_OF_MACHINE = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "EIO", "EROFS", "ENOLCK", "ESTALE")
    if getattr(errno, name, None) is not None
)
_NO_MEMORY = ("can't allocate memory", "not enough memory", "can't start new thread", "out of memory")
"""How RuntimeErrors of torch and of threads begin to tell it; an OutOfMemoryError of a GPU is one of them."""


def pass_on(error: BaseException) -> None:
    """Raise LnncmpError if an exception, or what caused it, is a fault of the machine; else do nothing.

    Nothing is recorded then: the run begins again, or goes on from its checkpoint, with the next command.
    """
    cause: BaseException | None = error
    for _ in range(10):
        if cause is None:
            return
        if _of_machine(cause):
            message = " ".join(str(cause).split()) or type(cause).__name__
            raise LnncmpError(
                f"the machine has run out of something: {message}",
                "Finished runs are kept. Free memory, disk or file handles, or use fewer --jobs; then run it again.",
            ) from error
        cause = cause.__cause__ or cause.__context__


def _of_machine(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _OF_MACHINE
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in _NO_MEMORY)
    )

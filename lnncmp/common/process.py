"""Work in an isolated process, which has done nothing else: its memory is meaningful, and a crash does no harm."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from lnncmp.errors import LnncmpError

Tell = Callable[[str, int, int], None]
"""Progress callback: (description, amount done, total amount)."""
Work = Callable[..., Any]
"""(tell, *arguments) -> result; a module-level function."""


class WorkerCrashedError(LnncmpError):
    """A process ended without a result: out of memory, or a crash in native code."""


def in_fresh_process(
    work: Work,
    *args: Any,
    tell: Tell,
    hint: str,
    environment: Mapping[str, str] | None = None,
    preload: Sequence[str] = (),
) -> Any:
    """Return work(tell, *args) as computed by a new process, which never outlives this call.

    environment: variables added to those of this process before anything is loaded. preload: modules that take seconds
    to load; if the system supports it, the process is forked from one that has only loaded them. Raises an LnncmpError
    of the work unchanged and any other exception as an LnncmpError that names it; raises WorkerCrashedError with
    `hint` if the process ends without a result.
    """
    context = _context(preload)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(
        target=_serve, args=(sending, {**os.environ, **(environment or {})}, work, args), daemon=True
    )
    process.start()
    sending.close()
    try:
        while True:
            kind, content = receiving.recv()
            if kind == "progress":
                tell(*content)
            elif kind == "error":
                raise content
            else:
                return content
    except EOFError:
        process.join()
        raise WorkerCrashedError(
            f"the process ended without a result (exit code {process.exitcode})",
            f"It may have run out of memory: {hint}",
        ) from None
    finally:
        receiving.close()
        process.kill()
        process.join()


def _context(preload: Sequence[str]) -> Any:
    if not preload or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


def _serve(sending: Connection, environment: dict[str, str], work: Work, args: tuple[Any, ...]) -> None:
    """Send ("progress", ...) messages, then ("done", result) or ("error", the exception for the user)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the parent ends this process
    os.environ.update(environment)

    def tell(what: str, done: int, total: int) -> None:
        sending.send(("progress", (what, done, total)))

    with suppress(BrokenPipeError):  # the parent has ended: nobody receives the result
        try:
            sending.send(("done", work(tell, *args)))
        except LnncmpError as error:
            sending.send(("error", error))
        except Exception as error:
            sending.send(("error", LnncmpError(f"{type(error).__name__}: {' '.join(str(error).split())}")))

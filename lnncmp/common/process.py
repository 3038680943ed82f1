"""Work in a process of its own, which has done nothing else: its memory says something, and its end harms nobody."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from lnncmp.errors import LnncmpError

Tell = Callable[[str, int, int], None]
"""(what is going on, how much is done, of how much)."""
Work = Callable[..., Any]
"""(tell, *arguments) -> result; a function of a module."""


class WorkerCrashedError(LnncmpError):
    """A process ended without a result: killed for its memory, or by a fault in native code."""


def in_fresh_process(
    work: Work,
    *args: Any,
    tell: Tell,
    hint: str,
    environment: Mapping[str, str] | None = None,
    preload: Sequence[str] = (),
) -> Any:
    """Return work(tell, *args) as a new process computes it; it never outlives this call.

    environment: put into that of this process before anything is loaded. preload: modules that take seconds to load;
    where the system allows it, the process is forked from one that has loaded them and done nothing more. Raises what
    the work raises if that is an LnncmpError, else an LnncmpError that names it; DiedError with `hint` if the process
    ends without an answer.
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
            if kind == "told":
                tell(*content)
            elif kind == "error":
                raise content
            else:
                return content
    except EOFError:
        process.join()
        raise WorkerCrashedError(
            f"the process ended without a result (exit code {process.exitcode})",
            f"It may have been killed for its memory: {hint}",
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
    """Send ("told", ...) messages, then ("done", result) or ("error", what the user should see)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the parent ends this process
    os.environ.update(environment)

    def tell(what: str, done: int, total: int) -> None:
        sending.send(("told", (what, done, total)))

    with suppress(BrokenPipeError):  # the parent is gone: nobody is left to tell
        try:
            sending.send(("done", work(tell, *args)))
        except LnncmpError as error:
            sending.send(("error", error))
        except Exception as error:
            sending.send(("error", LnncmpError(f"{type(error).__name__}: {' '.join(str(error).split())}")))

"""Work in an isolated process, which has done nothing else: its memory is meaningful, and a crash does no harm.

A new process loads its libraries itself; a copy of this process (`in_copy`) has them already.
"""

import multiprocessing
import os
import signal
import threading
import time
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


def in_copy(work: Callable[[], Any]) -> Any:
    """Return work() as computed by a copy (fork) of this process, which ends with it; where there are none, work().

    This process must not have used CUDA or started threads that compute: a copy has none of its threads. Raises what
    the work raises (an exception that cannot be sent as an LnncmpError), and WorkerCrashedError if the copy ends
    without a result.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        return work()
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = os.fork()
    if process == 0:
        _copied(sending, work)
    sending.close()
    try:
        kind, content = receiving.recv()
    except EOFError:
        raise WorkerCrashedError(
            "a copy of the process ended without a result", "It may have run out of memory."
        ) from None
    finally:
        receiving.close()
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    if kind == "error":
        raise content
    return content


def _copied(sending: Connection, work: Callable[[], Any]) -> None:
    """Send ("done", result) or ("error", exception) and end this copy."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        answer: tuple[str, Any] = ("done", work())
    except BaseException as error:
        answer = ("error", error)
    with suppress(OSError):
        try:
            sending.send(answer)
        except (TypeError, AttributeError, ValueError):  # it cannot be pickled
            sending.send(("error", LnncmpError(f"{type(answer[1]).__name__}: {' '.join(str(answer[1]).split())}")))
    os._exit(0)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)

"""Requests to stop: not lost inside foreign code, and deferred while a child starts."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_AGAIN = 0.05
"""Seconds until a lost request is sent again; by then the callback has usually returned."""


@contextmanager
def never_lost(stops: Mapping[type[BaseException], signal.Signals]) -> Iterator[None]:
    """Send the signal of an exception in `stops` again when Python could not pass that exception on.

    A handler runs between two bytecodes of whatever the main thread does. An exception that it raises inside a
    finalizer or a callback from compiled code (a just-in-time compiler calls such) is printed as ignored and lost. The
    signal meets the handler that it had when the block began, which may have let itself be ignored since.
    """
    before = sys.unraisablehook
    handlers = {number: signal.getsignal(number) for number in stops.values()}

    def again(lost: "sys.UnraisableHookArgs") -> None:
        number = stops.get(lost.exc_type)
        if number is None:
            before(lost)
            return
        signal.signal(number, handlers[number])  # exceptions of handlers are raised, and lost, in the main thread
        timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer Ctrl-C, SIGTERM and SIGHUP while a child starts, and block Ctrl-C and SIGHUP in the child permanently.

    A terminal sends Ctrl-C to the whole process group, and a child that is still importing would print a traceback.
    The parent decides what to stop.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield
        return
    pending: list[int] = []
    posix = os.name == "posix"  # elsewhere a child that is still importing prints a traceback on Ctrl-C
    terminal = {signal.SIGINT, signal.SIGHUP} if posix else {signal.SIGINT}
    deferred = [n for n in (*terminal, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {n: signal.signal(n, lambda got, frame: pending.append(got)) for n in deferred}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, terminal) if posix else set()  # children inherit the mask
    try:
        yield
    finally:
        if posix:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in pending:
            signal.raise_signal(got)

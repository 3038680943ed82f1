"""Requests to stop that arrive as exceptions of signal handlers, and are not lost inside foreign code."""

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

"""Who hears when kernels are compiled, which takes seconds, once on each machine. Loads no compiler."""

from collections.abc import Callable

_listeners: list[Callable[[], None]] = []
_count = 0


def tell_when_compiling(listener: Callable[[], None]) -> None:
    """Have `listener` called when this process begins to compile its first kernel."""
    _listeners.append(listener)


def compilations() -> int:
    """Return how many functions this process has compiled because the cache did not have them."""
    return _count


def note_compilation() -> None:
    """Count a function that is compiled now, and tell the listeners of the first."""
    global _count
    _count += 1
    if _count == 1:
        for listener in _listeners:
            listener()

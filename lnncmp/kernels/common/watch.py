"""Listeners for the compilation of kernels, which takes seconds, once on each machine, and for its warnings.

Loads no compiler.
"""

import warnings
from collections.abc import Callable

_on_compiling: list[Callable[[], None]] = []
_on_warning: list[Callable[[str], None]] = []
_warned: set[str] = set()
_compiled = _kept = _lost = 0


def tell_when_compiling(listener: Callable[[], None]) -> None:
    """Have `listener` called when this process begins to compile its first kernel."""
    _on_compiling.append(listener)


def tell_warnings(listener: Callable[[str], None]) -> None:
    """Have `listener` called with each warning about kernels, in place of Python's own warnings."""
    _on_warning.append(listener)


def compilations() -> int:
    """Return how many functions this process has compiled because the cache did not have them."""
    return _compiled


def compiled_for_next() -> bool:
    """Return whether this process compiled kernels that a new process would all find in the cache."""
    return _compiled > 0 and _kept > 0 and _lost == 0


def note_compilation() -> None:
    """Count a function that is compiled now, and notify the listeners of the first."""
    global _compiled
    _compiled += 1
    if _compiled == 1:
        for listener in _on_compiling:
            listener()


def note_kept() -> None:
    """Count a compiled kernel that is in the cache now."""
    global _kept
    _kept += 1


def note_lost(reason: str) -> None:
    """Count a compiled kernel that could not be kept, and say why."""
    global _lost
    _lost += 1
    warn(reason)


def warn(sentence: str) -> None:
    """Give the listeners a warning for the user, once in this process."""
    if sentence in _warned:
        return
    _warned.add(sentence)
    for listener in _on_warning:
        listener(sentence)
    if not _on_warning:
        warnings.warn(sentence, RuntimeWarning, stacklevel=2)

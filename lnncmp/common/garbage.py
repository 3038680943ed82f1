"""Python's search for garbage in cycles, held off where millions of objects are made that all last."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 100_000
"""Objects made since the last search from which they are left out of later ones."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Search for no garbage meanwhile, and later not among what was made meanwhile, if that is much.

    Among some thousand records each search takes longer than most of what is computed of them. What is made meanwhile
    should hold no cycles, which would stay until the process ends; all else is freed as ever.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_count()[0] > _MANY:
                gc.freeze()
            gc.enable()

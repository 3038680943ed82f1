"""Independent random streams derived from one root seed.

Which of (model weights, wiring, batch order) may vary is thus a matter of the stream, never of how many numbers
another stream has drawn. Data have a seed of their own in the recipe: all runs of a comparison see the same data.
"""

from dataclasses import dataclass

import numpy as np

_STREAMS = {"model": 1, "wiring": 2, "batches": 3}


@dataclass(frozen=True)
class Streams:
    """Seeds of the streams of one run: each an integer below 2**31, so that every library accepts it."""

    root: int
    model: int
    wiring: int
    batches: int


def streams(root: int) -> Streams:
    """Return the independent seeds of the run with root seed `root` (>= 0).

    >>> streams(0) == streams(0), streams(0).model == streams(1).model
    (True, False)
    """
    derived = {name: stream_seed(root, number) for name, number in _STREAMS.items()}
    return Streams(root=root, **derived)


def stream_seed(*keys: int) -> int:
    """Return one integer seed below 2**31 for the stream named by the non-negative integers `keys`."""
    return int(np.random.SeedSequence(list(keys)).generate_state(1, np.uint32)[0] >> 1)

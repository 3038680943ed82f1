"""Independent random streams derived from one root seed.

Model weights, wiring and batch order have separate streams: drawing more numbers from one never changes another. Data
have their own seed in the recipe: all runs of a comparison use the same data.
"""

from dataclasses import dataclass

import numpy as np

_STREAMS = {"model": 1, "wiring": 2, "batches": 3}


@dataclass(frozen=True)
class Streams:
    """Seeds of the streams of one run, each an integer below 2**31, which every library accepts."""

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
    """Return one integer seed below 2**31 for the stream identified by the non-negative integers `keys`."""
    return int(np.random.SeedSequence(list(keys)).generate_state(1, np.uint32)[0] >> 1)

"""Cores that no other run needs: whether a training uses them is found by measuring.

Where there are more runs than cores, one process for each core is fastest. Where there are fewer, the kernels of a run
may share their tiles among the cores that are left; of small networks that takes longer than it saves. So the first
epoch with such cores is trained with all of them, the next one without, and from then on the faster way is taken, until
the number of cores changes. The numbers are the same bits in any case.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from lnncmp.kernels.common.threads import Lent


class Allowed:
    """How many cores this process may use now: its own threads' unless whoever started it says otherwise."""

    cores: Callable[[], int] = staticmethod(lambda: 1)


class SpareCores:
    """Chooses the threads of the kernels of one training, epoch by epoch."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = {}
        """Time of a unit of work, by threads, as measured last."""

    def choose(self) -> int:
        """Return the threads for the next epoch."""
        cores = Allowed.cores()
        untried = [threads for threads in (cores, 1) if threads not in self.seconds]
        return untried[0] if untried and cores > 1 else min((cores, 1), key=lambda own: self.seconds.get(own, 0.0))

    @contextmanager
    def lent(self) -> Iterator[int]:
        """Lend the chosen cores to the kernels meanwhile."""
        Lent.threads = self.choose()
        try:
            yield Lent.threads
        finally:
            Lent.threads = 1

    @staticmethod
    def used(threads: int) -> float:
        """Return by what such threads exceed those that the process has without them, as a factor."""
        return max(threads / torch.get_num_threads(), 1.0)

    def took(self, threads: int, seconds: float) -> None:
        """Take note of how long a unit of work took."""
        self.seconds[threads] = seconds

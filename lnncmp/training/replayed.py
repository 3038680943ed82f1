"""The batches of an epoch by calls that were recorded once: no Python runs between them.

Legend of shapes: S copies, B batch, N windows in an epoch, K batches.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from lnncmp.kernels.common.crew import ENDED, SIZE, THREADS
from lnncmp.kernels.common.pool import Pool
from lnncmp.kernels.common.recording import Recording, recorded
from lnncmp.kernels.training.replay import replay
from lnncmp.training.compiled_data import ArrayWindows
from lnncmp.training.compiled_stack import CompiledStack, Numbers
from lnncmp.training.steps import History

_NO_RATES, _NO_CALLS = np.zeros(0), np.zeros(0, np.int64)
SLICE = 0.05
"""Seconds after which Python is asked whether to go on, unless a single batch takes longer."""


@dataclass
class _Program:
    """What computes one batch: the windows that it reads (S, B), its calls, where it leaves losses, counts, norms.

    together: how many batches are done in a slice of time.
    """

    rows: Numbers
    calls: Recording
    updates: Recording | None
    found: tuple[Numbers, Numbers, Numbers]
    together: int = 1

    @property
    def complete(self) -> bool:
        return self.calls.complete and (self.updates is None or self.updates.complete)


class Replayed:
    """Trains and validates the copies of a CompiledStack, a batch of each kind recorded when it is first met."""

    def __init__(self, compiled: CompiledStack, threads: int = 1) -> None:
        """Have so many threads share the tiles of each kernel."""
        self.threads = threads
        self.compiled, self._pool = compiled, Pool()
        self._programs: dict[tuple[ArrayWindows, int, str], _Program] = {}
        self.stopped = False
        """Set by another thread: no further batch is begun."""
        self._pool_of: tuple[int, ThreadPoolExecutor | None] = 0, None
        self._learns, self._rate = np.zeros(compiled.copies, np.bool_), np.zeros(1)

    def can_train(self, data: ArrayWindows, sizes: Iterable[int]) -> bool:
        """Record batches of those sizes if necessary; return whether all can be repeated."""
        return all(self._training(data, size).complete for size in sizes)

    def can_validate(self, data: ArrayWindows, sizes: Iterable[int], choosing: bool) -> bool:
        """Do the same for `errors`."""
        return all(self._validation(data, size, choosing).complete for size in sizes)

    def train(
        self, data: ArrayWindows, windows: Numbers, size: int, rates: Numbers, learns: Numbers, bound: float
    ) -> History:
        """Take a step for each batch of `size` windows (S, N); see `Steps.epoch`. learns (S) is changed."""
        self._learns[:] = learns
        done = self._go(windows, size, len(rates), lambda own: self._training(data, own), rates, bound)
        learns[:] = self._learns
        return done

    def errors(self, data: ArrayWindows, windows: Numbers, size: int, choosing: bool) -> History:
        """Return losses and counts as `CompiledStack.errors` does for each batch."""
        batches = -(-windows.shape[1] // size)
        return self._go(windows, size, batches, lambda own: self._validation(data, own, choosing))

    def _go(
        self,
        windows: Numbers,
        size: int,
        batches: int,
        program_of: Callable[[int], _Program],
        rates: Numbers = _NO_RATES,
        bound: float = 0.0,
    ) -> History:
        """Go through all batches, up to the last one with a copy that learns: first whole ones, then the rest."""
        history = History.of(batches, self.compiled.copies)
        whole, rest = divmod(windows.shape[1], size)
        reached = 0
        for batch, end in ((size, whole), (rest, batches)):
            if reached < end:
                program = program_of(batch)
                reached = self._repeat(program, windows, size, (reached, end), rates, bound, history)
                if reached < end:
                    break
        return history.first(reached)

    def _repeat(
        self,
        program: _Program,
        windows: Numbers,
        size: int,
        span: tuple[int, int],
        rates: Numbers,
        bound: float,
        history: History,
    ) -> int:
        """Go through the batches of a span, some at a time; return where it stopped."""
        calls = [program.calls.calls_of(thread, self.threads) for thread in range(self.threads)]
        updates = _NO_CALLS if program.updates is None else program.updates.calls_of()
        into = tuple(part.reshape(-1) for part in history)
        at, end = span
        while at < end and not self.stopped:
            started, upto = time.perf_counter(), min(at + program.together, end)
            reached = self._by_crew(
                calls, at, upto, windows.reshape(-1), size, program.rows.reshape(-1), updates, program.found,
                self._learns, bound, rates, self._rate, into,
            )  # fmt: skip
            if reached < 0:
                raise RuntimeError(f"a kernel failed in batch {-reached}")
            share = (time.perf_counter() - started) / (upto - at)
            program.together = max(int(SLICE / max(share, 1e-9)), 1)
            at = reached
            if reached < upto:
                break
        return at

    def _by_crew(self, calls: Sequence[Numbers], *given: Any) -> int:
        """Return what `replay` returns, with a thread for each list of calls; this one is the first."""
        crew = np.zeros(SIZE, np.int64)
        crew[THREADS], others = len(calls), []
        try:
            for thread, own in enumerate(calls[1:], 1):
                others.append(self._helpers().submit(replay, own, crew, thread, *given))
            reached: int = replay(calls[0], crew, 0, *given)
        except BaseException:
            crew[ENDED] = 1
            raise
        finally:
            wait(others)
        return reached

    def _helpers(self) -> ThreadPoolExecutor:
        """Return the threads of the crew beside this one, none of whom anybody else uses: they wait for each other."""
        if self._pool_of[0] != os.getpid():  # a forked child has none of its parent's
            self._pool_of = os.getpid(), ThreadPoolExecutor(self.threads - 1, thread_name_prefix="lnncmp-crew")
        assert self._pool_of[1] is not None
        return self._pool_of[1]

    def _training(self, data: ArrayWindows, size: int) -> _Program:
        key = data, size, "train"
        if key not in self._programs:
            rows, nobody = np.zeros((self.compiled.copies, size), np.int64), self._learns
            nobody[:] = False
            self.compiled.fit_groups(data, rows)
            with recorded(self._pool) as calls:
                losses, counts = self.compiled.losses(data, rows)
            with recorded(self._pool) as updates:
                norms = self.compiled.update(nobody, self._rate)
            self._programs[key] = _Program(rows, calls, updates, (losses, counts, norms))
        return self._programs[key]

    def _validation(self, data: ArrayWindows, size: int, choosing: bool) -> _Program:
        key = data, size, f"choosing {choosing}"
        if key not in self._programs:
            rows = np.zeros((self.compiled.copies, size), np.int64)
            with recorded(self._pool) as calls:
                losses, counts = self.compiled.errors(data, rows, choosing)
            self._programs[key] = _Program(rows, calls, None, (losses, counts, losses))
        return self._programs[key]

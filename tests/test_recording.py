"""Recorded calls do again what they did, in memory of their own, and threads that share them do each tile once."""

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.crew import SIZE, THREADS
from lnncmp.kernels.common.moves import copy, joined, take, zeros
from lnncmp.kernels.common.pool import Pool, empty
from lnncmp.kernels.common.recording import call, call_tiles, recorded
from lnncmp.kernels.training.replay import replay
from lnncmp.training import replayed
from lnncmp.training.replayed import Replayed


@kernel
def made(numbers, more, several):
    """Return arrays made of what was given, one of them what was given itself."""
    result = np.empty(numbers.size, numbers.dtype)
    whole, (flag, factor) = more
    for k in range(numbers.size):
        result[k] = numbers[k] * factor + whole if flag else 0.0
    return result, (several[0], several[1] + 1)


@kernel
def refuses(numbers):
    if numbers[0] > 0:
        raise ValueError("positive")


@kernel
def counts(first, end, numbers):
    """Add 1 to some numbers; fail on the way from below -1 to 0."""
    for k in range(first, end):
        if -1 < numbers[k] < 0:
            raise ValueError("negative")
        numbers[k] += 1


@kernel
def takes_a_matrix(numbers):
    numbers[0, 0] = 1


def again(calls, times=1):
    """Make recorded calls again, and return what `replay` returns."""
    learns, one, none = np.zeros(1, np.bool_), np.zeros(1), np.zeros(0, np.int64)
    history = tuple(np.zeros(times) for _ in range(3))
    windows, of_rows = np.zeros(times, np.int64), np.zeros(1, np.int64)
    crew = np.zeros(SIZE, np.int64)
    crew[THREADS] = 1
    given = none, (one, one, one), learns, math.inf, one, one, history
    return replay(calls.calls_of(), crew, 0, 0, times, windows, 1, of_rows, *given)


class TestCrew:
    """Threads that share the tiles of a kernel."""

    def test_each_tile_is_computed_once(self):
        numbers = np.zeros(7)
        with recorded(Pool()) as calls:
            for _ in range(20):
                call_tiles(counts, 7, numbers)
            call(refuses, np.zeros(1))
        numbers[:] = 0
        assert self.go(calls, 3, 50) == 50
        assert numbers.tolist() == [1000.0] * 7

    @pytest.mark.parametrize("refused", [[0, 5], [6, 5]])
    def test_one_that_fails_ends_all(self, refused):
        """The first thread, or another one."""
        numbers = np.zeros(7)
        with recorded(Pool()) as calls:
            call_tiles(counts, 7, numbers)
            call_tiles(counts, 7, numbers)
        numbers[refused[0]] = -refused[1] - 0.5
        assert self.go(calls, 3, 50) < 0

    def test_an_interrupt_ends_all(self, monkeypatch):
        with recorded(Pool()) as calls:
            call_tiles(counts, 7, np.zeros(7))
        whole = replayed.replay

        def interrupted(*given):
            if given[2] == 0:
                raise KeyboardInterrupt
            return whole(*given)

        monkeypatch.setattr(replayed, "replay", interrupted)
        with pytest.raises(KeyboardInterrupt):
            self.go(calls, 3, 50)
        monkeypatch.undo()
        assert self.go(calls, 3, 50) == 50

    def go(self, calls, threads, batches):
        one, none = np.zeros(1), np.zeros(0, np.int64)
        history = tuple(np.zeros(batches) for _ in range(3))
        rest = none, (one, one, one), np.zeros(1, np.bool_), math.inf, one, one, history
        lists = [calls.calls_of(k, threads) for k in range(threads)]
        windows, of_rows = np.zeros(batches, np.int64), np.zeros(1, np.int64)
        crew = Replayed(SimpleNamespace(copies=1), threads)
        return crew._by_crew(lists, 0, batches, windows, 1, of_rows, *rest)


class TestRecording:
    @pytest.mark.parametrize("kind", [np.float32, np.float64])
    def test_results_come_to_the_same_places(self, kind):
        numbers, several = np.arange(5, dtype=kind), (np.ones(3), np.arange(2))
        with recorded(Pool()) as calls:
            result, (same, counted) = call(made, numbers, (7, (True, 0.5)), several)
            together = joined([result, result])
        assert calls.complete
        numbers[:] = 2
        several[1][:] = 4
        assert again(calls) == 1
        assert result.tolist() == [8.0] * 5 and together.tolist() == [8.0] * 10
        assert counted.tolist() == [5, 5] and same is not None and same.tolist() == [1.0] * 3

    def test_zeros_copies_and_rows_are_made_again(self):
        source, chosen, into = np.arange(12.0).reshape(4, 3), np.array([3, 0]), np.zeros((2, 3))
        with recorded(Pool()) as calls:
            cleared = zeros(4, np.float32)
            take(source, chosen, into)
            copy(into.reshape(-1)[:4], cleared.astype(float))
        cleared[:] = 5
        chosen[:] = 1, 2
        assert again(calls) == 1
        assert cleared.tolist() == [0.0] * 4 and into.tolist() == [[3, 4, 5], [6, 7, 8]]

    def test_a_kernel_that_fails_ends_it(self):
        numbers = np.zeros(1)
        with recorded(Pool()) as calls:
            call(refuses, numbers)
        assert again(calls, 3) == 3
        numbers[0] = 1
        assert again(calls, 3) == -1

    def test_what_cannot_be_read_from_memory_is_not_complete(self):
        with recorded(Pool()) as calls:
            call(takes_a_matrix, np.zeros((2, 2)))
        assert not calls.complete

    def test_memory_is_its_own(self):
        with recorded(Pool()) as calls:
            first = zeros(1 << 16, np.float64)
            place = first.ctypes.data
            del first
            second = zeros(1 << 16, np.float64)
            assert second.ctypes.data == place  # within a recording it is used again
            del second
        others = [empty((1 << 16,), np.float64) for _ in range(3)]
        for other in others:
            other[:] = 1
        assert again(calls) == 1
        assert all((other == 1).all() for other in others)

    def test_another_thread_is_not_recorded(self):
        numbers = np.ones(1)
        with recorded(Pool()) as calls:
            other = threading.Thread(target=lambda: call(refuses, -numbers))
            other.start()
            other.join()
        assert calls.calls_of().size == 0

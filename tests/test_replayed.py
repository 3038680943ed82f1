"""Batches by recorded calls give the bits that the same calls from Python give, and nobody else's memory is used."""

import math
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_compiled_training import build, each_model, trainer
from test_stacking import padded_splits, rows
from toy_classes import class_splits
from toy_study import random_windows, splits

from lnncmp.kernels.common import entry
from lnncmp.kernels.common.compiling import kernel
from lnncmp.kernels.common.crew import SIZE, THREADS
from lnncmp.kernels.common.moves import copy, joined, take, zeros
from lnncmp.kernels.common.pool import Pool, empty
from lnncmp.kernels.common.recording import call, call_tiles, recorded
from lnncmp.kernels.common.threads import side_by_side
from lnncmp.kernels.training.replay import replay
from lnncmp.training import replayed
from lnncmp.training.replayed import Replayed


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def fitted(name, data, copies=3, kind=torch.float32, **changes):
    """Return histories and weights after training, and whether all of it was recorded."""
    work = trainer([build(name, seed, kind=kind) for seed in range(copies)], data, **changes)
    found = work.fit()
    programs = [own for share in work.steps.compiled.shares for own in share._programs.values()]
    return found, work.stack.rows, [own.complete for own in programs]


def check_same(got, expected):
    for one, other in zip(got[0], expected[0], strict=True):
        assert (one.status, one.reason, one.best_epoch) == (other.status, other.reason, other.best_epoch)
        assert rows(one.history) == rows(other.history)
    assert all(torch.equal(one, other) for one, other in zip(got[1], expected[1], strict=True))


@pytest.fixture
def check(monkeypatch):
    """Compare training by recorded calls with training by calls from Python, bit for bit."""

    def compare(name, data, **changes):
        got = fitted(name, data, **changes)
        assert got[2] and all(got[2])
        with monkeypatch.context() as patch:
            patch.setattr(entry, "address", lambda compiled: 0)
            expected = fitted(name, data, **changes)
        assert expected[2] and not any(expected[2])
        check_same(got, expected)
        return got

    return compare


class TestBits:
    @each_model
    @pytest.mark.parametrize("kind", [torch.float32, torch.float64])
    def test_are_those_of_calls_from_python(self, check, name, kind):
        check(name, padded_splits(), kind=kind, batch_size=7)

    @each_model
    def test_without_padding_and_with_every_setting(self, check, name):
        check(name, splits(), batch_size=6, clip="per_tensor", clip_norm=0.1, l2=1e-3, decay=0.9)

    @pytest.mark.parametrize("batch_size", [1, 20, 64])
    def test_of_batches_of_any_size(self, check, batch_size):
        check("ncp", splits(train=random_windows(20)), batch_size=batch_size)

    @pytest.mark.parametrize("restore", ["best_error", "last"])
    def test_of_classes(self, check, restore):
        check("gru", class_splits(names=("no", "yes")), restore=restore, class_weights=(0.5, 3.0))

    @pytest.mark.parametrize("rate", [0.02, 0.4])
    def test_of_copies_that_diverge_on_the_way(self, check, rate):
        found, _, _ = check("rnn", splits(), batch_size=3, learning_rate=rate, diverged_loss=1.2)
        assert {one.status for one in found} == ({"ok", "diverged"} if rate == 0.02 else {"diverged"})

    def test_of_copies_that_all_diverge(self, check):
        found, _, _ = check("gru", splits(), batch_size=3, diverged_loss=1e-9)
        assert [one.status for one in found] == ["diverged"] * 3

    def test_of_copies_in_several_groups(self, check, monkeypatch):
        from lnncmp.training import compiled_stack

        whole = fitted("ncp", splits(), copies=4)
        monkeypatch.setattr(compiled_stack, "GROUP_BYTES", 1)
        check_same(check("ncp", splits(), copies=4), whole)

    def test_when_copies_stop_one_after_the_other(self, check):
        found, _, _ = check("gru", splits(), epochs=40, patience=2, min_gain=0.02, learning_rate=0.02)
        assert len({len(one.history) for one in found}) > 1


class TestInterrupt:
    def test_comes_between_slices_of_time(self, monkeypatch):
        monkeypatch.setattr(replayed, "SLICE", 0.002)
        spans, whole = [], replayed.replay

        def watched(*given):
            spans.append(given[3:5])
            return whole(*given)

        monkeypatch.setattr(replayed, "replay", watched)
        fitted("gru", splits(train=random_windows(400)), batch_size=1, epochs=2)
        assert spans[0] == (0, 1)
        assert 1 < max(end - first for first, end in spans) < 400

    def test_ends_the_other_threads_too(self):
        stopped = threading.Event()

        def interrupted():
            raise KeyboardInterrupt

        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            side_by_side([interrupted, lambda: stopped.wait(60)], stopped.set)
        assert time.monotonic() - started < 30

    def test_what_another_thread_raises_arrives(self):
        with pytest.raises(ZeroDivisionError):
            side_by_side([lambda: 1, lambda: 1 / 0], lambda: None)


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

"""Batches by recorded calls give the bits that the same calls from Python give."""

import math
import threading
import time

import numpy as np
import pytest
import torch
from test_compiled_training import build, each_model, trainer
from test_stacking import padded_splits, rows
from toy_classes import class_splits
from toy_study import random_windows, splits

from lnncmp.kernels.common import entry
from lnncmp.kernels.common.threads import side_by_side
from lnncmp.training import replayed


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

    def test_a_share_that_begins_after_the_interrupt_does_nothing(self, monkeypatch):
        """Two threads with a copy each; the second one is late."""
        torch.set_num_threads(2)
        work = trainer([build("gru", seed) for seed in range(2)], splits(), epochs=1)
        work.steps.begin()
        work.steps.warm_up(len(work.train), 8)
        first, second = work.steps.compiled.shares
        interrupted, late, done = threading.Event(), second.train, []

        def interrupt(*given):
            interrupted.set()
            raise KeyboardInterrupt

        def begin_late(*given):
            interrupted.wait(30)
            while not second.stopped:
                time.sleep(0.01)
            done.append(late(*given))

        monkeypatch.setattr(first, "train", interrupt)
        monkeypatch.setattr(second, "train", begin_late)
        windows = np.tile(np.arange(len(work.train)), (2, 1))
        batches = -(-len(work.train) // 8)
        with pytest.raises(KeyboardInterrupt):
            work.steps.epoch(windows, 8, [0.1] * batches, np.ones(2, np.bool_), math.inf)
        assert len(done[0].losses) == 0

    def test_what_another_thread_raises_arrives(self):
        with pytest.raises(ZeroDivisionError):
            side_by_side([lambda: 1, lambda: 1 / 0], lambda: None)

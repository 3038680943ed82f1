"""Taking turns: order, rounds, samples, and what says that the machine was busy."""

import gc
import time

import pytest

from lnncmp.bench import timing
from lnncmp.bench import timing as noise
from lnncmp.bench.messages import Limits
from lnncmp.bench.steps import PROBED, shortened
from lnncmp.bench.timing import Effort, Noise, Samples, Turns, fixed_work, interleaved, noise_warnings, timed, warm_up
from lnncmp.common.memory import available_memory


def quiet(done, total):
    pass


class TestInterleaving:
    def test_actions_take_turns(self):
        order = []
        actions = {name: lambda name=name: order.append(name) for name in "ABC"}
        told = []
        samples = interleaved(actions, dict.fromkeys("ABC", Turns(3)), lambda *news: told.append(news))
        assert "".join(order) == "ABCABCABC" and told == [(1, 3), (2, 3), (3, 3)]
        assert all(len(samples[name].wall) == len(samples[name].cpu) == 3 for name in "ABC")

    def test_an_action_with_fewer_rounds_sits_out_evenly(self):
        order = []
        actions = {name: lambda name=name: order.append(name) for name in "AB"}
        interleaved(actions, {"A": Turns(6), "B": Turns(2)}, quiet)
        assert "".join(order) == "AAABAAAB"

    def test_short_actions_are_called_again_within_a_turn(self, monkeypatch):
        order = []
        monkeypatch.setattr(timing.time, "perf_counter", lambda: float(len(order)))
        actions = {name: lambda name=name: order.append(name) for name in "AB"}
        samples = interleaved(actions, {"A": Turns(2, calls=3), "B": Turns(2)}, quiet)
        assert "".join(order) == "AAABAAAB"
        assert samples["A"].wall == samples["B"].wall == [1.0, 1.0]  # of one call, not of three

    def test_the_collector_waits_and_is_put_back(self):
        seen = []
        interleaved({"A": lambda: seen.append(gc.isenabled())}, {"A": Turns(2)}, quiet)
        assert seen == [False, False] and gc.isenabled()
        with pytest.raises(ZeroDivisionError):
            interleaved({"A": lambda: 1 / 0}, {"A": Turns(1)}, quiet)
        assert gc.isenabled()

    def test_nothing_to_do(self):
        assert interleaved({}, {}, quiet) == {}

    def test_wall_and_processor_time_are_apart(self):
        wall, cpu = timed(lambda: time.sleep(0.05))
        assert wall >= 0.05 > cpu

    def test_warm_up_calls_at_least_twice(self):
        calls = []
        warm_up(lambda: calls.append(1), calls=5, budget=1e9)
        assert len(calls) == 5
        warm_up(lambda: calls.append(1), calls=5, budget=0.0)
        assert len(calls) == 7


class TestSamples:
    def test_quartiles(self):
        samples = Samples([5.0, 1.0, 2.0, 3.0, 4.0], [2.0, 9.0, 1.0])
        assert samples.quartiles() == (2.0, 3.0, 4.0) and samples.cpu_median() == 2.0

    def test_of_one_call_out_of_many(self):
        assert Samples([2.0], [4.0]).per_call(4) == Samples([0.5], [1.0])


class TestEffort:
    def test_long_actions_get_fewer_rounds(self):
        effort = Effort(seconds=4.0, most=25, least=5, few=3, long=1.5)
        assert [effort.turns(s).rounds for s in (0.001, 0.5, 1.0, 2.0, 60.0)] == [25, 8, 5, 3, 3]

    def test_short_actions_get_more_calls(self):
        effort = Effort(turn=0.02)
        assert [effort.turns(s).calls for s in (0.0, 0.001, 0.009, 0.02, 1.0)] == [100, 20, 2, 1, 1]

    def test_a_number_that_is_given_holds(self):
        assert {Effort(rounds=2).turns(s).rounds for s in (0.001, 60.0)} == {2}


class TestLengths:
    @pytest.mark.parametrize(
        ("seconds", "bytes", "expected"),
        [
            (0.01, 1e6, 512),  # 5 s and 512 MB: as it is
            (0.01, 60e6, 128),  # 31 GB: a part that fits, and takes at most 2 s
            (0.035, 60e6, 32),  # both
            (0.035, 1e3, 32),  # 18 s: a part of at most 2 s
            (100.0, 1e15, PROBED),  # never less than the probe
        ],
    )
    def test_time_and_memory_shorten(self, seconds, bytes, expected):
        assert shortened(512, seconds, bytes, Limits(bytes=8.5e9)) == expected

    def test_available_memory_is_plausible(self):
        assert 1e8 < available_memory() < 1e14

    def test_memory_is_taken_from_the_tightest_limit(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lnncmp.common.memory._MEMORY", tmp_path / "meminfo")
        monkeypatch.setattr("lnncmp.common.memory._CONTAINER", tmp_path)
        assert available_memory() == 4_000_000_000
        (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 8 kB\n")
        assert available_memory() == 8192
        (tmp_path / "memory.max").write_text("max\n")
        (tmp_path / "memory.current").write_text("1000\n")
        assert available_memory() == 8192
        (tmp_path / "memory.max").write_text("6000\n")
        assert available_memory() == 5000


class TestNoise:
    def test_a_quiet_machine_gets_no_warning(self):
        assert Noise.of(Samples([1.0] * 9, [1.0] * 9)) == Noise(0.0, 1.0)
        assert noise_warnings([("W1", Noise(0.05, 1.05))]) == []

    def test_spread(self):
        found = Noise.of(Samples([1.0, 1.0, 1.0, 1.5, 1.5], [1.0, 1.0, 1.0, 1.5, 1.5]))
        (warning,) = noise_warnings([("W1", Noise(0.0, 1.0)), ("W2", found)])
        assert warning.startswith("W2:") and "spread by 50% of their median" in warning and "waited" not in warning

    def test_waiting_for_the_processor(self):
        (warning,) = noise_warnings([("W2", Noise.of(Samples([2.0] * 5, [1.0] * 5)))])
        assert "waited for the processor 50% of the time" in warning and "spread" not in warning

    def test_the_fixed_work_is_fixed(self):
        assert fixed_work() == fixed_work() > 0 and 0 < noise.MOST_SPREAD < 1 < noise.MOST_WAITING

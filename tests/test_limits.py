"""A run that hangs or eats memory is stopped and recorded as such; the others go on, and it can be continued."""

import os

import pytest
from cli_runs import TWO, all_numbers, records, refused, run_here, with_measurements

from lnncmp.errors import LnncmpError, UsageError
from lnncmp.runs import pool
from lnncmp.runs.limits import Limits, limits_of
from lnncmp.runs.plan import MeasureRepeat
from lnncmp.runs.processes import WorkerConfig


def test_limits_name_what_was_exceeded():
    limits = Limits(seconds=60.0, memory_bytes=1_000_000)
    assert limits.exceeded(61.0, os.getpid()) == "no epoch was finished within 1 minutes (--time-limit)"
    assert limits.exceeded(1.0, os.getpid()) == "it took more than 0.001 GB of memory (--memory-limit)"
    assert Limits(60.0, 10**13).exceeded(1.0, os.getpid()) == ""
    assert Limits(None, None).exceeded(1e9, os.getpid()) == ""


def test_a_process_that_has_ended_exceeds_nothing():
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    assert Limits(60.0, 1).exceeded(0.0, process) == ""


def test_limits_of_options():
    assert limits_of(None, None) == Limits(3600.0, None)
    assert limits_of(0.5, 1.5) == Limits(30.0, 1_500_000_000)
    for wrong in ((0, None), (-1, None), (float("nan"), None), (float("inf"), None), (None, 0)):
        with pytest.raises(UsageError, match="takes a number above 0"):
            limits_of(*wrong)


def test_bad_limits_are_refused(capsys, monkeypatch, tmp_path):
    answer = run_here(capsys, monkeypatch, *TWO, "--out", tmp_path, "--time-limit", "0")
    refused(answer, 2, "Error: --time-limit takes a number above 0, got 0")


def test_runs_beyond_a_limit_are_stopped_one_by_one_and_continue_later(
    finished, tmp_path, capsys, monkeypatch, simulated_cache
):
    monkeypatch.setenv("LNNCMP_CACHE", str(simulated_cache))
    out = with_measurements(tmp_path / "out", finished)
    answer = run_here(capsys, monkeypatch, *TWO, "--jobs", "2", "--out", out, "--memory-limit", "0.001")
    assert answer.code == 4
    assert answer.err.count("stopped in") == 4 and "(--memory-limit)" in answer.err
    assert {run.status for run in records(out).values()} == {"stopped"}
    assert run_here(capsys, monkeypatch, *TWO, "--jobs", "1", "--out", out).code == 0
    assert all_numbers(out) == all_numbers(finished)


def test_a_stopped_measurement_ends_the_command_with_a_sentence(tmp_path):
    class Process:
        pid = os.getpid()

        def kill(self):
            self.pid = None

    class Worker:
        process, task, heard = Process(), MeasureRepeat(specs=(), number=0), float("-inf")

        def stop(self):
            self.process = None

    config = WorkerConfig(tmp_path, tmp_path, None, 1, False, 1)
    queue = pool.Queue(config, None, 1)
    worker = Worker()
    queue.workers = [worker]
    with pytest.raises(LnncmpError, match=r"cost, repeat 1 was stopped: it gave no answer within 60 minutes"):
        queue._enforce()
    assert queue.workers == [] and worker.process is None

"""Processes killed at any moment (kill -9): the same command ends with every run once, and the undisturbed numbers."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from cli_runs import MARK, all_numbers, environment, leftovers, marked, records, run, start, wait_for, workers

from lnncmp.cases.base import load_case
from lnncmp.recipe.load import load_recipe
from lnncmp.records.inventory import verify
from lnncmp.records.store import Store
from lnncmp.runs.plan import RunBatch, data_shape, make_plan
from lnncmp.runs.worker import execute_runs

_DATA = ("hidden=4", "data.waves=30", "data.validation_waves=10", "data.test_waves=10", "data.shifted_waves=4")
_MORE = ("data.noise_levels=[0.1]", "evaluate.horizon=10", "cost_repeats=1", "train.epochs=60")
STUDY = ["sine", "--preset", "quick", "--models", "lstm,gru", "--seeds", "3", "--jobs", "2", "--stack", "1"]
STUDY += [part for change in (*_DATA, *_MORE) for part in ("--set", change)]


def _nothing_left(out: Path) -> None:
    assert leftovers(out) == [] and not list(out.rglob("*.damaged"))
    assert [path for name in ("checkpoints", "locks") for path in (out / name).iterdir()] == []


def _damaged(out: Path) -> list:
    """Return what cannot be used; weights whose writer was killed before it wrote their record are no damage."""
    found = verify(out).findings if (out / "records").is_dir() else []
    return [one for one in found if "has no record" not in str(one)]


@pytest.fixture(scope="module")
def work():
    torch.set_num_threads(1)
    prepared = load_case("sine").sample()
    chosen = {"seeds": (0, 1, 2)}
    recipe = load_recipe("sine", "quick", ["hidden=4", "train.epochs=12"], chosen, ["lstm", "gru"])
    shape = data_shape(prepared)
    plan = make_plan(recipe, shape, {model: recipe.arguments(model) for model in recipe.models})

    def carry_out(out: Path, order: int) -> None:
        store = Store(out)
        store.prepare()
        for spec in plan.runs[::order]:
            with store.lock(spec.run_id) as mine:
                if mine and store.finished(spec.run_id) is None:
                    batch = RunBatch(runs=(spec,))
                    execute_runs(batch, prepared, store, 1, lambda *p: None, lambda r: None, keep_weights=True)

    return carry_out


@pytest.fixture(scope="module")
def undisturbed(work, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    work(out, 1)
    assert len(records(out)) == 6
    return all_numbers(out), time.monotonic() - began


class TestWorkers:
    """Copies of this process that carry out the runs of one study as workers do, two at once on one folder."""

    def _disturb(self, work, undisturbed, out: Path, kills: int) -> None:
        numbers, seconds = undisturbed
        drawn = random.Random(19)
        for _ in range(kills):
            children = [self._copy(work, out, order) for order in (1, -1)]
            time.sleep(drawn.uniform(0, seconds))
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            assert _damaged(out) == []
            assert all(numbers[key] == found for key, found in all_numbers(out).items())
            for path in (out / "records").glob("*.json"):  # so that there is something to kill the next time, too
                if drawn.random() < 0.3:
                    Store(out).discard(path.stem)
        work(out, 1)
        assert all_numbers(out) == numbers and len(list((out / "records").glob("*.json"))) == 6
        _nothing_left(out)

    def _copy(self, work, out: Path, order: int) -> int:
        child = os.fork()
        if child == 0:
            work(out, order)
            os._exit(0)
        return child

    def test_five(self, work, undisturbed, tmp_path):
        self._disturb(work, undisturbed, tmp_path, 5)

    @pytest.mark.slow
    def test_fifty(self, work, undisturbed, tmp_path):
        self._disturb(work, undisturbed, tmp_path, 50)


def kill_commands(out: Path, cache: Path, kills: int, seconds: float) -> tuple[int, int]:
    """Start the study and kill it or one of its workers, again and again; return how many of each were killed."""
    drawn = random.Random(7)
    killed = [0, 0]
    for number in range(kills):
        mark = f"{out}-{number}"
        process = start(*STUDY, "--out", out, env=environment(LNNCMP_CACHE=str(cache), **{MARK: mark}))
        end = time.monotonic() + drawn.uniform(0, seconds)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        found = workers(mark)
        of_worker = bool(found) and drawn.random() < 0.5
        if process.poll() is None:
            killed[of_worker] += 1
            os.kill(drawn.choice(found) if of_worker else process.pid, signal.SIGKILL)
        _, told = process.communicate(timeout=120)
        assert b"Traceback" not in told and b"leaked" not in told, told.decode()
        wait_for(lambda mark=mark: not marked(mark), timeout=30)
        assert _damaged(out) == []
        for path in (out / "records").glob("*.json"):  # so that there is something to kill the next time, too
            if drawn.random() < 0.5:
                Store(out).discard(path.stem)
    return killed[0], killed[1]


@pytest.mark.slow
def test_commands_and_workers_are_killed_twenty_times(tmp_path):
    cache = tmp_path / "cache"
    began = time.monotonic()
    whole = run(*STUDY, "--out", tmp_path / "whole", env=environment(LNNCMP_CACHE=str(cache)))
    assert whole.code == 0, whole
    killed = kill_commands(tmp_path / "out", cache, 20, time.monotonic() - began)  # a command loads for seconds
    assert min(killed) > 2
    last = run(*STUDY, "--out", tmp_path / "out", env=environment(LNNCMP_CACHE=str(cache)))
    assert last.code == 0, last
    assert all_numbers(tmp_path / "out") == all_numbers(tmp_path / "whole") and len(records(tmp_path / "out")) == 6
    _nothing_left(tmp_path / "out")

"""Workers wait between the studies of one command, without data, and end with it."""

from dataclasses import replace

import pytest

from lnncmp.cases.base import load_case, load_source
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs import pool
from lnncmp.runs.execute import run_batches
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.plan import data_shape, make_plan
from lnncmp.runs.processes import Worker, WorkerConfig


class Listener:
    """Keeps what is reported."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *given: self.told.append((name, *given))


def batches(seeds, config):
    recipe = load_recipe("sine", "quick", ["hidden=4", "train.epochs=1"], {"seeds": seeds}, ["gru"])
    case = load_case("sine")
    prepared = case.of(recipe.data_settings()).prepare(
        load_source(case, recipe.source), config.context(), recipe.data_settings(), recipe.evaluate_settings().horizon
    )
    return run_batches(make_plan(recipe, data_shape(prepared), {"gru": recipe.arguments("gru")}).runs, config)


@pytest.fixture
def config(tmp_path):
    store = Store(tmp_path / "out")
    store.prepare()
    return WorkerConfig(tmp_path / "out", tmp_path / "cache", None, 1, False, 1, evaluate=False)


def test_the_next_list_of_runs_has_the_same_process_and_none_is_left(config, monkeypatch):
    started, rested = [], []
    start, rest = Worker.__init__, Worker.rest

    def starting(worker, config):
        start(worker, config)
        started.append(worker)

    def resting(worker):
        rested.append(worker)
        rest(worker)

    monkeypatch.setattr(Worker, "__init__", starting)
    monkeypatch.setattr(Worker, "rest", resting)
    listener = Listener()
    with Choice(jobs=1).started() as executor:
        executor.work(batches((0,), config), config, listener)
        executor.work(batches((1,), config), replace(config, memory=5), listener)
        assert len(started) == 1 and len(rested) == 2
        started[0].process.kill()
        started[0].process.join()
        executor.work(batches((2,), config), config, listener)  # one that died meanwhile is replaced
        assert len(started) == 2
        other = replace(config, keep_weights=True)
        executor.work(batches((3,), other), other, listener)  # set up in another way: another process
        assert len(started) == 3
    ended = [told for told in listener.told if told[0] == "finished"]
    assert [(run.seed, status) for _, run, status, _ in ended] == [(0, "ok"), (1, "ok"), (2, "ok"), (3, "ok")]
    assert not any(worker.process.is_alive() for worker in started)


def test_a_pool_by_itself_keeps_none(config):
    made = pool.Pool(config, Listener())
    made.work(batches((0,), config))
    assert made.workers == [] and made.kept is None

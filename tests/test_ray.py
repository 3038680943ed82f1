"""Runs on a Ray cluster: the numbers of the local executor, whatever happens to a node. Needs ray, which CI has not."""

import os
from dataclasses import replace

import pytest
from cli_runs import (
    all_numbers,
    leftovers,
)
from ray_nodes import LOGIN, cluster

os.environ.update(LOGIN)  # read when ray is imported
pytest.importorskip("ray", reason="needs ray (pip install lnncmp[ray])")

import itertools

from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs.execute import run_batches, train_batches
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.executors.local import LocalExecutor
from lnncmp.runs.ready import Request, get_ready, worker_config

pytestmark = pytest.mark.slow
QUICK = ["train.epochs=40", "hidden=8", "data.noise_levels=[0.1]", "train.learning_rate=0.001"]


class Watcher:
    """A listener that notes epochs and warnings; `at`: called with every epoch."""

    def __init__(self, at=lambda label, epoch: None):
        self.epochs, self.warnings, self.at = {}, [], at

    def epoch(self, task, epoch, epochs, loss):
        self.epochs.setdefault(task.label, []).append(epoch)
        self.at(task.label, epoch)

    def warn(self, message):
        self.warnings.append(message)

    def __getattr__(self, name):
        return lambda *given: None


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Two runs of some seconds, and what is needed to carry them out."""
    folder = tmp_path_factory.mktemp("planned")
    recipe = load_recipe("sine", "quick", QUICK, {"seeds": (0,), "implementation": "loop"}, ["lstm", "gru"])
    ready = get_ready(recipe, Request(folder / "out", folder / "cache"), Watcher())
    return ready, worker_config(Request(folder / "out", folder / "cache", jobs=2), ready.recipe)


def carried_out(planned, out, executor, watcher):
    ready, config = planned
    config = replace(config, out=out)
    Store(out).prepare()
    train_batches(run_batches(ready.plan.runs, config), config, watcher, executor)
    return all_numbers(out)


@pytest.fixture(scope="module")
def local(planned, tmp_path_factory):
    return carried_out(planned, tmp_path_factory.mktemp("local"), LocalExecutor(), Watcher())


@pytest.fixture(scope="module")
def nodes():
    with cluster() as both:
        yield both


def test_a_killed_node_loses_at_most_an_epoch_and_no_number_changes(planned, local, nodes, tmp_path):
    head, other = nodes
    begun = set()

    def kill(label, epoch):
        if epoch >= 5:
            begun.add(label)
        if len(begun) == 2 and other.process.poll() is None:
            other.kill()

    watcher = Watcher(kill)
    with Choice("ray", address=head.address).started() as executor:
        assert carried_out(planned, tmp_path, executor, watcher) == local
    assert len(watcher.warnings) == 1 and "goes on from its last epoch" in watcher.warnings[0]
    for epochs in watcher.epochs.values():
        again = [epoch for before, epoch in itertools.pairwise(epochs) if epoch <= before]
        assert len(again) <= 1 and all(epoch > 1 for epoch in again)
        assert sorted(set(epochs))[-1] == 40
    assert leftovers(tmp_path) == [] and list((tmp_path / "checkpoints").iterdir()) == []

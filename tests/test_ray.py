"""Runs on a Ray cluster: the numbers of the local executor, whatever happens to a node. Needs ray, which CI has not."""

import os
import signal
from dataclasses import replace
from itertools import pairwise

import pytest
from cli_runs import all_numbers, finish, leftovers, run, start, wait_for
from ray_nodes import LOGIN, cluster

os.environ.update(LOGIN)  # read when ray is imported
pytest.importorskip("ray", reason="needs ray (pip install lnncmp[ray])")

from lnncmp.errors import UsageError
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs.execute import run_batches, train_batches
from lnncmp.runs.executors import _ray_cluster
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.executors.local import LocalExecutor
from lnncmp.runs.ready import Request, get_ready, worker_config
from lnncmp.runs.remote.versions import versions

pytestmark = pytest.mark.slow
COMMAND = ["sine", "--preset", "quick", "--models", "lstm,gru", "--seeds", "1", "--implementation", "loop"]
COMMAND += ["--set", "train.epochs=300", "--set", "hidden=8", "--set", "cost_repeats=1", "--set", "train.patience=1000"]
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
        again = [epoch for before, epoch in pairwise(epochs) if epoch <= before]
        assert len(again) <= 1 and all(epoch > 1 for epoch in again)
        assert sorted(set(epochs))[-1] == 40
    assert leftovers(tmp_path) == [] and list((tmp_path / "checkpoints").iterdir()) == []


def test_ray_started_for_the_command_gives_the_same_numbers(planned, local, tmp_path):
    handler = signal.getsignal(signal.SIGTERM)
    watcher = Watcher()
    with Choice("ray", jobs=1).started() as executor:
        assert carried_out(planned, tmp_path, executor, watcher) == local
    assert watcher.warnings == [] and signal.getsignal(signal.SIGTERM) is handler


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("command") / "out"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_leaves_the_cluster_running(nodes, out, number, code):
    def progress():
        return {path: path.stat().st_mtime_ns for path in (out / "checkpoints").glob("*.pt")}

    before = progress()
    process = start(*COMMAND, "--executor", "ray", "--ray-address", nodes[0].address, "--out", out)
    wait_for(lambda: progress() != before or process.poll() is not None, timeout=300)
    assert process.poll() is None
    process.send_signal(number)
    answer = finish(process)
    assert answer.code == code
    assert "Interrupted. Finished epochs are kept: the same command continues." in answer.err
    assert "Traceback" not in answer.err and answer.out == "" and leftovers(out) == []
    assert nodes[0].process.poll() is None


def test_what_was_interrupted_goes_on_locally(nodes, out):
    assert all(path.stat().st_size for path in (out / "checkpoints").glob("*.pt"))
    answer = run(*COMMAND, "--out", out, timeout=600)
    assert answer.code == 0, answer
    assert {key[0] for key in all_numbers(out)} == {"lstm", "gru"}


def test_another_source_of_lnncmp_on_a_node_is_refused(nodes, monkeypatch):
    monkeypatch.setattr(_ray_cluster, "versions", lambda: {**versions(), "source of lnncmp": "another"})
    with (
        pytest.raises(UsageError, match=r"has source of lnncmp \w{12}; here it is source of lnncmp another"),
        Choice("ray", address=nodes[0].address).started(),
    ):
        pass

"""Runs on other machines without any: what is sent and kept, a machine that is lost, refusals in one sentence."""

import socket
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from cli_runs import all_numbers, records, refused, run_here
from fake_ray import FakeRay, RayTaskError
from tuning_studies import Silent

from lnncmp.cases.base import load_case
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.recipe.load import load_recipe
from lnncmp.records.checkpoints import unpacked
from lnncmp.records.store import Store
from lnncmp.runs import worker
from lnncmp.runs.executors import _ray_cluster, _ray_tasks
from lnncmp.runs.executors.base import Choice
from lnncmp.runs.executors.ray import RayExecutor
from lnncmp.runs.limits import Limits
from lnncmp.runs.plan import RunBatch, data_shape, make_plan
from lnncmp.runs.processes import WorkerConfig
from lnncmp.runs.remote.data import self_contained
from lnncmp.runs.remote.gather import Gatherer
from lnncmp.runs.remote.versions import require_same, versions
from lnncmp.runs.remote.worker import THREAD, MessageKeeper, carry_out, newest


class Told(Silent):
    """A listener that notes the epochs and warnings it hears of."""

    def __init__(self, interrupt_at=None):
        self.epochs, self.warnings, self.finished_runs, self.interrupt_at = [], [], [], interrupt_at

    def epoch(self, task, epoch, epochs, loss):
        self.epochs.append(epoch)
        if epoch == self.interrupt_at:
            raise KeyboardInterrupt

    def finished(self, run, status, reason):
        self.finished_runs.append((run.seed, status))

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture(scope="module")
def study():
    """Two runs of one model that are trained together, and their data."""
    torch.set_num_threads(1)
    prepared = load_case("sine").sample()
    chosen = {"seeds": (0, 1), "implementation": "loop"}
    recipe = load_recipe("sine", "quick", ["hidden=4", "train.epochs=3"], chosen, ["lstm"])
    plan = make_plan(recipe, data_shape(prepared), {"lstm": recipe.arguments("lstm")})
    return SimpleNamespace(prepared=prepared, batch=RunBatch(runs=plan.runs))


@pytest.fixture(scope="module")
def expected(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("expected")
    store = Store(out)
    store.prepare()
    worker.execute_runs(study.batch, study.prepared, store, 1, lambda *news: None, lambda record: None, True, True)
    return SimpleNamespace(numbers=all_numbers(out), weights=_weights(out))


def _weights(out):
    return {path.name: path.read_bytes() for path in (out / "records").glob("*.safetensors")}


@pytest.fixture(autouse=True)
def _no_training_goes_on():
    """Wait for the threads of tasks that were left: a process that ends meanwhile is aborted by torch."""
    yield
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()


@pytest.fixture
def config(tmp_path):
    Store(tmp_path).prepare()
    return WorkerConfig(tmp_path, tmp_path, None, 1, False, 2, keep_weights=True)


@pytest.fixture
def carried(study, config, monkeypatch):
    """Carry out the study with a stand-in for ray."""
    monkeypatch.setattr(worker, "prepare_run", lambda run, context: study.prepared)
    monkeypatch.setattr(_ray_tasks, "_PAUSE", 0.0)

    def work(ray, told, batches=(study.batch,), limits=None, **changes):
        monkeypatch.setitem(sys.modules, "ray", ray)
        RayExecutor(ray, None, limits).work(batches, replace(config, **changes), told)
        return ray

    return work


def test_a_node_makes_the_same_records_and_weights(carried, expected, tmp_path):
    told = Told()
    ray = carried(FakeRay(), told)
    assert all_numbers(tmp_path) == expected.numbers and _weights(tmp_path) == expected.weights
    assert told.finished_runs == [(0, "ok"), (1, "ok")] and told.epochs[-1] == 3
    assert ray.put_count == 1 and ray.cancelled == 0 and list((tmp_path / "checkpoints").iterdir()) == []
    asked = ray.asked[0]
    assert (asked["num_cpus"], asked["num_gpus"], asked["max_retries"]) == (1, 0, 0) and asked["memory"] > 4e8
    assert asked["runtime_env"]["env_vars"]["OMP_NUM_THREADS"] == "1"


def test_a_lost_node_repeats_no_epoch_that_was_kept(carried, expected, tmp_path, monkeypatch):
    begun = []

    def slowly(task, prepared, where):
        begun.append([len(unpacked(content, run_id)["history"]) for run_id, content in task.checkpoints.items()])
        for messages in carry_out(task, prepared, where):
            yield from ([message] for message in messages)

    monkeypatch.setattr(_ray_tasks, "carry_out", slowly)
    told = Told()
    # One message a list: "training", a checkpoint, an epoch. The fourth, in the midst of training, does not arrive.
    ray = carried(FakeRay(lambda number: number == 4), told)
    assert all_numbers(tmp_path) == expected.numbers and _weights(tmp_path) == expected.weights
    assert begun[0] == [] and begun[1][0] >= 1 and len(begun) == 2 and ray.put_count == 1
    assert told.warnings == ["lstm seeds 0-1 lost its node or its process; it goes on from its last epoch on another"]


def test_a_batch_that_always_loses_its_node_ends_the_command(carried, tmp_path):
    ray = FakeRay(lambda number: True)
    with pytest.raises(LnncmpError, match="lstm seeds 0-1 lost its node or its process 3 times in a row"):
        carried(ray, Told())
    assert ray.count == 3


def test_a_node_that_falls_silent_is_given_up_run_by_run(carried, tmp_path):
    told, ray = Told(), FakeRay(silent=True)
    carried(ray, told, limits=Limits(seconds=1e-9))
    assert told.finished_runs == [(0, "stopped"), (1, "stopped")] and ray.cancelled == 3
    assert [warning.partition(" was stopped: ")[0] for warning in told.warnings] == ["lstm seeds 0-1"]
    assert {record.status for record in records(tmp_path).values()} == {"stopped"}
    carried(FakeRay(), told)
    assert told.finished_runs[2:] == [(0, "ok"), (1, "ok")]


def test_memory_is_watched_by_ray_itself():
    with (
        pytest.raises(UsageError, match="--memory-limit watches processes of this machine"),
        Choice("ray", limits=Limits(memory_bytes=1)).started(),
    ):
        pass


def test_an_interruption_cancels_what_is_under_way_and_lets_go_of_its_runs(carried, study, tmp_path):
    told, ray = Told(interrupt_at=2), FakeRay()
    try:
        carried(ray, told)
    except KeyboardInterrupt:
        assert ray.cancelled == 1
    else:  # the epochs were faster than the messages
        assert told.epochs == [3]
    with Store(tmp_path).lock(study.batch.runs[0].run_id) as mine:
        assert mine


def test_code_that_fails_on_a_node_is_not_tried_again(carried):
    ray = FakeRay()

    def fails(messages):
        ray.count += 1
        raise RayTaskError("ray::_on_a_node()\n  File ...\nValueError: bad")

    ray.get = fails
    with pytest.raises(LnncmpError, match="a node could not work on lstm seeds 0-1: ValueError: bad"):
        carried(ray, Told())
    assert ray.count == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threads": 4}, r"no node .* what one run takes \(4 CPU, .*they have: 2 CPU, "),
        ({"device": "cuda"}, "1 GPU.*they have: .*0 GPU"),
        ({"device": "cuda:1"}, "--device cuda:1 names one GPU of one machine"),
    ],
)
def test_what_no_node_has_is_refused_at_once(changes, said, config):
    with pytest.raises(UsageError, match=said):
        RayExecutor(FakeRay(), None).jobs(replace(config, **changes))


def test_a_cluster_without_a_node_is_given_up(carried, monkeypatch):
    monkeypatch.setattr(_ray_tasks, "_PATIENCE", -1.0)
    ray = FakeRay()
    ray.node["Alive"] = False
    with pytest.raises(LnncmpError, match="no node of the Ray cluster could take a run"):
        carried(ray, Told())


def test_as_many_batches_at_once_as_asked_or_as_there_is_room_for(config):
    assert RayExecutor(FakeRay(), None).jobs(config) == 2
    assert RayExecutor(FakeRay(), 1).jobs(config) == 1
    assert RayExecutor(FakeRay(CPU=8.0, memory=2.3e9), None).jobs(config) == 4


def test_runs_of_another_command_are_left_to_it(study, config, tmp_path):
    first, second = study.batch.runs
    gatherer = Gatherer(config, Told())
    with Store(tmp_path).lock(first.run_id):
        taken, others = gatherer.take(study.batch)
    assert list(taken.missing) == [second.run_id] and others.runs == (first,)
    gatherer.end(taken)


def test_other_versions_are_named_on_both_sides(study, config):
    with pytest.raises(UsageError, match=r"^node 10.0.0.2 has torch 0.1; here it is torch "):
        require_same(versions(), {**versions(), "torch": "0.1"}, "node 10.0.0.2")
    taken, _ = Gatherer(config, Told()).take(study.batch)
    task = replace(Gatherer(config, Told()).task(taken), versions={**versions(), "lnncmp": "9.9"})
    ((kind, error),) = [message for part in carry_out(task, study.prepared, "node 10.0.0.2") for message in part]
    assert kind == "error" and "here it is lnncmp 9.9" in error.message
    taken.locks.close()


def test_a_damaged_checkpoint_is_refused_on_the_node():
    sent = []
    keeper = MessageKeeper({"a": b"no checkpoint"}, sent.append)
    assert keeper.load_checkpoint("a") is None and keeper.load_checkpoint("a") is None
    ((kind, run, _),) = sent
    assert (kind, run) == ("refused", "a")


def test_only_the_newest_checkpoint_and_epoch_are_sent():
    def epoch(number):
        return [("checkpoint", "a", number), ("checkpoint", "b", number), ("epoch", number, 3, 0.5)]

    given = [("status", "training", False), *epoch(1), *epoch(2), ("record", "a"), ("done",)]
    assert newest(given) == [given[0], *epoch(2), ("record", "a"), ("done",)]


def test_data_are_made_before_they_are_sent(study):
    sent = self_contained(study.prepared)
    for before, after in zip(study.prepared.test_sets, sent.test_sets, strict=True):
        assert after.make() is after.make() and (after.make().x == before.make().x).all()
    assert sent.baselines() == {}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ray://10.0.0.1:10001", "clients outside a cluster are not supported"),
        ("10.0.0.1", "takes auto or HOST:PORT, got '10.0.0.1'"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1: "),
    ],
)
def test_an_address_that_cannot_be_joined_is_refused(address, said):
    with pytest.raises(UsageError) as refusal:
        _ray_cluster._reachable(address)
    assert said in refusal.value.message


@pytest.mark.parametrize(("answer", "said"), [(b"", "timed out"), (b"HTTP/1.1 400 Bad", "what answers is no Ray")])
def test_a_server_that_is_no_cluster_is_refused(answer, said, monkeypatch):
    monkeypatch.setattr(_ray_cluster, "_PROBE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.sendall(answer)
                time.sleep(0.5)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(UsageError, match=said):
            _ray_cluster._reachable(f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_without_ray_one_sentence_says_how_to_get_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    answer = run_here(capsys, monkeypatch, "sine", "--executor", "ray", "--out", tmp_path / "out")
    refused(answer, 2, "--executor ray needs the package ray", 'pip install "lnncmp[ray]"')
    assert not (tmp_path / "out" / "records").exists()

"""Where runs are carried out: executors are chosen by name, and everything else of a study stays the same."""

import pytest
from cli_runs import TWO, all_numbers, refused, run_here, with_measurements

from lnncmp.cli import complete
from lnncmp.errors import LnncmpError, UsageError
from lnncmp.runs.executors import local
from lnncmp.runs.executors.base import Choice, executor_names, load_executor
from lnncmp.runs.executors.local import LocalExecutor


class Recorded(LocalExecutor):
    """The local executor, which notes what it was given, and may refuse to work."""

    def __init__(self, error=None):
        super().__init__()
        self.error, self.seen = error, []

    def jobs(self, config):
        return 3

    def work(self, batches, config, listener):
        self.seen.append((len(batches), config.jobs))
        if self.error is not None:
            raise self.error
        super().work(batches, config, listener)


@pytest.fixture
def recorded(monkeypatch):
    def use(error=None):
        executor = Recorded(error)
        monkeypatch.setattr(local, "LocalExecutor", lambda *given: executor)
        return executor

    return use


def test_executors_have_names_and_summaries():
    assert "local" in executor_names()
    for name in executor_names():
        assert load_executor(name).summary.endswith(".")


def test_an_unknown_executor_is_refused_with_the_nearest_match():
    with pytest.raises(UsageError) as refusal, Choice("locla").started():
        pass
    assert refusal.value.message == "unknown executor 'locla'" and "Did you mean 'local'?" in refusal.value.hint


@pytest.mark.parametrize("command", ["sine", "reproduce-all", "tune sine", "multiverse walker2d"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--executor", "locla"), "Did you mean 'local'?"),
        (("--ray-address", "10.0.0.1:6379"), "--executor local takes no address, got '10.0.0.1:6379'"),
    ],
)
def test_every_command_that_makes_runs_has_the_options(command, given, said, capsys, monkeypatch, tmp_path):
    refused(run_here(capsys, monkeypatch, *command.split(), *given, "--out", tmp_path), 2, said)
    assert not (tmp_path / "records").exists()


def test_values_of_the_option_are_completed():
    offered = complete.one_of(lambda ctx: executor_names())(None, "l")
    assert offered == ["local"]


def test_the_executor_says_how_many_batches_there_are_and_changes_no_number(
    recorded, finished, tmp_path, capsys, monkeypatch
):
    executor, out = recorded(), with_measurements(tmp_path / "out", finished)
    answer = run_here(capsys, monkeypatch, *TWO, "--jobs", "1", "--out", out)
    assert answer.code == 0, answer
    assert executor.seen == [(4, 3)]  # one batch a model with one job, one a run with three
    assert all_numbers(out) == all_numbers(finished)


def test_an_executor_that_cannot_go_on_ends_the_command_with_its_sentence(
    recorded, finished, tmp_path, capsys, monkeypatch
):
    recorded(LnncmpError("the cluster is gone", "Start it again."))
    out = with_measurements(tmp_path / "out", finished)
    refused(run_here(capsys, monkeypatch, *TWO, "--out", out), 1, "the cluster is gone", "Start it again.")

"""`lnncmp plan`: counts of runs, and what they take, from training steps measured once."""

import json

import pytest
from cli_runs import refused, run_here

from lnncmp.report.tables.plan_cost import PlanCost, document_of_plan_cost
from lnncmp.report.tables.render import render
from lnncmp.runs.study_cost import StudyCost

TWO = ("sine", "--preset", "quick", "--models", "ltc,gru", "--seeds", "3", "--set", "train.epochs=4")


@pytest.fixture
def planned(capsys, monkeypatch, tmp_path):
    """Run `lnncmp plan`, which writes nothing, and return its answer."""

    def call(*args):
        out = tmp_path / "out"
        answer = run_here(capsys, monkeypatch, "plan", "--out", out, "--offline", *args)
        assert not out.exists()
        return answer

    return call


@pytest.fixture
def one_second(monkeypatch):
    """Every training step takes one second and keeps a megabyte; return which models were measured."""
    from lnncmp.records.schema import MeasurementRecord
    from lnncmp.runs import measure_cost

    asked = []

    def probe(spec):
        asked.append(spec.label)
        if spec.label == "gru" and spec.arguments["hidden"] == 7:
            raise ValueError("no step")
        return MeasurementRecord(
            **spec.described(),
            implementation="loop",
            step_seconds=[1.0],
            latency_seconds=[],
            saved_bytes=0,
            peak_memory_bytes=1_000_000,
            method="",
        )

    monkeypatch.setattr(measure_cost, "probe", probe)
    return asked


def cost_of(answer):
    assert answer.code == 0, answer
    return json.loads(answer.out)


def test_runs_are_counted_without_measuring(planned, one_second):
    (study,) = cost_of(planned(*TWO, "--format", "json"))["studies"]
    assert (study["models"], study["runs"], study["missing"], study["core_seconds"]) == (2, 6, 6, 0)
    assert one_second == []
    assert "Add --cost for core-hours" in planned(*TWO).out


def test_costs_follow_from_steps_batches_and_epochs(planned, one_second):
    found = cost_of(planned(*TWO, "--set", "train.batch_size=100", "--cost", "--format", "json"))
    (study,) = found["studies"]
    windows = json.loads(planned_windows(planned))
    steps = -(-windows // 100)
    assert study["longest_seconds"] == pytest.approx(steps * 4 * 1.25)
    assert study["core_seconds"] == pytest.approx(6 * study["longest_seconds"])
    assert sorted(one_second) == ["gru", "ltc"]
    assert study["process_bytes"] > 1_000_000
    assert study["stored_bytes"] > 6 * study["checkpoint_bytes"] / 5


def planned_windows(planned):
    from lnncmp.common.cache import cache_root
    from lnncmp.recipe.load import load_recipe
    from lnncmp.runs.ready import Request, prepare

    class Silent:
        def doing(self, text): ...
        def data(self, *args): ...
        def warn(self, message): ...

    recipe = load_recipe("sine", "quick")
    return str(len(prepare(recipe, Request(cache_root(), cache_root(), offline=True), Silent())[1].splits.train))


def test_more_processes_and_threads(planned, one_second):
    one = cost_of(planned(*TWO, "--cost", "--format", "json"))["studies"][0]
    two = cost_of(planned(*TWO, "--cost", "--set", "threads=2", "--format", "json"))["studies"][0]
    assert two["core_seconds"] == 2 * one["core_seconds"]
    cost = StudyCost(study="", models=1, runs=9, missing=9, core_seconds=90, longest_seconds=10)
    assert [cost.seconds_on(n) for n in (1, 2, 9, 100)] == [90, 45, 10, 10]


def test_a_model_whose_step_fails_is_named_and_counts_as_nothing(planned, one_second):
    answer = planned(*TWO, "--set", "models.gru.arguments.hidden=7", "--match", "own", "--cost")
    assert "Not counted, because their training step fails: gru." in " ".join(answer.out.split())


def test_data_sets_and_several_cases_add_up(planned, one_second):
    once = cost_of(planned(*TWO, "--cost", "--format", "json"))["studies"][0]
    twice = cost_of(planned(*TWO, "--cost", "--data-seeds", "2", "--format", "json"))["studies"][0]
    assert (twice["runs"], twice["core_seconds"]) == (2 * once["runs"], 2 * once["core_seconds"])
    table = planned(*TWO[:1], *TWO, "--cost").out
    assert " 12 of 12" in table and "all" in table


def test_stored_runs_are_not_counted_again(planned, monkeypatch, one_second):
    from lnncmp.records.store import Store

    monkeypatch.setattr(Store, "finished", lambda self, run_id: object())
    (study,) = cost_of(planned(*TWO, "--cost", "--format", "json"))["studies"]
    assert (study["runs"], study["missing"], study["core_seconds"], study["stored_bytes"]) == (6, 0, 0, 0)
    assert one_second == []


def test_a_multiverse_counts_a_run_of_several_universes_once(planned, one_second):
    found = cost_of(planned("sine", "--multiverse", "--seeds", "1", "--cost", "--format", "json"))["studies"][0]
    assert found["study"] == "multiverse of sine"
    assert 0 < found["missing"] == found["runs"]
    assert found["core_seconds"] > found["longest_seconds"] > 0


WRONG = [
    (("sien",), "unknown case 'sien'"),
    (("--models", "ltc"), "--models cannot be combined with this plan"),
    (("sine", "--multiverse", "--models", "ltc"), "--models cannot be combined with this plan"),
    (("sine", "--models", "lct"), "unknown model 'lct'"),
    (("sine", "--format", "csv"), "unknown format 'csv'"),
]


@pytest.mark.parametrize(("args", "sentence"), WRONG)
def test_wrong_words_are_refused(planned, args, sentence):
    refused(planned(*args), 2, f"Error: {sentence}")


def test_the_table_fits_eighty_columns():
    studies = [StudyCost(study=f"walker2d dropped frames (simulated) {n}", models=6, runs=9, missing=9) for n in (1, 2)]
    lines = render(document_of_plan_cost(PlanCost(studies=studies, jobs=2, measured=True)), "table", 80).splitlines()
    assert max(map(len, lines)) <= 80

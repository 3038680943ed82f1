"""`lnncmp bench` as a user meets it."""

import json

import pytest
from bench_results import made_up
from cli_runs import refused, run_here

from lnncmp.bench.run import PARTS
from lnncmp.cli import bench as command
from lnncmp.models.base import model_names

OWN = "batch=2,steps=6,inputs=2,hidden=8"


@pytest.fixture
def call(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, "bench", *args)


@pytest.fixture
def requests(monkeypatch):
    """The requests that reach the bench, which answers with made-up results."""
    seen = []

    def answer(request, tell):
        seen.append(request)
        return made_up()

    monkeypatch.setattr(command, "run_bench", answer)
    monkeypatch.setattr(command, "available_cores", lambda: 2)
    return seen


BAD = [
    (("--workloads", "W7"), "unknown workload 'W7'"),
    (("--workload", "batch=2"), "does not say steps, inputs, hidden"),
    (("--workload", OWN.replace("hidden=8", "hidden=x")), "hidden of a workload is a whole number"),
    (("--models", "lstn"), "unknown model 'lstn'"),
    (("--models", "ctrn"), "Did you mean 'ctrnn'?"),
    (("--models", ","), "no model to measure"),
    (("--only", "trian"), "unknown part of the bench 'trian'"),
    (("--only", ","), "--only names nothing to measure"),
    (("--format", "tex"), "unknown format 'tex'"),
    (("--threads", "3"), "--threads 3 is more than the 2 cores"),
    (("--threads", "0"), "--threads"),
    (("--rounds", "0"), "--rounds"),
]


@pytest.mark.parametrize(("args", "sentence"), BAD, ids=lambda value: str(value))
def test_bad_input_is_refused_before_any_work(call, requests, args, sentence):
    refused(call(*args), 2, sentence)
    assert requests == []


def test_the_output_must_be_a_file_that_can_be_written(call, requests, tmp_path):
    refused(call("--out", tmp_path), 2, "--out takes the name of a file")
    (tmp_path / "file").touch()
    refused(call("--out", tmp_path / "file" / "x.json"), 3, "cannot write")
    assert requests == []


def test_the_default_is_everything(call, requests):
    call()
    (request,) = requests
    assert [w.name for w in request.workloads] == ["W1", "W2", "W3"] and len(request.candidates) == 28
    assert request.parts == frozenset(PARTS) and request.threads == 1 and request.effort.rounds is None


def test_options_reach_the_bench(call, requests):
    call(
        "--workloads",
        "W2",
        "--workload",
        OWN,
        "--models",
        "gru",
        "--threads",
        "2",
        "--rounds",
        "7",
        "--only",
        "stacked",
    )
    (request,) = requests
    assert [w.name for w in request.workloads] == ["W2", "W4"] and request.threads == 2
    assert [c.label for c in request.candidates] == [
        "gru fused",
        "gru loop",
        "gru lnncmp.torch",
        "gru torch",
        "lstm torch",
    ]
    assert request.parts == {"stacked", "train"} and request.effort.rounds == 7


def test_every_model_can_be_asked_for(call, requests):
    call("--models", "all")
    call("--models", "linoss,ode_rnn", "--implementations", "loop")
    every, some = requests
    assert {candidate.model for candidate in every.candidates} == set(model_names())
    assert [candidate.label for candidate in some.candidates] == ["linoss loop", "ode_rnn loop", "lstm torch"]


def test_quick_is_less(call, requests):
    call("--quick")
    call("--quick", "--workloads", "W3")
    first, second = requests
    assert [w.name for w in first.workloads] == ["W1", "W2"] and "compile" not in first.parts
    assert [w.name for w in second.workloads] == ["W3"] and first.effort.seconds < 4


def test_json_goes_to_standard_output_and_to_the_file(call, requests, tmp_path):
    file = tmp_path / "deep" / "bench.json"
    answer = call("--format", "json", "--out", file)
    assert answer.code == 0 and json.loads(answer.out) == json.loads(file.read_text())
    assert "Warning: W4: busy." in answer.err


def test_a_table_carries_its_warnings(call, requests):
    answer = call()
    assert "Warning: W4: busy." in answer.out and answer.err == ""


def test_lost_measurements_end_with_code_4(call, monkeypatch):
    monkeypatch.setattr(command, "run_bench", lambda request, tell: made_up(failed=1))
    assert call().code == 4


def test_a_real_one(call):
    answer = call("--workload", OWN, "--models", "lstm", "--only", "train,latency", "--rounds", "1", "--format", "json")
    assert answer.code == 0, answer
    document = json.loads(answer.out)
    assert {row["implementation"] for row in document["rows"]} >= {"loop", "torch"}
    assert all(row["ms"] > 0 and row["workload"] == "W4" for row in document["rows"])
    assert "W4: training steps: done" in answer.err
    assert "Traceback" not in answer.err

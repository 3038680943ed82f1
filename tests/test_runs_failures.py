"""Runs that diverge or raise are results of their own: recorded, shown, counted; the others go on."""

import json
from types import SimpleNamespace

import pytest
from cli_runs import TWO, all_numbers, environment, records, run, run_here, with_measurements

_FAILING_GRU = """
import dataclasses
import lnncmp.models.gru as gru

def build(arguments, inputs, outputs, wiring_seed):
    raise TypeError("this model\\ncannot be built")

gru.MODEL = dataclasses.replace(gru.MODEL, build=build)
"""


@pytest.fixture(scope="module")
def failed(simulated_cache, finished, tmp_path_factory):
    """A study whose GRU raises, in the command and in its workers: every Python imports `sitecustomize` first."""
    folder = tmp_path_factory.mktemp("failed")
    out = with_measurements(folder / "out", finished)
    for path in (out / "measurements").glob("*.json"):
        if json.loads(path.read_bytes())["model"] == "gru":
            path.unlink()
    (folder / "sitecustomize.py").write_text(_FAILING_GRU)
    env = environment(LNNCMP_CACHE=str(simulated_cache), PYTHONPATH=str(folder))
    planned = run(*TWO, "--out", out, "--dry-run", env=env)
    answer = run(*TWO, "--out", out, env=env)
    return SimpleNamespace(out=out, answer=answer, planned=planned, records=records(out))


def test_a_run_that_raises_is_recorded_as_failed_and_the_others_go_on(failed, finished):
    assert failed.answer.code == 4, failed.answer
    assert "Traceback" not in failed.answer.err
    assert {key: record.status for key, record in failed.records.items()} == {
        ("lstm", 0): "ok",
        ("lstm", 1): "ok",
        ("gru", 0): "failed",
        ("gru", 1): "failed",
    }
    reason = failed.records["gru", 0].reason
    assert reason.startswith("TypeError: this model cannot be built (sitecustomize.py:")
    assert f"Warning: gru seed 0 failed: {reason}" in failed.answer.err
    assert all_numbers(finished)["lstm", 0] == all_numbers(failed.out)["lstm", 0]


def test_the_table_shows_what_failed(failed):
    assert "gru: 2 failed of 2 runs; counted, but excluded from means and tests." in failed.answer.out


def test_a_model_that_cannot_be_tried_is_left_out_of_the_estimate(failed):
    assert failed.planned.code == 0, failed.planned
    assert "the estimate leaves out gru, whose training step fails" in failed.planned.err


def test_failed_runs_are_tried_again_and_the_finished_ones_kept(failed, finished, simulated_cache):
    found = {path: path.read_bytes() for path in (failed.out / "records").glob("*.json")}
    kept = {path: content for path, content in found.items() if json.loads(content)["status"] == "ok"}
    assert len(kept) == 2
    answer = run(*TWO, "--out", failed.out)
    assert answer.code == 0, answer
    assert all_numbers(failed.out) == all_numbers(finished)
    assert kept == {path: path.read_bytes() for path in kept}


def test_a_diverged_run_is_a_result_and_not_tried_again(capsys, monkeypatch, finished, tmp_path):
    out = with_measurements(tmp_path / "out", finished)
    too_fast = "models.lstm.train={learning_rate = 1e30, clip = 'none'}"
    too_strict = "models.gru.train.diverged_loss=1e-6"
    study = [*TWO, "--out", out, "--set", too_fast, "--set", too_strict]
    answer = run(*study)
    assert answer.code == 4, answer
    assert "Traceback" not in answer.err
    for (model, seed), record in records(out).items():
        assert (record.status, record.stopped_epoch, record.scores) == ("diverged", 1, None)
        assert f"Warning: {model} seed {seed} diverged: {record.reason}" in answer.err
    assert "lstm: 2 diverged of 2 runs; counted" in answer.out
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    again = run_here(capsys, monkeypatch, *study)
    assert (again.code, again.out) == (4, answer.out)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}

"""Trials as they are trained: validation data only, and a search that is killed goes on to the same result."""

import dataclasses
import json
import os
import signal
from types import SimpleNamespace

import pytest
from cli_runs import environment, refused, run, run_here, start, wait_for

from lnncmp.cases.base import load_case
from lnncmp.recipe.load import load_recipe
from lnncmp.records.store import Store
from lnncmp.runs.plan import RunBatch, data_shape, make_plan
from lnncmp.runs.worker import execute_runs

_SETTINGS = ("data.waves=40", "data.validation_waves=10", "data.test_waves=10", "hidden=4")
SEARCH = [
    *("tune", "sine", "--preset", "quick", "--models", "gru,lstm", "--trials", "5", "--seeds", "1", "--epochs", "2"),
    *(part for change in _SETTINGS for part in ("--set", change)),
]
"""Twenty runs of a fraction of a second each."""


@pytest.fixture(scope="module")
def searched(test_cache, tmp_path_factory):
    out = tmp_path_factory.mktemp("searched") / "out"
    answer = run(
        *SEARCH, "--jobs", "1", "--out", out, "--format", "json", env=environment(LNNCMP_CACHE=str(test_cache))
    )
    assert answer.code == 0, answer
    return SimpleNamespace(out=out, table=json.loads(answer.out), err=answer.err)


def _found(out):
    return (out / "tuned" / "sine.toml").read_bytes()


def test_a_search_leaves_records_without_scores_and_a_recipe(searched):
    records = [json.loads(path.read_bytes()) for path in (searched.out / "tuning" / "records").glob("*.json")]
    assert len(records) == 5 * 2 * 2 and {record["scores"] for record in records} == {None}
    assert {record["seeds"]["root"] for record in records} == {1000}
    assert not list((searched.out / "tuning" / "measurements").iterdir()) and not (searched.out / "records").exists()
    assert not list(searched.out.rglob("*.safetensors")), "trials keep no weights"
    for row in searched.table["rows"]:
        lowest = min(trial["loss"] for trial in row["trials"] if trial["loss"] is not None)
        assert row["best"]["loss"] == lowest <= row["default"]["loss"]
    assert f"Use it with: lnncmp sine --tuned-with {searched.out}" in searched.err


@pytest.mark.slow
def test_a_killed_search_goes_on_to_the_same_recipe(searched, test_cache, tmp_path):
    env = environment(LNNCMP_CACHE=str(test_cache))
    process = start(*SEARCH, "--jobs", "2", "--out", tmp_path, env=env)
    wait_for(lambda: len(list((tmp_path / "tuning").glob("records/*.json"))) >= 3 or process.poll() is not None)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "tuning" / "records").glob("*.json")}
    assert 3 <= len(before) < 20 and not (tmp_path / "tuned").exists()
    answer = run(*SEARCH, "--jobs", "2", "--out", tmp_path, env=env)
    assert answer.code == 0, answer
    assert _found(tmp_path) == _found(searched.out)
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())


def test_the_tuned_recipe_is_used_and_every_table_says_so(searched, capsys, monkeypatch):
    settings = [part for change in _SETTINGS for part in ("--set", change)]
    study = ["sine", "--preset", "quick", "--models", "gru,lstm", *settings, "--dry-run", "--format", "json", "-q"]
    file = searched.out / "tuned" / "sine.toml"
    answer = run_here(capsys, monkeypatch, *study, "--tuned-with", str(file), "--out", str(searched.out))
    assert answer.code == 0, answer
    best = {row["model"]: row["best"] for row in searched.table["rows"]}
    planned = json.loads(answer.out)["models"]
    assert (
        planned["lstm"]["forget_bias"] == best["lstm"]["argument"] and planned["gru"]["init"] == best["gru"]["argument"]
    )
    study[0] = "walker2d"
    other = run_here(capsys, monkeypatch, "walker2d", "--tuned-with", str(file), "--out", str(searched.out))
    refused(other, 2, "the tuned recipe sine.toml belongs to the case sine, not walker2d")


@pytest.mark.parametrize(
    "given, said",
    [
        (["--seeds", "0-3"], "seed 0 is one of the seeds of the comparison"),
        (["--set", "train.rate_left=2"], "recipe key 'train.rate_left' is 2"),
        (["--models", "lstn"], "unknown model 'lstn'"),
        (["--preset", "quik"], "unknown preset 'quik'"),
    ],
)
def test_bad_input_is_refused(given, said, capsys, monkeypatch, tmp_path):
    refused(run_here(capsys, monkeypatch, "tune", "sine", "--preset", "quick", *given, "--out", str(tmp_path)), 2, said)


@pytest.mark.parametrize("evaluate", [False, True])
def test_trials_read_training_and_validation_windows_only(evaluate, tmp_path):
    """The data that the worker is given have nothing else: whatever touched the test split would raise."""
    recipe = load_recipe("sine", "quick", ["train.epochs=1", "hidden=4", "seeds=[1000, 1001]"], None, ["gru"])
    prepared = load_case("sine").sample()
    plan = make_plan(recipe, data_shape(prepared), {"gru": recipe.arguments("gru")})
    own = prepared.splits
    splits = SimpleNamespace(train=own.train, validation=own.validation, task=own.task)
    nothing = dict.fromkeys(("futures", "test_sets", "baselines", "metrics_of", "example_windows"))
    blind = dataclasses.replace(prepared, splits=splits, **nothing)
    store, ended = Store(tmp_path), []
    store.prepare()
    execute_runs(RunBatch(runs=plan.runs), blind, store, 1, lambda *given: None, ended.append, evaluate=evaluate)
    assert [record.status for record in ended] == ["failed" if evaluate else "ok"] * 2
    assert all(record.scores is None and len(record.history) == 1 for record in ended)

"""The command of a UCI case as its users call it: the paper's windows, with the published F1 beside ours."""

import json

import pytest
from cli_runs import records, run, run_here
from small_uci import ozone_files, put

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with one small study of the paper's windows, and what the command said."""
    folder = tmp_path_factory.mktemp("ozone")
    call = ["ozone", "--preset", "paper", "--data", put(folder / "data", ozone_files(330)), "--models", "lstm"]
    small = ["--seeds", "1", "--set", "train.epochs=1", "--set", "cost_repeats=1", "--out", folder / "out"]
    answer = run(*call, *small, "--format", "json")
    assert answer.code == 0, answer
    return folder, json.loads(answer.out)


def test_the_table_holds_f1_and_the_published_one(study):
    _, table = study
    (row,) = table["rows"]
    assert table["conditions"] == "as published" and row["published"]["metric"] == "f1"
    assert 0 <= row["metrics"]["f1"]["mean"] <= 1
    assert {"majority", "logistic1"} <= {baseline["name"] for baseline in table["baselines"]}
    assert any(note.startswith("Published lstm, f1: 0.284") for note in table["notes"])


def test_the_record_says_which_windows(study):
    folder, _ = study
    (record,) = records(folder / "out").values()
    assert record.recipe.data["preparation"] == "published" and record.conditions == "as published"
    assert record.inputs == 72 and record.outputs == 2


def test_comparing_needs_no_data(study, capsys, monkeypatch):
    folder, table = study
    answer = run_here(capsys, monkeypatch, "compare", folder / "out", "--format", "json")
    assert answer.code == 0, answer
    again = json.loads(answer.out)
    rows = again["rows"] if "rows" in again else again["comparisons"][0]["rows"]
    assert rows[0]["metrics"]["f1"] == table["rows"][0]["metrics"]["f1"]


def test_settings_that_the_papers_windows_do_not_have_are_refused(study, capsys, monkeypatch):
    folder, _ = study
    call = ["ozone", "--preset", "paper", "--data", folder / "data", "--set", "data.window=16", "--out", folder / "out"]
    answer = run_here(capsys, monkeypatch, *call)
    assert answer.code == 2 and "data.window has no effect" in answer.err

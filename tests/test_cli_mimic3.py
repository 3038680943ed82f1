"""`lnncmp mimic3` on planted tables: results are there, and nothing of a patient leaves the private cache."""

import json
import os
import re
import stat

import numpy as np
import pytest
from cli_runs import refused, run, run_here
from mimic3_tables import event, patient, stay, tables

SUBJECTS = [7_340_101 + 13 * n for n in range(24)]
PLANTED = 87.654321
"""A heart rate that only the tables hold."""

ITEMS = {220045: 80.0, 220050: 120.0, 220051: 60.0, 220052: 80.0, 220210: 18.0, 220277: 97.0, 223762: 37.0}
_SMALL = (
    "cost_repeats=1",
    "hidden=4",
    "train.epochs=1",
    "data.context=12",
    "data.stride=8",
    "data.replicates=20",
    "evaluate.horizon=6",
)
SMALL = [
    "--preset",
    "quick",
    "--models",
    "gru,cfc",
    "--seeds",
    "2",
    *(p for change in _SMALL for p in ("--set", change)),
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A folder with stays of 24 subjects, 40 hours each; identifiers, times and one value can be searched for."""
    rng = np.random.default_rng(0)
    rows = []
    for subject in SUBJECTS:
        for hour in range(40):
            for item, middle in ITEMS.items():
                value = (
                    PLANTED if (item, hour) == (220045, 7) else round(middle + 0.01 * middle * rng.standard_normal(), 3)
                )
                rows.append(event(item, hour + 0.25, value, subject))
    folder = tmp_path_factory.mktemp("planted") / "tables"
    return tables(folder, rows, stays=[stay(s, 0.0, 40.0) for s in SUBJECTS], patients=[patient(s) for s in SUBJECTS])


@pytest.fixture(scope="module")
def study(planted, tmp_path_factory):
    """The output folder, cache and answer of a small study on the planted tables."""
    home = tmp_path_factory.mktemp("icu")
    env = {**os.environ, "LNNCMP_CACHE": str(home / "cache")}
    command = ["mimic3", "--source", "clinical", "--data", planted, *SMALL, "--out", home / "out"]
    answer = run(*command, "--format", "json", "-v", env=env)
    assert answer.code == 0, answer
    return home, answer


def test_the_document_has_errors_by_hour_and_intervals_over_subjects(study):
    document = json.loads(study[1].out)
    assert (document["case"], document["source"]) == ("mimic3", "clinical")
    row = document["rows"][0]["metrics"]
    assert 0 < row["z_rmse_1h"]["mean"] < 5 and row["mae_hr_6h"]["mean"] > 0 and row["accumulation_ratio"]["mean"] > 0
    low, high = row["z_rmse_6h"]["ci95"]
    assert low < row["z_rmse_6h"]["mean"] < high
    assert {row["name"] for row in document["baselines"]} == {"persistence", "mean", "var6_ridge"}
    assert any("over bootstrap samples of the groups of the test data" in note for note in document["notes"])


def test_nothing_of_a_patient_leaves_the_cache(study):
    home, answer = study
    written = [path for path in (home / "out").rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" for path in written)
    texts = [answer.out, answer.err, *(path.read_bytes().decode("utf-8", "replace") for path in written)]
    texts += [str(path) for path in written]
    traces = [*map(str, SUBJECTS), "subject-", str(PLANTED), "2150-01-", "INTIME=", "10:30:00"]
    for text in texts:
        for trace in traces:
            assert not re.search(rf"(?<!\d){re.escape(trace)}", text), trace


def test_the_cache_is_for_its_owner_only(study):
    folder = study[0] / "cache" / "mimic3"
    found = list(folder.rglob("*"))
    assert any(path.suffix == ".npz" for path in found)
    for path in [folder, *found]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name


def test_a_dry_run_tells_what_was_lost(planted, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))
    command = ["mimic3", "--data", planted, *SMALL, "--out", tmp_path / "out", "--dry-run"]
    plan = json.loads(run_here(capsys, monkeypatch, *command, "--format", "json").out)
    assert (plan["source"], plan["subjects"], plan["stay_hours"]) == ("clinical", 24, 24 * 40)
    assert set(plan["windows"]) == {"train", "validation", "test"} and min(plan["windows"].values()) > 0
    assert plan["attrition"][0]["recordings"] == 24 and plan["attrition"][-1]["rows"] == sum(plan["windows"].values())
    table = run_here(capsys, monkeypatch, *command).out
    assert "Stay hours: 960" in table and "From tables to windows" in table


def test_without_data_a_simulation_takes_over_and_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))
    command = ["mimic3", *SMALL, "--out", tmp_path / "out", "--dry-run", "--offline", "--format", "json"]
    answer = run_here(capsys, monkeypatch, *command)
    assert answer.code == 0 and json.loads(answer.out)["source"] == "synthetic"
    assert "no claim about patients can rest on" in answer.err


BAD = [
    (["--data", "nowhere"], 3, "nowhere"),
    (["--source", "clinical"], 2, "name the folder of your own copy"),
    (["--source", "demo", "--offline"], 3, "lnncmp data fetch mimic3 --source demo"),
    (["--source", "waveforms", "--offline"], 3, "wget"),
    (["--source", "synthetic", "--data", "."], 2, "simulated"),
    (["--source", "clinicl"], 2, "'clinical'"),
    (["--source", "synthetic", "--set", "data.context=500"], 3, "no stay"),
    (["--set", "data.grid=day"], 2, "data.grid"),
]


@pytest.mark.parametrize(("args", "code", "phrase"), BAD, ids=str)
def test_bad_input_is_refused_in_one_sentence(capsys, monkeypatch, tmp_path, args, code, phrase):
    monkeypatch.setenv("LNNCMP_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    answer = run_here(capsys, monkeypatch, "mimic3", *SMALL, "--out", tmp_path / "out", *args)
    refused(answer, code, phrase)
    assert not (tmp_path / "out").exists()


def test_the_bench_measures_and_cleans_up(capsys, monkeypatch, tmp_path):
    answer = run_here(
        capsys,
        monkeypatch,
        "data",
        "bench",
        "mimic3",
        "--rows",
        "50000",
        "--folder",
        tmp_path,
        "--format",
        "json",
        "-q",
    )
    assert answer.code == 0 and json.loads(answer.out)["rows"] == 50_000 and list(tmp_path.iterdir()) == []
    refused(run_here(capsys, monkeypatch, "data", "bench", "sine"), 2, "no benchmark for reading the data", "mimic3")

"""`lnncmp table` as a new user calls it: the page about own data step by step, and what is refused."""

import csv
import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_runs import records, refused, run, run_here

from lnncmp.comparison.commands import commands
from lnncmp.errors import DataError
from lnncmp.recipe.load import load_recipe
from lnncmp.runs.processes import _Session
from lnncmp.runs.ready import Request, get_ready, worker_config

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "own-data.md").read_text(encoding="utf-8")
CALLS = [
    shlex.split(line.partition("#")[0])[1:]
    for line in PAGE.splitlines()
    if line.startswith("    lnncmp table load.csv")
]
_TINY = ("hidden=4", "cost_repeats=1", "train.epochs=2", "data.at_most=24", "evaluate.horizon=5")
TINY = ["--preset", "quick", "--seeds", "1", *(part for change in _TINY for part in ("--set", change))]


def make_table(folder):
    """Make the table of the page."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    exec(code.replace('Path("load.csv")', f"Path({str(folder / 'load.csv')!r})"), {})
    return folder / "load.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that the page is followed in, and what a tiny forecast said."""
    folder = tmp_path_factory.mktemp("own")
    make_table(folder)
    answer = run("table", "load.csv", "--target", "load", *TINY, "--models", "lstm", "--format", "json", cwd=folder)
    assert answer.code == 0, answer
    return folder, json.loads(answer.out), answer


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_table(tmp_path)


class TestPage:
    def test_shows_commands(self):
        assert len(CALLS) >= 7 and ["table", "load.csv"] in CALLS

    @pytest.mark.parametrize("call", [call for call in CALLS if len(call) > 2], ids=" ".join)
    def test_every_command_is_understood(self, call, here, capsys, monkeypatch):
        words = [word for word in call if word != "--dry-run"]
        answer = run_here(capsys, monkeypatch, *words, "--models", "lstm", "--dry-run", "--format", "json")
        assert answer.code == 0, answer
        plan = json.loads(answer.out)
        assert plan["rows"] == 1212 and all(plan["windows"].values()) and plan["described"][0]["title"] == "Columns"

    def test_a_recipe_file_says_it_all(self, here, capsys, monkeypatch):
        Path("load.toml").write_text(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1))
        call = next(line.split()[1:] for line in PAGE.splitlines() if "table --recipe load.toml" in line)
        answer = run_here(capsys, monkeypatch, *call, "--models", "lstm", "--format", "json")
        assert answer.code == 0, answer
        plan = json.loads(answer.out)
        assert plan["preset"] == "load" and plan["rows"] == 1212
        assert any("Gaps over 100 units: 1" in text for one in plan["described"] for text in one["notes"])

    def test_a_file_alone_gets_its_columns_named(self, here, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "table", "load.csv")
        refused(answer, 2, "the columns are when, load, warmth, day", "lnncmp table load.csv --target")

    def test_a_dry_run_says_what_was_understood(self, here, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "table", "load.csv", "--target", "load", "--dry-run", "--models", "lstm")
        words = " ".join(answer.out.split())
        for phrase in (
            "load target and input number",
            "day input category 0.0 free, work",
            "when time",
            "one unit of elapsed time is 15 min",
            "Gaps over 10 units: 1, the longest 289 units; no window spans one",
            "Split by time",
            "models are ranked by nmse",
        ):
            assert phrase in words, phrase
        assert not (here.parent / "lnncmp-results").exists()


class TestStudy:
    def test_gives_a_table_with_baselines(self, folder):
        _, table, _ = folder
        assert [row["model"] for row in table["rows"]] == ["lstm"]
        assert {row["name"] for row in table["baselines"]} >= {"persistence", "mean", "ar4_ridge"}
        assert table["conditions"] == "forecast of load"

    def test_records_hold_all_settings_and_no_cell(self, folder):
        out, _, _ = folder
        (record,) = records(out / "lnncmp-results").values()
        data = record.recipe.data
        assert data["features"] == ["warmth", "day"] and data["classes"] == {"day": ["free", "work"]}
        assert data["missing"] == ["warmth"] and data["unit_words"] == "15 min" and data["window"] in (8, 16, 32)
        assert (record.inputs, record.outputs) == (6, 1)
        assert "2024-01" not in record.model_dump_json()
        assert commands({"lstm": [record]})[0].startswith("lnncmp table FILE --preset quick")

    def test_is_not_run_again(self, folder):
        out, table, _ = folder
        words = ["--target", "load", *TINY, "--models", "lstm", "--format", "json"]
        again = run("table", "load.csv", *words, cwd=out)
        assert "Nothing had to be run" in again.err and json.loads(again.out)["rows"] == table["rows"]

    def test_its_network_predicts_from_words_and_empty_cells(self, folder, capsys, monkeypatch):
        out, _, _ = folder
        monkeypatch.chdir(out)
        ((_, record),) = records(out / "lnncmp-results").items()
        lines = ["dt,load,warmth,day", "1,0.9,12.5,work", "1,0.95,,work", "2,1.1,11,free", ""]
        Path("new.csv").write_text("\n".join(lines))
        answer = run_here(capsys, monkeypatch, "predict", record.run_id, "new.csv")
        rows = list(csv.DictReader(answer.out.splitlines()))
        assert answer.code == 0 and len(rows) == 3 and all(abs(float(row["load"])) < 100 for row in rows)
        Path("new.csv").write_text("\n".join(lines).replace("free", "holiday"))
        answer = run_here(capsys, monkeypatch, "predict", record.run_id, "new.csv")
        refused(answer, 3, "line 4: column day holds a class", "It knows: free, work")
        assert "holiday" not in answer.err

    def test_show_and_export(self, folder, capsys, monkeypatch):
        out, _, _ = folder
        monkeypatch.chdir(out)
        ((_, record),) = records(out / "lnncmp-results").items()
        shown = run_here(capsys, monkeypatch, "runs", "show", record.run_id, "--format", "json")
        assert json.loads(shown.out)["time_unit"] == "step of 15 min"
        assert run_here(capsys, monkeypatch, "export", record.run_id, "--to", "c", "-o", "made").code == 0
        assert any(
            "carried forward by the caller" in path.read_text() for path in Path("made").iterdir() if path.is_file()
        )


@pytest.mark.slow
def test_classes_from_file_to_prediction(here, capsys, monkeypatch):
    words = ["--task", "classify", *TINY, "--models", "gru", "--format", "json"]
    answer = run("table", "load.csv", "--target", "day", *words, cwd=here.parent)
    assert answer.code == 0, answer
    ((_, record),) = records(here.parent / "lnncmp-results").items()
    assert record.scores.main in ("error_rate", "balanced_error_rate") and record.outputs == 2
    assert {row["name"] for row in json.loads(answer.out)["baselines"]} >= {"majority", "logistic4"}
    Path("new.csv").write_text("dt,load,warmth\n1,0.9,12.5\n1,0.95,\n")
    answer = run_here(capsys, monkeypatch, "predict", record.run_id, "new.csv")
    assert answer.code == 0 and len(answer.out.splitlines()) == 3


def test_a_table_that_changes_while_a_study_runs_ends_it(here):
    recipe = load_recipe("table", "quick", ["data.target=load"], None, ["lstm"])
    request = Request(here.parent / "out", here.parent / "cache", files=(here,), dry_run=True)
    listener = SimpleNamespace(warn=print, data=lambda *given: None, doing=print)
    spec = get_ready(recipe, request, listener).plan.runs[0]
    worker = SimpleNamespace(prepared_for=None, config=worker_config(request, recipe))
    _Session._prepare(worker, spec)
    assert worker.prepared_for == spec.data_hash
    worker.prepared_for = None
    here.write_text(here.read_text().replace("0.9", "0.8"))
    with pytest.raises(DataError, match="the data of table have changed since the study began"):
        _Session._prepare(worker, spec)


class TestRefused:
    def test_no_file(self, capsys, monkeypatch):
        refused(run_here(capsys, monkeypatch, "table"), 2, "and none was named", "For example: lnncmp table FILE.csv")

    def test_an_unknown_column(self, here, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "table", "load.csv", "--target", "laod", "--dry-run")
        refused(answer, 2, "unknown column 'laod'", "Did you mean 'load'?")

    def test_an_unknown_task(self, here, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "table", "load.csv", "--target", "load", "--task", "predict")
        refused(answer, 2, "recipe key 'data.task' is 'predict'", "'forecast', 'regress' or 'classify'")

    def test_words_cannot_be_forecast(self, here, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "table", "load.csv", "--target", "day", "--dry-run")
        refused(answer, 2, "column 'day' holds 2 classes", "--task classify")

    def test_a_multiverse_without_choices(self, capsys, monkeypatch):
        refused(run_here(capsys, monkeypatch, "multiverse", "table"), 3, "no open choices are listed for table")

    def test_the_case_is_no_part_of_reproducing_the_study(self, capsys, monkeypatch):
        answer = run_here(capsys, monkeypatch, "reproduce-all", "--cases", "table")
        refused(answer, 2, "'table'")

"""`lnncmp reproduce-all`: every case and variant in the ways to match that were asked for, then claims and report."""

import csv
import json

import pytest
from cli_runs import refused, run_here
from synthetic_records import study

from lnncmp.claims.schema import ClaimsTable
from lnncmp.cli import reproduce
from lnncmp.comparison.compare import compare
from lnncmp.errors import DataError

ALL = [
    ("mimic3", ""),
    *(("sine", conditions) for conditions in ("clean", "noise 0.1", "clean, irregular 0.5")),
    *(("walker2d", conditions) for conditions in ("", "keep 0.5")),
]


@pytest.fixture
def asked(monkeypatch):
    """The recipes that the command wants carried out, with its reports; nothing is run."""
    wanted = {"studies": [], "reports": [], "missing": 0, "seeds": set(), "runs": 0, "totals": []}

    def carry_out(recipe, request, progress):
        conditions = recipe.data_settings().conditions
        wanted["runs"] += recipe.count_runs()
        wanted["totals"].append(progress.total)
        wanted["studies"].append((recipe.case, conditions, recipe.match))
        wanted["seeds"].add(recipe.seeds)
        changes = {"case": recipe.case, "conditions": conditions}
        return compare(**study()).model_copy(update=changes), wanted["missing"]

    def write_report(out, *rest):
        wanted["reports"].append(out)
        page = out / "report" / "report.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("")
        return page

    monkeypatch.setattr(reproduce, "carry_out", carry_out)
    monkeypatch.setattr("lnncmp.claims.judge.judge_folder", lambda out: ClaimsTable(rows=[], notes=["as it is"]))
    monkeypatch.setattr("lnncmp.report.build.write.write_report", write_report)
    return wanted


def test_quick_runs_every_variant_of_every_case_in_the_recipes_own_matching(asked, capsys, monkeypatch, tmp_path):
    answer = run_here(capsys, monkeypatch, "reproduce-all", "--preset", "quick", "--out", tmp_path)
    assert answer.code == 4, answer  # two runs of the study that stands for all diverged
    assert asked["studies"] == [(*one, "hidden") for one in ALL]
    assert set(asked["totals"]) == {asked["runs"]}  # known from the start, over all cases and variants
    tables = answer.out.count("one-step test error\n")
    assert (tables, answer.out.count("What the study says")) == (len({case for case, _ in ALL}), 1)
    assert len(answer.out.splitlines()) <= 120
    everything = run_here(capsys, monkeypatch, "reproduce-all", "--preset", "quick", "--details", "--out", tmp_path)
    assert everything.out.count("one-step test error\n") == len(ALL) and everything.out.count("as it is") == 1


def test_both_matchings_can_be_run(asked, capsys, monkeypatch, tmp_path):
    assert run_here(capsys, monkeypatch, "reproduce-all", "--match", "hidden,params", "--out", tmp_path).code == 4
    assert asked["studies"] == [(*one, matching) for matching in ("hidden", "params") for one in ALL]


def test_standard_runs_the_matching_of_the_recipe(asked, capsys, monkeypatch, tmp_path):
    assert run_here(capsys, monkeypatch, "reproduce-all", "--out", tmp_path).code == 4
    assert asked["studies"] == [(*one, "hidden") for one in ALL]


def test_the_matching_and_seeds_can_be_chosen(asked, capsys, monkeypatch, tmp_path):
    run_here(capsys, monkeypatch, "reproduce-all", "--match", "params", "--seeds", "2", "--out", tmp_path)
    assert asked["studies"] == [(*one, "params") for one in ALL]
    assert asked["seeds"] == {(0, 1)}


def test_json_is_one_document_with_the_claims_and_csv_one_table(asked, capsys, monkeypatch, tmp_path):
    call = ["reproduce-all", "--preset", "quick", "--out", tmp_path, "--format"]
    document = json.loads(run_here(capsys, monkeypatch, *call, "json").out)
    assert [(one["case"], one["conditions"]) for one in document["comparisons"]] == ALL
    assert document["claims"]["notes"] == ["as it is"]
    lines = run_here(capsys, monkeypatch, *call, "csv").out.splitlines()
    assert lines[0].startswith("case,source,conditions")
    assert {(row["case"], row["conditions"]) for row in csv.DictReader(lines)} == set(ALL)


def test_the_report_is_written_when_something_ran_or_it_is_missing(asked, capsys, monkeypatch, tmp_path):
    call = ["reproduce-all", "--preset", "quick", "--out", tmp_path]
    first = run_here(capsys, monkeypatch, *call)
    assert len(asked["reports"]) == 1 and f"Report: {tmp_path / 'report' / 'report.html'}" in first.err
    again = run_here(capsys, monkeypatch, *call)
    assert len(asked["reports"]) == 1 and "Nothing had to be run; the report is unchanged." in again.err
    asked["missing"] = 3
    run_here(capsys, monkeypatch, *call)
    assert len(asked["reports"]) == 2


def test_cases_can_be_named_also_others_than_those_of_the_study(asked, capsys, monkeypatch, tmp_path):
    run_here(capsys, monkeypatch, "reproduce-all", "--cases", "gesture, sine", "--out", tmp_path)
    assert asked["studies"] == [("gesture", "", "hidden"), *((*one, "hidden") for one in ALL if one[0] == "sine")]


def test_a_case_beside_the_study_is_left_out_without_its_data(asked, capsys, monkeypatch, tmp_path):
    carried_out = reproduce.carry_out

    def without_data(recipe, request, progress):
        if recipe.case in asked["lacking"]:
            raise DataError("the gesture recordings are not there", "Run `lnncmp data fetch gesture`.")
        return carried_out(recipe, request, progress)

    monkeypatch.setattr(reproduce, "carry_out", without_data)
    asked["lacking"] = {"gesture"}
    answer = run_here(capsys, monkeypatch, "reproduce-all", "--cases", "gesture,walker2d", "--out", tmp_path)
    said = "gesture is left out: the gesture recordings are not there. Run `lnncmp data fetch gesture`."
    assert said in " ".join(answer.err.split()) and answer.err.count("left out") == 1
    assert {case for case, *_ in asked["studies"]} == {"walker2d"}
    assert set(asked["totals"]) == {asked["runs"]}  # its runs are no longer waited for
    asked["lacking"] = {"walker2d"}  # of the study: its data must be there
    assert run_here(capsys, monkeypatch, "reproduce-all", "--cases", "walker2d", "--out", tmp_path / "b").code == 3


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--match", "parms"], "unknown way to match 'parms'"),
        (["--match", ","], "unknown way to match ','"),
        (["--cases", "gesturs"], "unknown case 'gesturs'"),
        (["--cases", "table"], "unknown case 'table'"),
        (["--preset", "quik"], "unknown preset 'quik'"),
        (["--implementation", "fast"], "unknown implementation 'fast'"),
        (["--format", "xml"], "unknown format 'xml'"),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_one_sentence(asked, capsys, monkeypatch, tmp_path, args, sentence):
    refused(run_here(capsys, monkeypatch, "reproduce-all", "--out", tmp_path / "out", *args), 2, sentence)
    assert asked["studies"] == [] and not (tmp_path / "out").exists()

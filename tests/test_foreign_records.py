"""A folder of which only a part can be used: other schemas, cases, models, errors; or no run that ended."""

import json

import pytest
from cli_runs import run_here
from figure_records import records, run, scores, write
from synthetic_records import recipe

from lnncmp.common.small_files import unsealed
from lnncmp.comparison.studies import load_studies
from lnncmp.errors import DataError

MASS = {"main": "mass", "metrics": {"test": {"mass": 3.0}}}
OTHER = "2" * 16
FOREIGN = (
    run("gru", 0, run_id="case", case="pendulum", protocol_id="1" * 16),
    run("cfc", 0, run_id="a-case", case="pendulum"),
    run("gru", 5, run_id="error", protocol_id=OTHER, scores=scores(0.1, **MASS)),
    run("gru", 6, run_id="error-of-a-group", scores=scores(0.1, **MASS)),
    run("gru", 7, run_id="classes", scores=scores(0.1, main="log_loss", metrics={"test": {"log_loss": 3.0}})),
    run("gru", 8, run_id="metric", scores=scores(0.02, metrics={"test": {"mse": 0.1, "nmse": 0.1, "mass": 3.0}})),
    run("gru", 5, run_id="model", recipe=recipe("pulsar", model={"arguments": {"stars": 3}})).model_copy(
        update={"model": "pulsar"}
    ),
)
NAMED = (
    "1 record, of schema version 3 (this version reads 2 and 1) (gru-3.json).",
    "Not used: records of pendulum, a case that neither lnncmp nor an installed package has.",
    "2 records, whose main error, mass, this version of lnncmp does not know (error.json, error-of-a-group.json).",
    "1 record, whose main error is log_loss, where other runs of their comparison have mse (classes.json).",
    "Not shown: mass, which this version of the case walker2d does not compute.",
)
COMPARED = ("pulsar", *NAMED)
COMMANDS = {
    "compare": (("compare", "{}"), NAMED),
    "compare in full": (("compare", "{}", "--details"), COMPARED),
    "compare two folders": (("compare", "{}", "{}", "--details"), COMPARED),
    "claims": (("claims", "--out", "{}", "--details"), NAMED),
    "export": (("export", "{}", "--to", "csv", "--output", "{}.csv"), NAMED[:1]),
    "runs list": (("runs", "list", "--out", "{}", "--format", "json"), ("pendulum", "pulsar")),
}
PICTURES = {
    "report": (("report", "--out", "{}"), NAMED),
    "figures": (("figures", "--out", "{}", "--format", "svg"), NAMED),
}


@pytest.fixture
def out(tmp_path):
    """Twelve runs of a study; one of them, and seven beside it, are of another lnncmp or of packages that lack here."""
    folder = write(tmp_path / "out", [*records(), *FOREIGN])
    newer = folder / "records" / "gru-3.json"
    newer.write_text(json.dumps({**unsealed(newer.read_bytes()), "schema_version": 3, "unheard_of": 1}))
    return folder


@pytest.mark.parametrize(
    ("words", "named"),
    [
        *(pytest.param(*value, id=name) for name, value in COMMANDS.items()),
        *(pytest.param(*value, id=name, marks=pytest.mark.slow) for name, value in PICTURES.items()),
    ],
)
def test_what_one_lnncmp_does_not_know_is_named_and_the_rest_goes_on(out, capsys, monkeypatch, words, named):
    answer = run_here(capsys, monkeypatch, *(word.format(out) for word in words))
    assert answer.code == 0, answer
    said = " ".join((answer.out + answer.err).split())
    assert [one for one in named if one not in said] == []


def test_the_rest_is_what_it_is_alone(out, tmp_path):
    """The runs that are left out change no number of the others."""
    kept = [
        *(one for one in records() if one.run_id != "gru-3"),
        *(one for one in FOREIGN if one.run_id in ("metric", "model")),
    ]
    alone = load_studies(write(tmp_path / "alone", kept))
    assert [study.table for study in load_studies(out)] == [study.table for study in alone]


def test_a_folder_of_unknown_errors_is_refused_with_a_sentence(tmp_path):
    write(tmp_path, [one for one in FOREIGN if one.run_id == "error"])
    with pytest.raises(DataError, match=r"no run in .* can be used\. Not used: 1 record, whose main error, mass, "):
        load_studies(tmp_path)


@pytest.mark.parametrize(
    ("status", "words"),
    [("stopped", "stopped before the end"), ("failed", "failed"), ("diverged", "diverged")],
)
def test_runs_without_a_result_are_counted_and_no_error(tmp_path, capsys, monkeypatch, status, words):
    lost = [run("gru", seed, diverged=True).model_copy(update={"status": status}) for seed in range(2)]
    out = write(tmp_path / "out", lost, ())
    compared = run_here(capsys, monkeypatch, "compare", out)
    assert compared.code == 0 and f"{words} of 2 runs" in " ".join(compared.out.split()), compared
    assert run_here(capsys, monkeypatch, "claims", "--out", out).code == 0
    twice = run_here(capsys, monkeypatch, "compare", out, out)
    assert twice.code == (3 if status == "stopped" else 0), twice

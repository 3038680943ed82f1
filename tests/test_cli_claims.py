"""`lnncmp claims` and `lnncmp claims show`: formats, exit codes, and one sentence for every bad input."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from claim_records import many, one, records, timed, written
from cli_runs import refused, run_here
from golden_files import check_golden
from synthetic_records import baseline

from lnncmp.claims.claim import load_claims
from lnncmp.claims.judge import judge
from lnncmp.report.tables.claims import document_of_claims
from lnncmp.report.tables.render import render

ROWS = len(load_claims())


def measured(model, seconds, peak, saved):
    """A measurement in five repeats that are all alike."""
    return timed(model, (seconds,) * 5, peak_memory_samples=[peak] * 5, peak_memory_bytes=peak, saved_bytes=saved)


def study(**others):
    """Walker2d under both matchings: the LTC worse at equal units, better at equal parameters, slow, and once lost."""
    ltc = [*many("ltc", 1.3, seeds=9, seconds=8.0, active=90), one("ltc", 9, seconds=8.0, active=90)]
    return records(
        ltc,
        many("lstm", 1.0),
        many("gru", 1.05, active=75),
        many("ltc", 0.8, match="params", seconds=8.0),
        many("lstm", 1.0, match="params"),
        measurements=[measured("ltc", 8.0, 900, 500), measured("lstm", 1.0, 300, 100)],
        baselines=[baseline("persistence", 6.5)],
        **others,
    )


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "out", study())


@pytest.fixture
def command(capsys, monkeypatch):
    return lambda *args: run_here(capsys, monkeypatch, *args)


class TestTable:
    def test_json_has_a_row_for_every_claim(self, command, folder):
        answer = command("claims", "--out", folder, "--format", "json")
        table = json.loads(answer.out)
        assert answer.code == 0 and list(table) == ["schema_version", "rows", "notes"] and len(table["rows"]) == ROWS
        wanted = {"id", "claim", "case", "verdict", "effect", "ci95", "p_holm", "n_seeds", "matched", "data"}
        rows = {row["id"]: row for row in table["rows"]}
        assert all(wanted <= row.keys() for row in rows.values())
        assert rows["walker2d-ltc-slower-epoch"]["verdict"] == "supported"
        assert rows["walker2d-ltc-lower-memory"]["verdict"] == "opposite"
        assert rows["walker2d-both-learn"]["verdict"] == "supported"
        assert rows["walker2d-gru-fewer-parameters"]["verdict"] == "supported"
        assert rows["walker2d-ltc-steadier-memory"]["verdict"] == "not testable here"
        assert rows["sine-tighter-fit"]["reason"] == "No runs of sine in this folder: lnncmp sine makes them."

    @pytest.mark.parametrize("width", [80, 100, 200])
    def test_table_fits_and_says_everything(self, width):
        text = render(document_of_claims(judge(load_claims(), study())), "table", width)
        assert max(map(len, text.splitlines())) <= width and "…" not in text
        for claim in load_claims():
            assert claim.id in text and claim.claim[:30] in re.sub(r"\s+", " ", text)
        if width == 100:
            assert text == check_golden("claims_100.txt", text)

    def test_csv_has_a_line_for_every_verdict(self, command, folder):
        lines = list(csv.DictReader(io.StringIO(command("claims", "--out", folder, "--format", "csv").out)))
        assert len(lines) > ROWS and {line["matched"] for line in lines} >= {"hidden", "params"}

    def test_markdown_and_latex_hold_each_claim(self, command, folder):
        markdown = command("claims", "--out", folder, "--format", "md").out
        latex = command("claims", "--out", folder, "--format", "latex").out
        assert markdown.startswith("### Claims") and "| walker2d-both-learn | supported |" in markdown
        assert latex.count("\\begin{table}") == latex.count("\\end{table}") == 1 and "\\item" in latex

    def test_strict_ends_with_5_if_the_opposite_of_one_is_shown(self, command, folder, tmp_path):
        answer = command("claims", "--out", folder, "--strict")
        assert answer.code == 5 and "walker2d-ltc-lower-memory" in answer.out
        fine = written(tmp_path / "fine", records(many("gru", 1.0, active=70), many("lstm", 1.0)))
        assert command("claims", "--out", fine, "--strict").code == 0
        assert command("claims", "--out", folder).code == 0


class TestShow:
    def test_explains_one_with_its_numbers_and_runs(self, command, folder):
        answer = command("claims", "show", "walker2d-both-learn", "--out", folder)
        assert answer.code == 0
        numbers = ("lost", "persistence 0.65", "p = 0.00318", "Holm-corrected")
        for words in ("Supported:", *numbers, "Assumed", "ltc-hidden-3"):
            assert words in answer.out, words

    def test_both_matchings_are_next_to_each_other(self, command, folder):
        out = command("claims", "--out", folder, "show", "walker2d-ltc-slower-epoch").out
        assert "same hidden units" in out and "same active parameters" in out and "train." not in out

    def test_json(self, command, folder):
        row = json.loads(command("claims", "show", "walker2d-both-learn", "--out", folder, "--format", "json").out)
        assert row["runs"][9] == {"seed": 9, "left": None, "right": pytest.approx(0.1, abs=0.002)}

    def test_an_unknown_claim_gets_the_nearest_match(self, command, folder):
        answer = command("claims", "show", "walker2d-both-lern", "--out", folder)
        refused(answer, 2, "unknown claim 'walker2d-both-lern'", "Did you mean 'walker2d-both-learn'?")


class TestBadInput:
    def test_a_folder_that_is_not_there(self, command, tmp_path):
        refused(command("claims", "--out", tmp_path / "none"), 3, "does not exist")
        assert not (tmp_path / "none").exists()

    def test_a_file(self, command, tmp_path):
        (tmp_path / "file").write_text("x")
        refused(command("claims", "--out", tmp_path / "file"), 3, "is a file, not a folder")

    def test_no_records(self, command, tmp_path):
        refused(command("claims", "--out", tmp_path), 3, "no records of runs in")

    def test_another_schema_version(self, command, folder):
        for path in (folder / "records").glob("*.json"):
            path.write_text(path.read_text().replace('"schema_version":2', '"schema_version":3'))
        refused(command("claims", "--out", folder), 3, "of schema version 3 (this version reads 2 and 1)")

    def test_some_records_of_another_version_or_damaged_are_counted(self, command, folder):
        first, second, *_ = sorted((folder / "records").glob("gru*.json"))
        before = {path.name for path in folder.rglob("*")}
        first.write_text(first.read_text().replace('"schema_version":2', '"schema_version":3'))
        second.write_text(second.read_text()[:100])
        answer = command("claims", "--out", folder)
        assert answer.code == 0 and "Not used: 1 record, of schema version 3 (this version reads 2 and 1)" in answer.out
        assert "Not used: 1 record, damaged or incomplete (" in answer.out
        assert {path.name for path in folder.rglob("*")} == before  # nothing is moved aside

    def test_an_unknown_format(self, command, folder):
        refused(command("claims", "--out", folder, "--format", "jsno"), 2, "unknown format 'jsno'", "'json'")

    def test_claims_that_name_an_unknown_measure(self, command, folder, tmp_path):
        own = tmp_path / "own.toml"
        text = '[[claim]]\nid = "x"\nclaim = "X."\nwhere = "here"\ncase = "sine"\nleft = "cfc"\nright = "gru"\n'
        own.write_text(text + 'measure = "mse_peek"\ndirection = "lower"\nmatters = 1.1\n')
        answer = command("claims", "--out", folder, "--claims", own)
        refused(answer, 2, "claim 'x': unknown measure 'mse_peek'", "Did you mean 'mse_peak'?")


def test_torch_is_never_imported(folder):
    for words in (["claims", "--out", str(folder)], ["compare", str(folder)], ["compare", str(folder), str(folder)]):
        program = (
            f"import sys\nsys.argv = {['lnncmp', *words]!r}\nfrom lnncmp.cli.main import main\n"
            "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
            "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

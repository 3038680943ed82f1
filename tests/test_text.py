"""Text of other people's records and files stays text: in a terminal, a spreadsheet, LaTeX, Markdown, HTML, figures."""

import csv
import io
import json
import re
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import polars as pl
import pytest
from cli_runs import run_here
from rendered import render
from synthetic_records import MEASURES, measured_study, recipe, run, study

from lnncmp.common.text import cell, csv_of_frame, csv_of_rows, visible
from lnncmp.comparison.compare import compare
from lnncmp.records.metric import Published
from lnncmp.records.store import Store
from lnncmp.report.tables.latex import escaped as latex
from lnncmp.report.tables.markdown import code
from lnncmp.report.tables.markdown import escaped as markdown

FORMULA, TEX, TAG = '=HYPERLINK("x")', r"\textbf{$x$}", "<script>alert(1)</script>"
MARKUP, ESCAPE, BIDI = "[bold red]x[/]", "\x1b[31mred\x07", "a\u202eb\x9bc"
NASTY = (FORMULA, TEX, TAG, MARKUP, ESCAPE, BIDI)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
STYLES = re.compile("\x1b\\[[01]m")
"""The escapes of the best value, as Rich writes them: bold and back."""


@pytest.fixture
def comparison():
    """A comparison in which model names, title, reasons and sources are such texts."""
    names = dict(zip(("lstm", "cfc", "gru_1", "ltc"), NASTY, strict=False))
    given = study()
    given["runs"] = [
        record.model_copy(update={"model": names[record.model], "reason": record.reason and ESCAPE})
        for record in given["runs"]
    ]
    given["published"] = {TEX: Published(mean=1, source=" ".join(NASTY), differences=[TAG])}
    return compare(**given | {"reference": names["lstm"], "title": " ".join(NASTY), "ablations": {}})


class TestDocuments:
    @pytest.mark.parametrize("width", [60, 200])
    def test_terminal(self, comparison, width):
        plain, styled = (render(comparison, "table", width, color) for color in (False, True))
        assert "\\u001b[31mred\\u0007" in plain.replace("\n", "") and MARKUP in plain
        assert not CONTROL.search(plain) and not CONTROL.search(STYLES.sub("", styled))

    def test_csv(self, comparison):
        rows = list(csv.DictReader(io.StringIO(render(comparison, "csv"))))
        assert {row["name"] for row in rows} >= {f"'{FORMULA}", TEX, TAG, MARKUP}
        assert all(
            _is_number(text) or text[:1] not in ("=", "+", "-", "@", "\t") for row in rows for text in row.values()
        )
        assert min(float(row["change_low"]) for row in rows if row["change_low"]) == pytest.approx(
            min(one.ci95[0] for one in comparison.comparisons if one.ci95 and one.metric == comparison.main)
        )

    def test_negative_numbers_stay_numbers(self):
        given = measured_study()
        made = compare(**given | {"metrics": MEASURES})
        rows = list(csv.DictReader(io.StringIO(render(made, "csv"))))
        lags = [float(row["lag"]) for row in rows if row["lag"]]
        assert min(lags) < 0

    def test_json_says_the_same(self, comparison):
        text = render(comparison, "json")
        assert not CONTROL.search(text)
        assert json.loads(text)["title"] == comparison.title and ESCAPE in comparison.title

    def test_latex(self, comparison):
        text = render(comparison, "latex")
        assert TEX not in text and r"\textbackslash{}textbf\{\$x\$\}" in text
        assert r"\textbackslash{}u001b[31mred" in text and "<" not in text

    def test_markdown(self, comparison):
        text = render(comparison, "md")
        assert not re.search(r"(?<!\\)<script", text) and r"\<script\>alert(1)\</script\>" in text
        assert r"\[bold red\]" in text and not CONTROL.search(text)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_cells_of_spreadsheets():
    assert [cell(text) for text in ("=1", "+a", "-a", "@a", "\ta", "a;=b", "a; -b")] == [
        *("'=1", "'+a", "'-a", "'@a", "'\ta"),
        *("a;'=b", "a; -b"),
    ]
    assert [cell(text) for text in ("-5", "+5e3", "-inf", "a=b", "", "x-y")] == ["-5", "+5e3", "-inf", "a=b", "", "x-y"]
    assert cell("\r=x") == "\\u000d=x"
    assert csv_of_rows([{"=a": -1.5, "b": None}, {"c": "-d"}]) == "'=a,b,c\n-1.5,,\n,,'-d\n"
    frame = pl.DataFrame({"=a": ["=x", None, "y"], "n": [-1.0, 2.0, None]})
    assert csv_of_frame(frame) == "'=a,n\n'=x,-1.0\n,2.0\ny,\n"


def test_what_begins_a_block():
    assert [markdown(text) for text in ("# a", "- a", "-1", "a # b", "&lt;")] == [
        "\\# a",
        "\\- a",
        "-1",
        "a # b",
        "\\&lt;",
    ]
    assert (code("a"), code("a`b``c"), code("a\x1b\nb")) == ("`a`", "``` a`b``c ```", "`a\\u001b b`")
    assert latex("`a") == r"\textasciigrave{}a"
    assert visible("a\tb\nü→") == "a\tb\nü→"


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def folder(tmp_path):
    """Records whose models, sources and reasons are such texts, six seeds of the first two."""
    store = Store(tmp_path / "records of others")
    for n, name in enumerate(NASTY):
        settings = recipe(name, case="sine", source=TAG) | {"data": {"timespans": "elapsed"}}
        settings["model"] |= {"name": "lstm"}
        for seed in range(6 if n < 2 else 1):
            error = None if n == 4 else 1.0 + 0.01 * seed + n
            changes = {"case": "sine", "source": TAG, "preset": MARKUP, "conditions": FORMULA, "reason": ESCAPE}
            record = run(name, seed, error, recipe=settings, **changes)
            store.write_run(record.model_copy(update={"run_id": f"{n:08x}{seed:08x}"}))
    return store.out


class TestCommands:
    @pytest.mark.parametrize("format", ["table", "json", "md", "latex", "csv"])
    @pytest.mark.parametrize("command", [["compare"], ["claims", "--out"]], ids=["compare", "claims"])
    def test_tables(self, folder, capsys, monkeypatch, command, format):
        answer = run_here(capsys, monkeypatch, *command, folder, "--format", format)
        assert answer.code == 0, answer.err
        assert not CONTROL.search(answer.out + answer.err)
        assert (TEX in answer.out) == (command[0] == "compare" and format in ("table", "json", "csv"))
        if format == "csv":
            cells = [text for row in csv.reader(io.StringIO(answer.out)) for text in row]
            assert cells and all(_is_number(text) or text[:1] not in ("=", "+", "-", "@") for text in cells)

    @pytest.mark.parametrize("more", [("list",), ("show", "0000000400000000"), ("verify",)], ids=" ".join)
    def test_runs(self, folder, capsys, monkeypatch, more):
        monkeypatch.setenv("COLUMNS", "250")
        answer = run_here(capsys, monkeypatch, "runs", *more, "--out", folder)
        assert answer.code == 0, answer.err
        assert not CONTROL.search(answer.out)
        if more[0] != "verify":
            assert MARKUP in answer.out and r"\u001b" in answer.out

    def test_damaged_names(self, folder, capsys, monkeypatch):
        (folder / "records" / "[red]a\x1b[31m.json").write_text("{")
        answer = run_here(capsys, monkeypatch, "compare", folder)
        assert "[red]a\\u001b[31m.json" in answer.err and not CONTROL.search(answer.err)
        answer = run_here(capsys, monkeypatch, "runs", "verify", "--out", folder)
        assert answer.code == 3 and "[red]a\\u001b" in answer.out and not CONTROL.search(answer.out + answer.err)

    def test_export(self, folder, capsys, monkeypatch, tmp_path):
        answer = run_here(capsys, monkeypatch, "export", folder, "--to", "csv", "-o", tmp_path / "a.csv")
        assert answer.code == 0, answer.err
        frame = pl.read_csv(tmp_path / "a.csv", infer_schema_length=None)
        assert f"'{FORMULA}" in frame["model"] and "\\u001b[31mred\\u0007" in frame["model"]
        assert not CONTROL.search((tmp_path / "a.csv").read_text())
        assert frame["value"].dtype == pl.Float64

    def test_report(self, folder, capsys, monkeypatch, tmp_path):
        answer = run_here(capsys, monkeypatch, "report", "--out", folder, "--to", tmp_path / "r", "--jobs", "1")
        assert answer.code == 0, answer.err
        assert not CONTROL.search(answer.out + answer.err)
        page = (tmp_path / "r" / "report.html").read_text()
        parsed = _Tags()
        parsed.feed(page)
        assert parsed.names.count("script") == 1 and "bold" not in parsed.names
        assert any(TAG in text for text in parsed.text) and any(MARKUP in text for text in parsed.text)
        texts = {path: path.read_text() for path in (tmp_path / "r").rglob("*") if path.suffix in _TEXTS}
        assert {path.suffix for path in texts} == _TEXTS
        for path, text in texts.items():
            assert not CONTROL.search(text), path
            if path.suffix == ".svg":
                ElementTree.fromstring(text)
            if path.suffix != ".csv":
                assert not re.search(r"(?<!\\)<script>alert", re.sub("`.*`", "", text)), path


_TEXTS = {".html", ".md", ".tex", ".csv", ".svg"}


def test_a_library_that_quotes_a_file_cannot_steer_the_terminal(folder, capsys, monkeypatch):
    def fails(*args):
        raise RuntimeError(ESCAPE)

    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr("lnncmp.records.read.read_records", fails)
    with pytest.raises(RuntimeError) as error:
        run_here(capsys, monkeypatch, "compare", folder)
    sys.excepthook(error.type, error.value, error.tb)
    assert capsys.readouterr().err.endswith("RuntimeError: \\u001b[31mred\\u0007\n")

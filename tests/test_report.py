"""Every format against stored golden texts, and what holds for each: nothing lost, nothing truncated, valid syntax."""

import csv
import io
import json
import re

import pytest
from golden_files import assert_same, check_golden, parsed
from rendered import render
from synthetic_records import baseline, run, runs, scores, study

from lnncmp.comparison.compare import compare
from lnncmp.comparison.table import ComparisonTable
from lnncmp.errors import UsageError
from lnncmp.report.tables import numbers
from lnncmp.report.tables.latex import escaped
from lnncmp.report.tables.render import FORMATS


@pytest.fixture(scope="module")
def comparison():
    return compare(**study())


@pytest.fixture(scope="module")
def bare():
    """One seed, one model that only diverged, no measurement, no baseline."""
    return compare([*runs("lstm", [0.9]), *runs("ltc", [None])], [], [], reference="lstm")


@pytest.mark.parametrize(
    ("name", "format", "width"),
    [
        ("table_200.txt", "table", 200),
        ("table_100.txt", "table", 100),
        ("table_80.txt", "table", 80),
        ("comparison.md", "md", 100),
        ("comparison.tex", "latex", 100),
    ],
)
def test_golden_text(comparison, name, format, width):
    text = render(comparison, format, width)
    assert text == check_golden(name, text)


@pytest.mark.parametrize("format", ["json", "csv"])
def test_golden_numbers(comparison, format):
    text = render(comparison, format)
    assert_same(parsed(format, text), parsed(format, check_golden(f"comparison.{format}", text)))


def test_golden_of_a_bare_comparison(bare):
    text = render(bare, "table", 80)
    assert text == check_golden("bare_80.txt", text)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["comparison", "bare"])
def test_every_format_names_every_row_and_ends_with_one_newline(format, kind, request):
    made = request.getfixturevalue(kind)
    text = render(made, format)
    assert text.endswith("\n") and not text.endswith("\n\n")
    for name in [row.model for row in made.rows] + [row.name for row in made.baselines]:
        assert name in text.replace("\\_", "_")


def test_unknown_format(comparison):
    with pytest.raises(UsageError, match="unknown format 'jsno'") as unknown:
        render(comparison, "jsno")
    assert "Did you mean 'json'?" in unknown.value.hint


def test_json_has_the_promised_keys_and_round_trips(comparison):
    text = render(comparison, "json")
    document = json.loads(text)
    promised = {"schema_version", "case", "source", "data_hash", "preset", "rows", "baselines", "comparisons", "notes"}
    assert promised <= document.keys()
    for row in document["rows"]:
        needed = {"model", "n_ok", "n_diverged", "params", "metrics", "horizons", "epoch_seconds", "implementation"}
        assert needed | {"peak_memory_bytes", "saved_bytes", "published"} <= row.keys()
        assert row["params"].keys() == {"trainable", "active", "total"}
        assert {"mean", "ci95", "values"} <= row["metrics"]["test_mse"].keys()
        assert isinstance(row["metrics"]["test_mse"]["mean"], float)
        assert row["horizons"].keys() == {"1", "10", "50"}
    assert all({"test_mse", "test_nmse"} <= row["metrics"].keys() for row in document["baselines"])
    assert ComparisonTable.model_validate_json(text) == comparison


def test_json_is_strict_when_errors_are_not_finite():
    wild = scores(1.0, slope=float("inf"), ones=float("nan"), far=float("nan"))
    records = [
        run("lstm", 0, 1.0, scores=wild),
        run("cfc", 0, float("inf")),
        run("gru", 0, 1e308),
        run("gru", 1, 1e308),
    ]
    made = compare(records, [], [baseline("mean", float("nan"))], reference="lstm")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    document = json.loads(render(made, "json"), parse_constant=refuse)
    assert document["baselines"][0]["metrics"]["test_mse"] is None
    assert document["rows"][0]["horizons"]["50"] is None
    for format in FORMATS:
        assert "nan" not in render(made, format).lower()


def test_one_seed_has_no_interval_and_no_verdict():
    made = compare([*runs("lstm", [0.9]), *runs("cfc", [0.8])], [], [], reference="lstm")
    assert made.rows[0].metrics["test_mse"].ci95 is None
    text = render(made, "table", 100)
    assert re.search(r"^cfc +1/0 +0\.8000 +x 0\.889 ", text, re.MULTILINE)
    assert "(n < 6)" in text and "[0." not in text


def test_missing_values_are_dashes(bare):
    text = render(bare, "table", 100)
    assert re.search(r"^ltc +0/1 +- +- +- +- +- +-$", text, re.MULTILINE)
    assert re.search(r"^lstm +12,000 / 12,345 +- +- +- +- +plain PyTorch$", text, re.MULTILINE)


def test_free_running_error_out_of_range_is_shown_as_such(comparison):
    assert re.search(r"^ltc .* inf +0\.500$", render(comparison, "table", 80), re.MULTILINE)


@pytest.mark.parametrize("width", [60, 80, 100, 140, 250])
def test_table_fits_and_loses_nothing(comparison, width):
    text = render(comparison, "table", width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text and "\x1b" not in text
    whole = render(comparison, "table", 400)
    for word in (
        "0.9050",
        "[0.8833, 0.9267]",
        "36.84",
        "0.500",
        "12,345",
        "1.20 GB",
        "84.5 KB",
        "gravity_x2",
        "± 0.0057",
    ):
        assert word in whole and word in text


def test_wide_page_has_one_main_table_and_narrow_ones_two(comparison):
    assert "\nCost\n" not in render(comparison, "table", 200)
    assert "\nCost\n" in render(comparison, "table", 100)


def test_many_models_split_the_perturbation_table():
    records = [record for n in range(12) for record in runs(f"model_{n:02d}", [1.0 + n])]
    text = render(compare(records, [], [], reference="model_00"), "table", 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("physics: gravity_x2") > 1 and text.count("model_11") >= 3


def test_bold_only_for_a_significant_best():
    clear = compare(**study())
    assert "\x1b[1m" in render(clear, "table", 200, color=True)
    assert render(clear, "md").count("**") == 2
    assert render(clear, "latex").count("\\textbf{") == 1
    few = compare([*runs("lstm", [0.9] * 5), *runs("cfc", [0.1] * 5)], [], [], reference="lstm")
    assert "**" not in render(few, "md")
    assert "\\textbf" not in render(few, "latex")


def test_csv_has_one_row_a_model_and_baseline(comparison):
    rows = list(csv.DictReader(io.StringIO(render(comparison, "csv"))))
    assert [(row["kind"], row["name"]) for row in rows] == [
        *(("model", row.model) for row in comparison.rows),
        *(("baseline", row.name) for row in comparison.baselines),
    ]
    assert float(rows[1]["test_mse"]) == comparison.rows[1].metrics["test_mse"].mean
    assert float(rows[1]["p_holm"]) == comparison.comparisons[0].p_holm
    assert rows[2]["saved_bytes"] == "" and rows[3]["mse_step_50"] == ""


def test_markdown_tables_are_rectangular(comparison):
    blocks = re.findall(r"(?:^\|.*\|\n)+", render(comparison, "md"), re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1
        assert re.match(r"\| --- \|( ---: \|)+$", block.splitlines()[1])


def test_latex_is_balanced_and_escaped(comparison):
    text = render(comparison, "latex")
    assert re.findall(r"\\begin{(\w+)}", text).count("tabular") == 3
    stack = []
    for kind, name in re.findall(r"\\(begin|end){(\w+)}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    for columns, body in re.findall(r"\\begin{tabular}{(\w+)}(.*?)\\end{tabular}", text, re.DOTALL):
        lines = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {len(columns) - 1}
    unescaped = re.sub(r"\\[\\&%$#_{}]", "", text.partition("\n")[2])
    assert unescaped.count("{") == unescaped.count("}")
    assert not re.search(r"[_%#^~<>]", unescaped)
    assert text.isascii()


def test_latex_escapes_every_special_character():
    assert escaped(r"a_b & 5% $1 #2 {x} ~ ^ \ < >") == (
        r"a\_b \& 5\% \$1 \#2 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{} \textgreater{}"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.85341, "0.8534"),
        (9.99996, "10.00"),
        (12345.6, "12,350"),
        (123456.0, "123,500"),
        (2.5e6, "2.500e+06"),
        (0.0001496, "0.0001496"),
        (0.00001496, "1.496e-05"),
        (-0.85, "-0.8500"),
    ],
)
def test_significant_digits(value, expected):
    assert numbers.significant(value) == expected


def test_units():
    assert [numbers.size(n) for n in (None, 0, 999, 84_500, 12_300_000, 1_200_000_000)] == [
        "-", "0 B", "999 B", "84.5 KB", "12.3 MB", "1.20 GB",
    ]  # fmt: skip
    assert [numbers.seconds(s) for s in (None, 900, 61.2, 1.234, 0.0456, 1.23e-5, 4e-8, 0.0)] == [
        "-", "15.0 min", "61.2 s", "1.23 s", "45.6 ms", "12.3 us", "40.0 ns", "0 s",
    ]  # fmt: skip
    assert [numbers.p_value(p) for p in (None, 0.03125, 0.0004, 1.0)] == ["-", "p = 0.031", "p < 0.001", "p = 1"]
    assert [numbers.signed(d) for d in (None, 0.01234, -0.01234, 0.0)] == ["-", "+0.0123", "-0.0123", "+0"]

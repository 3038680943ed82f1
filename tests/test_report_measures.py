"""A case's own measures in every format, and several comparisons in one output."""

import csv
import io
import json
import re

import pytest
from golden_files import assert_same, check_golden, parsed
from rendered import render, render_all
from synthetic_records import MEASURES, baseline, measured, measured_study, run, study, table

from lnncmp.comparison.compare import compare
from lnncmp.comparison.differences import differences_on
from lnncmp.comparison.table import ComparisonTable
from lnncmp.errors import DataError, UsageError
from lnncmp.report.tables.comparison import Comparisons
from lnncmp.report.tables.document import MARK
from lnncmp.report.tables.grid import accuracy_grid, perturbation_grid
from lnncmp.report.tables.metric_grid import difference_grid, measure_grid
from lnncmp.report.tables.render import FORMATS

LABELS = [
    "MSE near peaks [y^2]",
    "lag [s] (0 is best)",
    "sign agreement (higher is better)",
    "noise gain",
]


@pytest.fixture(scope="module")
def comparison():
    return compare(**measured_study())


@pytest.fixture(scope="module")
def plain():
    return compare(**study())


def flat(text):
    """Return text without line ends, as a reader of a wrapped page or of escaped markup reads it."""
    for markup, plain_text in {r"\textasciicircum{}": "^", r"\textless{}": "<", "$-$": "-", "{}[": "["}.items():
        text = text.replace(markup, plain_text)
    return " ".join(re.sub(r"\\([\[\]_*<%])", r"\1", text).split())


def columns(grid):
    return {column.heading: dict(zip(grid.labels, column.cells, strict=True)) for column in grid.columns}


def single(measure, values, **options):
    """Return the measure grid and difference grid of lstm and cfc with these values by seed."""
    records = [
        run(model, seed, 1.0, scores=measured(1.0, **({measure.name: value} if value is not None else {})))
        for model, given in values.items()
        for seed, value in enumerate(given)
    ]
    made = table(records, metrics=[measure], **options)
    return made, measure_grid(made), difference_grid(made)


@pytest.mark.parametrize(
    ("name", "format", "width"),
    [
        ("measures_100.txt", "table", 100),
        ("measures_60.txt", "table", 60),
        ("measures.md", "md", 100),
        ("measures.tex", "latex", 100),
    ],
)
def test_golden_text(comparison, name, format, width):
    text = render(comparison, format, width)
    assert text == check_golden(name, text)


@pytest.mark.parametrize("format", ["json", "csv"])
def test_golden_numbers(comparison, format):
    text = render(comparison, format)
    assert_same(parsed(format, text), parsed(format, check_golden(f"measures.{format}", text)))


@pytest.mark.parametrize("format", ["table", "md", "latex"])
def test_every_measure_predictor_and_value_is_shown(comparison, format):
    text = flat(render(comparison, format))
    for grid in (measure_grid(comparison), difference_grid(comparison)):
        assert flat(grid.title) in text
        for label in grid.labels:
            assert label in text
        for column in grid.columns:
            assert column.heading in text
            for cell in column.cells:
                for line in cell.split("\n"):
                    assert flat(line) in text
    for measure in MEASURES:
        assert measure.formula.rstrip(".") in text


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_table_fits(comparison, width):
    text = render(comparison, "table", width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


def test_measure_grid_has_a_row_a_measure_and_a_column_a_predictor(comparison):
    grid = measure_grid(comparison)
    assert list(grid.labels) == LABELS
    found = columns(grid)
    assert list(found) == ["gru", "lstm", "cfc", "ltc", "persistence", "ar2_online"]
    assert list(found["cfc"].values()) == ["0.0100 *", "-0.0200 *", "0.980 *", "0.150"]
    assert list(found["persistence"].values()) == ["0.310", "0.100", "0.800", "1.00"]
    assert list(found["ar2_online"].values()) == ["0.00120", "-", "-", "0.700"]
    assert grid.title.endswith(", lower is better unless noted (* differs from gru)")


def test_marks_stand_exactly_where_the_difference_is_significant(comparison):
    grid, marked = columns(measure_grid(comparison)), 0
    for measure, label in zip(MEASURES, LABELS, strict=True):
        pairs = differences_on(comparison.comparisons, measure.name)
        for name, cells in grid.items():
            expected = name in pairs and pairs[name].verdict.startswith("significantly")
            assert cells[label].endswith(MARK) == expected
            marked += expected
    assert marked == 5


def test_marked_numbers_end_where_the_others_do(comparison):
    lines = render(comparison, "table", 100).splitlines()
    rows = [line for line in lines if line.startswith(("MSE near peaks [y^2]", "noise gain"))][:2]
    ends = [[match.end() for match in re.finditer(r"\d\.\d+", line)] for line in rows]
    assert len(ends[0]) == 6 and ends[0] == ends[1]


def test_value_that_is_not_finite_and_value_that_is_unknown(comparison):
    lag = {name: cells["lag [s] (0 is best)"] for name, cells in columns(measure_grid(comparison)).items()}
    assert lag["ltc"] == "inf" and lag["ar2_online"] == "-"
    assert columns(difference_grid(comparison))["ltc"]["lag [s]"] == "-"


def test_differences_are_of_compared_measures_and_other_models(comparison):
    grid = difference_grid(comparison)
    assert grid.labels == ("MSE near peaks [y^2]", "lag [s]", "sign agreement")
    found = columns(grid)
    assert list(found) == ["lstm", "cfc", "ltc"]
    assert found["cfc"]["MSE near peaks [y^2]"].startswith("x 0.500\n[0.4")
    assert found["cfc"]["lag [s]"].startswith("-0.0250\n[")
    assert found["ltc"]["sign agreement"].startswith("x 0.990\n") and "gru" in grid.title


def test_few_seeds_have_no_p_and_no_mark():
    _, values, differences = single(MEASURES[0], {"lstm": [1.0] * 5, "cfc": [0.1, 0.2, 0.3, 0.4, 0.5]})
    assert values.columns[1].cells == ("0.300",)
    assert differences.columns[0].cells[0].startswith("x 0.261\n[") and differences.columns[0].cells[0].endswith(
        "n < 6"
    )
    _, _, one = single(MEASURES[0], {"lstm": [1.0], "cfc": [0.5]})
    assert one.columns[0].cells == ("x 0.500\nn < 6",)


def test_direction_is_in_title_or_label():
    lower, ideal, higher, _ = MEASURES
    assert single(lower, {"lstm": [1.0]})[1].title == "Metrics on the test windows, lower is better"
    _, values, differences = single(higher, {"lstm": [1.0]})
    assert (values.title, values.labels) == ("Metrics on the test windows", ("sign agreement (higher is better)",))
    assert differences is None
    unit_gain = ideal.model_copy(update={"ideal": 1.0, "unit": ""})
    assert single(unit_gain, {"lstm": [1.0]})[1].labels == ("lag (1 is best)",)
    assert single(ideal.model_copy(update={"ideal": None}), {"lstm": [1.0]})[1].labels == ("lag [s] (see notes)",)


def test_a_measure_that_is_not_compared_has_no_difference():
    made, values, differences = single(MEASURES[3], {"lstm": [1.0] * 6, "cfc": [0.5] * 6})
    assert differences is None and "differs" not in values.title
    assert {pair.metric for pair in made.comparisons} == {"test_mse"}


def test_case_without_measures_has_neither_table(plain):
    assert measure_grid(plain) is None and difference_grid(plain) is None
    assert "Metrics" not in render(plain, "table") and "Against lstm: ratio (x)" not in render(plain, "md")


def test_main_table_compares_test_mse_only(comparison):
    assert columns(accuracy_grid(comparison))["ratio\nto gru"]["cfc"] == "x 0.500\n(p < 0.001)"


def test_noise_slope_is_shown_only_where_one_is_known(comparison, plain):
    assert "noise\nslope" not in columns(accuracy_grid(comparison))
    assert "noise\nslope" in columns(accuracy_grid(plain))
    by_baseline = table(
        [run("lstm", 0, 1.0, scores=measured(1.0))], baselines=[baseline("mean", 2.0)], reference="lstm"
    )
    assert columns(accuracy_grid(by_baseline))["noise\nslope"] == {"lstm": "-", "mean": "1.00"}


def test_baselines_under_perturbations_but_not_the_last_value_predictor(comparison, plain):
    found = columns(perturbation_grid(comparison))
    assert list(found) == ["gru", "lstm", "cfc", "ltc", "ar2_online"]
    assert found["ar2_online"] == {
        "gaussian noise 0": "0.0500",
        "gaussian noise 0.1": "0.150",
        "shift: twice the frequency": "0.100",
    }
    assert list(columns(perturbation_grid(plain)))[-1] == "train_mean"


def test_csv_has_every_measure(comparison):
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(render(comparison, "csv")))}
    cfc = next(row for row in comparison.rows if row.model == "cfc")
    for measure in MEASURES:
        assert float(rows["cfc"][measure.name]) == cfc.metrics[measure.name].mean
        assert float(rows["cfc"][f"{measure.name}_low"]) == cfc.metrics[measure.name].ci95[0]
        assert float(rows["persistence"][measure.name]) == comparison.baselines[0].metrics[measure.name]
        assert (f"{measure.name}_change" in rows["cfc"]) == measure.compared
    pair = differences_on(comparison.comparisons, "lag")["cfc"]
    found = [float(rows["cfc"][f"lag_{end}"]) for end in ("change", "change_low", "change_high")]
    assert found == [pair.change, *pair.ci95]
    assert [float(rows["cfc"][f"lag_{end}"]) for end in ("seeds_compared", "p", "p_holm")] == [10, pair.p, pair.p_holm]
    assert rows["gru"]["lag_p"] == rows["ltc"]["lag"] == rows["ltc"]["lag_p"] == rows["ar2_online"]["lag"] == ""
    assert rows["cfc"]["conditions"] == "noise 0.1"


def test_csv_of_several_is_one_table_with_all_columns(comparison, plain):
    text = render_all([plain, comparison], "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    apart = [list(csv.DictReader(io.StringIO(render(made, "csv")))) for made in (plain, comparison)]
    assert text.count("data_hash") == 1
    assert len(rows) == len(apart[0]) + len(apart[1])
    for row, alone in zip(rows, [*apart[0], *apart[1]], strict=True):
        assert row == {**dict.fromkeys(row, ""), **alone}


def test_json_of_several_is_one_document(comparison, plain):
    document = json.loads(render_all([plain, comparison], "json"))
    assert list(document) == ["schema_version", "comparisons"]
    assert document["comparisons"] == [json.loads(render(made, "json")) for made in (plain, comparison)]
    assert Comparisons.model_validate(document).comparisons == [plain, comparison]
    assert json.loads(render_all([plain], "json"))["comparisons"][0]["case"] == "walker2d"


def test_json_holds_measures_and_round_trips(comparison):
    document = json.loads(render(comparison, "json"))
    assert [measure["name"] for measure in document["measures"]] == [measure.name for measure in MEASURES]
    assert document["rows"][2]["metrics"]["mse_peak"]["mean"] == pytest.approx(0.01)
    assert ComparisonTable.model_validate(document) == comparison


@pytest.mark.parametrize("format", ["table", "md"])
def test_texts_of_several_follow_one_another(comparison, plain, format):
    text = render_all([plain, comparison], format, 100)
    assert text == f"{render(plain, format, 100)}\n{render(comparison, format, 100)}"
    assert render_all([plain], format, 100) == render(plain, format, 100)


def test_latex_of_several_names_its_package_once(comparison, plain):
    text = render_all([plain, comparison], "latex")
    comment, _, alone = render(comparison, "latex").partition("\n\n")
    assert comment.startswith("%") and text.count(comment) == 1
    assert text == f"{render(plain, 'latex')}\n{alone}"


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_to_show_is_refused(format):
    with pytest.raises(DataError, match="no comparison to show"):
        render_all([], format)


def test_unknown_format_of_several(plain):
    with pytest.raises(UsageError, match="unknown format 'tex'"):
        render_all([plain], "tex")


def test_markdown_and_latex_are_well_formed(comparison):
    blocks = re.findall(r"(?:^\|.*\|\n)+", render(comparison, "md"), re.MULTILINE)
    assert len(blocks) == 5
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    text = render(comparison, "latex")
    tables = re.findall(r"\\begin{tabular}{(\w+)}(.*?)\\end{tabular}", text, re.DOTALL)
    assert len(tables) == 5 and text.isascii()
    for wanted, body in tables:
        lines = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {len(wanted) - 1}
    stripped = re.sub(r"\\[\\&%$#_{}]", "", text)
    assert stripped.count("{") == stripped.count("}")
    opened, closed = (sorted(re.findall(rf"\\{word}{{(\w+)}}", text)) for word in ("begin", "end"))
    assert opened == closed

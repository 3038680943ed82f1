"""Comparisons of classes: every format names the error that it shows; single classes and single targets."""

import csv
import io
import json

import pytest
from class_records import NAMES, class_scores, class_study, target_scores, target_study
from golden_files import assert_same, check_golden, parsed
from synthetic_records import note, row, run, table

from lnncmp.comparison.by_target import by_target
from lnncmp.comparison.compare import compare
from lnncmp.comparison.differences import differences_on
from lnncmp.comparison.run_metrics import in_words
from lnncmp.errors import LnncmpError
from lnncmp.report.page.chapters import study_view
from lnncmp.report.page.content import ReportStudy
from lnncmp.report.tables.comparison import document_of_comparison
from lnncmp.report.tables.render import render


def made(**options):
    return compare(**class_study(**options))


def shown(comparison, format="table", width=100):
    return render(document_of_comparison(comparison), format, width)


@pytest.mark.parametrize("width", [100])
def test_table(width):
    text = shown(made(), width=width)
    assert text == check_golden(f"classes_{width}.txt", text)


@pytest.mark.parametrize("format", ["json", "csv"])
def test_data(format):
    text = shown(made(), format)
    assert_same(parsed(format, text), parsed(format, check_golden(f"classes.{format}", text)))


@pytest.mark.parametrize("main", ["error_rate", "balanced_error_rate", "log_loss"])
@pytest.mark.parametrize("format", ["table", "md", "latex", "json", "csv"])
def test_no_format_calls_it_a_squared_error(format, main):
    text = shown(made(main=main), format)
    assert "mse" not in text.lower() and "squared" not in text.lower() and "persistence" not in text.lower()
    assert main.replace("_", " ") in text or f"test_{main}" in text


def test_the_main_error_is_compared_and_ranks_the_models():
    comparison = made()
    assert comparison.title.endswith(", preset quick: test error")
    assert comparison.error.name == "error_rate" and comparison.main == "test_error_rate"
    assert [error.name for error in comparison.errors] == ["error_rate", "balanced_error_rate"]
    assert comparison.best == "cfc"
    against = differences_on(comparison.comparisons, "test_error_rate")
    assert against["cfc"].verdict == "significantly lower" and against["ltc"].verdict == "significantly higher"
    tested = {one.metric for one in comparison.comparisons}
    assert tested == {
        *("test_error_rate", "balanced_accuracy", "f1", "auroc", "auprc", "log_loss", "calibration_error"),
    }


def test_metrics_that_are_better_when_higher_say_so():
    text = shown(made())
    for heading in ("accuracy", "balanced accuracy", "F1", "AUROC", "AUPRC"):
        assert f"{heading} (higher is better)" in text
    assert "log loss (higher" not in text and "calibration error (higher" not in text


def test_notes():
    comparison = made()
    assert "log loss per variance of input noise" in note(comparison, "Noise slope")
    assert "lowest test error rate" in note(comparison, "cfc has the")
    assert "most frequent class" in shown(comparison)


def test_two_main_errors_do_not_go_together():
    study = class_study()
    study["runs"][0] = run("lstm", 0, 1.0, scores=class_scores(0.2, main="log_loss"))
    with pytest.raises(LnncmpError, match="one main error, these have log_loss and error_rate"):
        compare(**study)


def test_words_of_measures():
    assert in_words("error_rate", ()) == ("test error rate", "")
    assert in_words("mse", ()) == ("one-step test MSE", "")


class TestByClass:
    def test_recall_and_f1_are_means_over_seeds(self):
        found = row(made(), "lstm").per_target
        assert list(found) == ["share", "recall", "f1"] and list(found["recall"]) == list(NAMES)
        assert found["recall"]["walk"] == pytest.approx(1 - 2 * 0.2, abs=0.01)
        text = shown(made())
        assert "By class: recall / F1" in text and "run (< 1%)" in text and "rest (60%)" in text
        assert "0.25 / 0.20" in text

    def test_a_class_without_labels_has_no_numbers(self):
        absent = class_scores(0.2)
        for values in (absent.per_target["recall"], absent.per_target["f1"]):
            values["run"] = float("nan")
        absent.per_target["share"]["run"] = 0.0
        comparison = table([run("lstm", seed, 1.0, scores=absent) for seed in range(3)])
        assert row(comparison, "lstm").per_target["recall"]["run"] is None
        line = next(line for line in shown(comparison).splitlines() if line.startswith("run (0%)"))
        assert line.split()[-1] == "-"

    def test_csv_and_json_hold_them_in_full(self):
        comparison = made()
        first = next(csv.DictReader(io.StringIO(shown(comparison, "csv"))))
        assert float(first["recall_of_rest"]) == row(comparison, "lstm").per_target["recall"]["rest"]
        assert json.loads(shown(comparison, "json"))["rows"][0]["per_target"]["share"]["run"] == 0.005


class TestByTarget:
    def test_shares_are_of_the_mse_and_sum_to_one(self):
        found = row(compare(**target_study()), "cfc").per_target
        assert found["share"] == pytest.approx({"foot": 0.9, "knee": 0.06, "hip": 0.04})
        assert sum(found["share"].values()) == pytest.approx(1)

    def test_a_target_that_makes_most_of_the_error_is_shown_and_said(self):
        comparison = compare(**target_study())
        text = shown(comparison)
        assert "By target: NMSE (share of the MSE)" in text and "(90%)" in text
        assert note(comparison, "foot alone makes up to 90% of the MSE")

    def test_otherwise_pages_and_files_show_it_and_a_terminal_does_not(self):
        comparison = compare(**target_study((0.4, 0.3, 0.3)))
        assert "By target" not in shown(comparison) and "alone makes" not in " ".join(comparison.notes)
        for format in ("md", "latex"):
            assert "By target: NMSE (share of the MSE)" in shown(comparison, format)
        assert "share_of_hip" in shown(comparison, "csv")

    def test_a_single_target_has_no_table(self):
        one = target_scores(1.0)
        one = one.model_copy(update={"per_target": {"mse": {"y": 1.0}, "nmse": {"y": 0.1}}})
        assert by_target([one]) == {}

    def test_what_is_not_finite_is_not_known(self):
        wild = target_scores(1.0)
        wild.per_target["mse"]["foot"] = wild.per_target["nmse"]["foot"] = float("inf")
        found = by_target([wild, target_scores(1.0)])
        assert found["nmse"]["foot"] is None and found["share"]["foot"] is None and found["nmse"]["hip"] > 0


def test_the_page_has_a_chapter_of_single_classes():
    comparison = made()
    study = ReportStudy("a", "a", comparison.heading, comparison, (), (), (), (), (), (), ())
    view = study_view(study)
    assert [view.shown[0].title, view.folded[0].title] == ["Accuracy", "By class"]
    assert comparison.heading.endswith("preset quick")

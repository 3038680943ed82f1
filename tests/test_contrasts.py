"""`lnncmp compare`: which differences between two sets of records are real, and what is never held together."""

import csv
import io
import json
import math
from pathlib import Path

import pytest
from claim_records import WAVE, many, one, records, with_replicates, written
from cli_runs import refused, run_here

from lnncmp.comparison.contrasts.folders import contrast_folders, contrast_groups
from lnncmp.errors import DataError
from lnncmp.records.read import Records
from lnncmp.records.schema import Provenance


def folder(name, *groups):
    return Records(Path(name), records(*groups).runs, [], [])


def rows(left, right, measure="one-step test MSE"):
    return {
        row.model: row for row in contrast_folders(left, right).rows if row.measure == measure and row.case != "all"
    }


def scaled(runs, factor, spread=0.01):
    """The same runs, the test error of each times about `factor`."""
    made = []
    for run, wave in zip(runs, WAVE, strict=False):
        error = run.scores.metrics["test"]["mse"] * factor * (1 + spread * wave)
        metrics = {"test": {**run.scores.metrics["test"], "mse": error}}
        made.append(run.model_copy(update={"scores": run.scores.model_copy(update={"metrics": metrics})}))
    return made


class TestFolders:
    def test_equal_records_are_equal(self):
        runs = [many("cfc", 0.8), many("lstm", 1.0)]
        found = rows(folder("a", *runs), folder("b", *runs))
        assert [row.finding for row in found.values()] == ["equal", "equal"]
        assert found["cfc"].p is None and found["cfc"].pairs == 10

    def test_a_real_difference_is_found_with_its_size(self):
        left = folder("a", many("cfc", 0.8), many("lstm", 1.0))
        right = folder("b", scaled(many("cfc", 0.8), 1.1), many("lstm", 1.0))
        row = rows(left, right)["cfc"]
        assert row.finding == "higher" and row.change == pytest.approx(1.1, abs=0.01)
        assert row.ci95[0] > 1 and row.p == row.p_holm < 1e-9  # paired, and the equal LSTM is no test

    def test_noise_is_not(self):
        left = folder("a", many("cfc", 0.8))
        right = folder("b", scaled(many("cfc", 0.8), 1.0, spread=1.0))
        assert rows(left, right)["cfc"].finding == "no difference shown"

    def test_last_digits_are_equal(self):
        assert rows(folder("a", many("cfc", 1.0)), folder("b", scaled(many("cfc", 1.0), 1 + 1e-8, 0)))[
            "cfc"
        ].finding == ("equal")

    def test_under_six_seeds_nothing_is_said(self):
        left, right = folder("a", many("cfc", 0.8, seeds=5)), folder("b", many("cfc", 2.0))
        assert rows(left, right)["cfc"].finding == "too few seeds (n < 6)"

    def test_times_as_run_are_not_tested_and_what_differs_is_told(self):
        slow = many("cfc", 0.8, seconds=2.0, provenance=Provenance(cpu="another"))
        found = contrast_folders(folder("a", many("cfc", 0.8)), folder("b", slow))
        assert {row.measure for row in found.rows} == {"one-step test MSE", "number of active parameters"}
        assert "cpu is a processor on the left and another on the right (all models)." in found.notes

    def test_lost_runs_are_counted_not_averaged(self):
        right = [*many("cfc", 0.8, seeds=8), one("cfc", 8), one("cfc", 9)]
        row = rows(folder("a", many("cfc", 0.8)), folder("b", right))["cfc"]
        assert row.lost == (0, 2) and row.pairs == 8 and math.isfinite(row.right)

    def test_subjects_enter_where_records_hold_samples_of_them(self):
        wide = [[math.exp(0.3 * math.sin(7 * n)) for n in range(40)] for _ in range(10)]
        flat = [[1.0] * 40 for _ in range(10)]
        left = folder("a", with_replicates(many("cfc", 1.0), "mse", flat))
        right = folder("b", with_replicates(scaled(many("cfc", 1.0), 1.05), "mse", wide))
        row = rows(left, right)["cfc"]
        assert row.ci95[0] < 1 < row.ci95[1] and row.finding == "no difference shown"

    def test_over_several_comparisons_each_counts_the_same(self):
        both = ("hidden", "params")
        left = folder("a", *(many("cfc", level, match=m) for m, level in zip(both, (0.1, 9.0), strict=True)))
        right = folder("b", *(scaled(many("cfc", l, match=m), 1.1) for m, l in zip(both, (0.1, 9.0), strict=True)))
        (row,) = [row for row in contrast_folders(left, right).rows if row.case == "all"]
        assert row.change == pytest.approx(1.1, abs=0.01) and row.finding == "higher"

    def test_the_same_protocol_is_held_against_itself(self):
        left = folder("a", many("cfc", 0.8), many("cfc", 3.0, match="params"))
        right = folder("b", many("cfc", 3.0, match="params"), many("cfc", 0.8))
        found = [row for row in contrast_folders(left, right).rows if row.measure == "one-step test MSE"]
        assert [row.finding for row in found] == ["equal", "equal"]


class TestDataNeverPooled:
    def test_nothing_in_common_is_refused(self):
        other = {"data_hash": "e" * 16}
        with pytest.raises(DataError) as error:
            contrast_folders(folder("a", many("cfc", 0.8)), folder("b", many("cfc", 0.8, **other)))
        assert "no model ended well on equal data in both" in error.value.message
        assert "whose data differ (simulated dddddddd; simulated eeeeeeee)" in error.value.hint

    def test_what_is_left_out_is_named(self):
        noisy = {"conditions": "noise"}
        left = folder("a", many("cfc", 0.8), many("lstm", 0.8, data_hash="f" * 16, **noisy))
        right = folder("b", many("cfc", 0.8), many("lstm", 0.8, data_hash="e" * 16, **noisy))
        found = contrast_folders(left, right)
        assert {row.model for row in found.rows} == {"cfc"}
        assert any(note.startswith("Not compared: walker2d (noise), whose data differ") for note in found.notes)


def test_the_settings_of_one_folder():
    runs = [many("cfc", 0.8), many("cfc", 0.5, match="params"), many("lstm", 1.0, data_hash="e" * 16)]
    (found,) = contrast_groups(folder("a", *runs))
    assert found.names[0].startswith("hidden") and found.names[1].startswith("params")
    assert found.rows[0].finding == "lower"


class TestCommand:
    @pytest.fixture
    def command(self, capsys, monkeypatch):
        return lambda *args: run_here(capsys, monkeypatch, "compare", *args)

    @pytest.fixture
    def two(self, tmp_path):
        left = written(tmp_path / "a", records(many("cfc", 0.8), many("lstm", 1.0)))
        right = written(tmp_path / "b", records(scaled(many("cfc", 0.8), 1.2), many("lstm", 1.0)))
        return left, right

    def test_two_folders(self, command, two):
        answer = command(*two)
        assert answer.code == 0 and "right is" in answer.out and "x 1.2" in answer.out

    def test_one_folder_gives_its_tables(self, command, two):
        answer = command(two[0], "--reference", "cfc")
        assert answer.code == 0 and "Walker2d (simulated), preset quick" in answer.out and "to cfc" in answer.out

    @pytest.mark.parametrize("count", [1, 2])
    def test_formats(self, command, two, count):
        found = json.loads(command(*two[:count], "--format", "json").out)
        assert list(found) == ["schema_version", "comparisons", "contrasts"]
        lines = list(csv.DictReader(io.StringIO(command(*two[:count], "--format", "csv").out)))
        assert lines and ("finding" in lines[0]) == (count == 2)
        assert "### " in command(*two[:count], "--format", "md").out
        assert "\\begin{table}" in command(*two[:count], "--format", "latex").out

    def test_bad_input(self, command, two, tmp_path):
        refused(command(tmp_path / "none"), 3, "does not exist")
        refused(command(two[0], tmp_path), 3, "no records of runs in")
        refused(command(two[0], "--reference", "cfk"), 2, "unknown reference model 'cfk'", "Did you mean 'cfc'?")
        refused(command(two[0], "--format", "xml"), 2, "unknown format 'xml'")
        other = written(tmp_path / "c", records(many("cfc", 0.8, data_hash="e" * 16)))
        refused(command(two[0], other), 3, "no model ended well on equal data in both", "whose data differ")

"""Comparing thousands of runs quickly: what is left out for a ranked table changes nothing in it."""

import gc

import pytest
from report_folders import folder

from lnncmp.common.garbage import uncollected
from lnncmp.comparison.main_error import main_error_only
from lnncmp.comparison.studies import studies_of
from lnncmp.records.read import read_records
from lnncmp.report.tables.brief import brief_section


def test_main_errors_are_enough_for_the_ranked_table(tmp_path):
    records = read_records(folder(tmp_path))
    whole, lean = studies_of(records), studies_of(main_error_only(records))
    assert list(map(brief_section, [study.table for study in lean])) == [brief_section(one.table) for one in whole]
    assert any(row.perturbations for row in whole[0].table.rows)
    assert not any(row.perturbations for row in lean[0].table.rows)
    assert all(run.scores is None or run.scores.metrics["test"].keys() > {"mse"} for run in records.runs)


@pytest.mark.parametrize("many", [0, 150_000])
def test_what_was_made_meanwhile_is_not_searched_for_garbage(many):
    before = gc.get_freeze_count()
    try:
        with uncollected():
            assert not gc.isenabled()
            made = [[] for _ in range(many)]
        assert gc.isenabled()
        assert (gc.get_freeze_count() - before > many / 2) == bool(many), len(made)
    finally:
        gc.unfreeze()


def test_a_search_that_was_off_stays_off():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()

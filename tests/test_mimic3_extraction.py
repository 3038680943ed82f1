"""MIMIC-III tables to recordings: every rule on hand-made rows with known answers, and the demo."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from mimic3_tables import event, extracted, patient, put, series, stay, step, table_text, tables

from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.clinical import SOURCE
from lnncmp.sources.mimic3.extraction.extraction import extract
from lnncmp.sources.mimic3.extraction.overlaps import disjoint
from lnncmp.sources.mimic3.variables import NAMES

HR, SBP_ART, SBP_CUFF, TEMP_C, TEMP_F, FIO2_FRACTION, FIO2_PERCENT = 220045, 220050, 220179, 223762, 223761, 190, 223835
GCS_EYE, GCS_MOTOR, GLUCOSE, URINE, IRRIGANT = 220739, 223901, 225664, 226559, 227488


def only(extraction):
    (recording,) = extraction.recordings
    return recording


class TestValues:
    def test_mean_of_the_hour(self, tmp_path):
        recording = only(extracted(tmp_path, [event(HR, 0.1, 80), event(HR, 0.9, 90), event(211, 1.5, 70)]))
        assert series(recording, "hr") == {0.0: 85.0, 1.0: 70.0}
        assert recording.values.shape == (2, 12)
        assert np.isnan(recording.values[~recording.observed]).all()
        assert recording.group == "subject-1"

    def test_fahrenheit_by_item(self, tmp_path):
        recording = only(extracted(tmp_path, [event(TEMP_F, 0, 98.6), event(TEMP_C, 1, 38), event(678, 2, 104)]))
        assert series(recording, "temp") == pytest.approx({0.0: 37.0, 1.0: 38.0, 2.0: 40.0})

    def test_inspired_oxygen_percent_or_fraction(self, tmp_path):
        numbers = [(FIO2_FRACTION, 0.5), (FIO2_PERCENT, 40), (FIO2_PERCENT, 1), (FIO2_FRACTION, 60), (3420, 21)]
        chart = [event(item, hour, value) for hour, (item, value) in enumerate(numbers)]
        chart += [event(HR, 0, 80), event(HR, 4, 80)]
        found = series(only(extracted(tmp_path, chart)), "fio2")
        assert found == pytest.approx({0.0: 0.5, 1.0: 0.4, 2.0: 1.0, 3.0: 0.6, 4.0: 0.21})

    def test_arterial_pressure_displaces_the_cuff_within_the_hour(self, tmp_path):
        chart = [event(SBP_CUFF, 0.2, 150), event(SBP_ART, 0.5, 110), event(SBP_ART, 0.6, 120), event(SBP_CUFF, 1, 140)]
        assert series(only(extracted(tmp_path, chart)), "sbp") == {0.0: 115.0, 1.0: 140.0}

    def test_arterial_rank_holds_for_each_pressure_alone(self, tmp_path):
        recording = only(extracted(tmp_path, [event(SBP_ART, 0, 110), event(220180, 0, 60)]))
        assert (series(recording, "sbp"), series(recording, "dbp")) == ({0.0: 110.0}, {0.0: 60.0})

    def test_coma_scale_is_the_last_by_time_not_by_row(self, tmp_path):
        chart = [event(GCS_MOTOR, 0.8, 5), event(GCS_MOTOR, 0.1, 6), event(GCS_EYE, 0.9, 1), event(GCS_EYE, 0.2, 4)]
        recording = only(extracted(tmp_path, [*chart, event(HR, 0, 80)]))
        assert (series(recording, "gcs_motor"), series(recording, "gcs_eye")) == ({0.0: 5.0}, {0.0: 1.0})

    def test_urine_is_summed_and_the_irrigant_subtracted(self, tmp_path):
        outputs = [event(URINE, 0.1, 100), event(40055, 0.5, 50), event(IRRIGANT, 0.6, 30), event(IRRIGANT, 1, 500)]
        found = extracted(tmp_path, [event(HR, 0, 80), event(HR, 1, 80)], outputs)
        assert series(only(found), "urine") == {0.0: 120.0}
        assert "1 hourly sums of urine" in step(found, "hours kept").reason

    def test_duplicates_count_once(self, tmp_path):
        chart = [event(HR, 0, 80), event(HR, 0, 80), event(HR, 0.5, 100)]
        found = extracted(tmp_path, chart, [event(URINE, 0, 70), event(URINE, 0, 70)])
        assert series(only(found), "hr") == {0.0: 90.0}
        assert series(only(found), "urine") == {0.0: 70.0}
        assert (step(found, "rows inside a stay").rows, step(found, "rows without duplicates").rows) == (5, 3)

    def test_values_out_of_range_are_dropped_and_counted(self, tmp_path):
        chart = [event(HR, 0, 0), event(HR, 0, 10), event(HR, 0, 301), event(SBP_ART, 0, 11647), event(TEMP_F, 0, 37)]
        found = extracted(tmp_path, chart, [event(URINE, 0, -5)])
        assert series(only(found), "hr") == {0.0: 10.0}
        assert step(found, "rows within a plausible range").rows == 1
        assert step(found, "rows within a plausible range").reason == "artefacts: hr 2, sbp 1, temp 1, urine 1"

    def test_an_implausible_arterial_value_leaves_the_cuff(self, tmp_path):
        found = extracted(tmp_path, [event(SBP_ART, 0, -8), event(SBP_CUFF, 0, 120)])
        assert series(only(found), "sbp") == {0.0: 120.0}

    def test_flagged_rows_text_and_other_items_are_left_out(self, tmp_path):
        chart = [event(HR, 0, 80, error=0), event(HR, 0, 99, error=1), event(HR, 1, "", text="D/C'd"), event(742, 0, 1)]
        found = extracted(tmp_path, chart, [event(URINE, 0, 40, error=1)])
        assert series(only(found), "hr") == {0.0: 80.0}
        assert series(only(found), "urine") == {}
        names = ["rows read", "rows of the items asked for", "rows with a number", "rows not flagged as errors"]
        assert [step(found, name).rows for name in names] == [5, 4, 3, 1]


class TestStays:
    def test_hours_begin_at_intime_and_end_before_outtime(self, tmp_path):
        second = 1 / 3600
        hours = [-second, 0, 1 - second, 1, 2, 10 - second, 10]
        found = extracted(tmp_path, [event(HR, hour, 60 + n) for n, hour in enumerate(hours)])
        assert series(only(found), "hr") == {0.0: 61.5, 1.0: 63.0, 2.0: 64.0, 9.0: 65.0}
        assert step(found, "rows inside a stay").rows == 5

    def test_empty_hours_inside_stay_and_outside_go(self, tmp_path):
        chart = [event(HR, 2.5, 80), event(HR, 5.1, 82), event(GLUCOSE, 0.5, 100), event(GLUCOSE, 3, 120)]
        found = extracted(tmp_path, [*chart, event(GLUCOSE, 8, 130)])
        recording = only(found)
        assert recording.times.tolist() == [2.0, 3.0, 4.0, 5.0]
        assert recording.observed.any(axis=1).tolist() == [True, True, False, True]
        assert series(recording, "glucose") == {3.0: 120.0}
        assert (step(found, "hours of these stays").rows, step(found, "hours kept").rows) == (10, 4)

    def test_rows_go_to_a_stay_by_subject_and_time(self, tmp_path):
        chart = [event(HR, 21, 81), event(HR, 1, 80), event(HR, 15, 99), event(HR, 1, 70, subject=2)]
        chart += [event(HR, 2, 60, subject=7)]
        stays = [stay(2), stay(1, 20, 30), stay(1, 0, 10), stay(3)]
        found = extracted(tmp_path, chart, stays=stays)
        assert [r.group for r in found.recordings] == ["subject-1", "subject-1", "subject-2"]
        assert [series(r, "hr") for r in found.recordings] == [{1.0: 80.0}, {1.0: 81.0}, {1.0: 70.0}]
        kept, core = step(found, "rows inside a stay"), step(found, "stays with a core variable")
        assert (kept.rows, kept.recordings, kept.groups, core.recordings, core.groups) == (3, 3, 2, 3, 2)
        adults = step(found, "stays of adults")
        assert (adults.recordings, adults.groups) == (4, 3)

    def test_an_event_belongs_to_the_stay_that_began_last_among_those_that_contain_it(self, tmp_path):
        chart = [event(HR, hour, 60 + hour) for hour in (5, 15, 50, 90, 110)]
        found = extracted(tmp_path, chart, stays=[stay(1, 0, 100), stay(1, 10, 20)])
        assert [series(r, "hr") for r in found.recordings] == [{5.0: 65.0, 50.0: 110.0, 90.0: 150.0}, {5.0: 75.0}]
        assert step(found, "rows inside a stay").rows == 4

    def test_overlaps_of_many_stays_as_a_search_through_all_of_them_finds(self):
        draw = np.random.default_rng(11)
        for _ in range(60):
            begins = draw.integers(0, 30, draw.integers(1, 9))
            rows = [(int(draw.integers(1, 3)), int(b), int(b + draw.integers(0, 20))) for b in begins]
            stays = pl.DataFrame(rows, schema=("SUBJECT_ID", "start", "end"), orient="row").sort(pl.all())
            spans = disjoint(stays).rows()
            for subject in (1, 2):
                for time in range(55):
                    inside = [
                        n for n, (who, start, end) in enumerate(stays.rows()) if who == subject and start <= time < end
                    ]
                    mine = [row[1] for row in spans if row[0] == subject and row[3] <= time < row[4]]
                    assert mine == inside[-1:]

    def test_stay_that_ends_centuries_later_is_left_out_and_counted(self, tmp_path):
        stays = [stay(1, 0, 24 * 366 * 2000), stay(2)]
        chart = [event(HR, 0, 80), event(HR, 24 * 366 * 1999, 80), event(HR, 0, 70, subject=2)]
        found = extracted(tmp_path, chart, stays=stays)
        assert only(found).group == "subject-2"
        assert step(found, "stays with a beginning and an end").recordings == 2
        assert step(found, "stays of 366 days at most").recordings == 1

    def test_age(self, tmp_path):
        born = {
            1: "2132-01-01 10:30:00",  # eighteen to the second
            2: "2132-01-02 00:00:00",  # a day too young
            3: "1850-01-01 00:00:00",  # hidden age: 300 years, more than 64 bits of nanoseconds hold
            4: "",
            5: "2149-12-31 00:00:00",
        }
        chart = [event(HR, 0, 60 + subject, subject=subject) for subject in range(1, 7)]
        stays = [stay(subject) for subject in range(1, 7)]
        found = extracted(tmp_path, chart, stays=stays, patients=[patient(n, date) for n, date in born.items()])
        assert [r.group for r in found.recordings] == ["subject-1", "subject-3"]
        assert (step(found, "stays in ICUSTAYS").recordings, step(found, "stays of adults").recordings) == (6, 2)

    def test_stay_without_an_end_is_left_out(self, tmp_path):
        stays = [stay(1, 0, None), stay(2)]
        found = extracted(tmp_path, [event(HR, 0, 80), event(HR, 0, 70, subject=2)], stays=stays)
        assert only(found).group == "subject-2"
        assert step(found, "stays with a beginning and an end").recordings == 1

    def test_event_grid(self, tmp_path):
        chart = [event(HR, 0.25, 80), event(SBP_ART, 0.25, 110), event(SBP_CUFF, 0.25, 150), event(HR, 0.5, 82)]
        chart += [event(GLUCOSE, 0.5, 100), event(GLUCOSE, 0.6, 200), event(HR, 3.0, 84)]
        found = extracted(tmp_path, chart, grid="event")
        recording = only(found)
        assert recording.times.tolist() == [0.25, 0.5, 3.0]
        assert series(recording, "hr") == {0.25: 80.0, 0.5: 82.0, 3.0: 84.0}
        assert (series(recording, "sbp"), series(recording, "glucose")) == ({0.25: 110.0}, {0.5: 100.0})
        assert step(found, "times kept").rows == 3


class TestLayouts:
    CHART = ((HR, 0, 80), (SBP_ART, 0.5, 110), (HR, 3, 90))

    def recording(self, folder, tmp_path, warn=lambda message: None):
        return only(extract(folder, tmp_path / "cache", name="test", warn=warn))

    @pytest.mark.parametrize(
        "layout",
        [
            {"demo_layout": True},
            {"demo_layout": True, "ending": ".csv"},
            {"ending": ".CSV"},
            {"ending": ".csv", "line_end": "\r\n"},
        ],
    )
    def test_all_ways_to_write_the_tables_give_the_same(self, tmp_path, layout):
        chart = [event(*row, text="5'2\" or,\nso") for row in self.CHART]
        plain = self.recording(tables(tmp_path / "a", chart), tmp_path)
        other = self.recording(tables(tmp_path / "b", chart, **layout), tmp_path)
        np.testing.assert_array_equal(plain.values, other.values)
        assert plain.times.tolist() == other.times.tolist() == [0.0, 1.0, 2.0, 3.0]

    def test_order_of_columns_extra_columns_byte_order_mark_and_foreign_letters(self, tmp_path):
        folder = tables(tmp_path / "t", [event(*row) for row in self.CHART])
        order = ["VALUENUM", "MORE", "ERROR", "CHARTTIME", "SUBJECT_ID", "ITEMID"]
        text = table_text("CHARTEVENTS", [{**event(*row), "MORE": "°F"} for row in self.CHART], order=order)
        put(folder, "CHARTEVENTS.csv.gz", b"\xef\xbb\xbf" + text.encode("latin-1"))
        assert series(self.recording(folder, tmp_path), "hr") == {0.0: 80.0, 3.0: 90.0}

    def test_packed_is_taken_before_plain_with_a_warning(self, tmp_path):
        folder = tables(tmp_path / "t", [event(*row) for row in self.CHART])
        put(folder, "chartevents.csv", table_text("CHARTEVENTS", [event(HR, 0, 55)]))
        heard = []
        assert series(self.recording(folder, tmp_path, heard.append), "hr") == {0.0: 80.0, 3.0: 90.0}
        assert heard == [
            f"{folder} holds CHARTEVENTS more than once: CHARTEVENTS.csv.gz is read, chartevents.csv is not"
        ]

    def test_without_outputevents_urine_is_never_seen(self, tmp_path):
        folder = tables(tmp_path / "t", [event(*row) for row in self.CHART], [event(URINE, 0, 100)])
        (folder / "OUTPUTEVENTS.csv.gz").unlink()
        heard = []
        recording = self.recording(folder, tmp_path, heard.append)
        assert not recording.observed[:, NAMES.index("urine")].any()
        assert len(heard) == 1
        assert "no table OUTPUTEVENTS" in heard[0]

    def test_folders_that_wget_nests_are_found(self, tmp_path):
        tables(tmp_path / "physionet.org/files/mimiciii/1.4", [event(*row) for row in self.CHART])
        assert series(self.recording(tmp_path, tmp_path), "hr") == {0.0: 80.0, 3.0: 90.0}


def test_import_stays_light():
    code = "import sys, lnncmp.sources.mimic3.clinical; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_source(tmp_path):
    folder = tables(tmp_path / "tables", [event(HR, 0.25, 80), event(HR, 0.5, 90)])
    context = SourceContext(cache=tmp_path / "cache", data_dir=folder)
    by_event = SourceContext(cache=tmp_path / "cache", data_dir=folder, options={"grid": "event"})
    assert SOURCE.fetch(context) == folder
    assert [len(r.times) for r in SOURCE.load(context)] == [1]
    assert [len(r.times) for r in SOURCE.load(by_event)] == [2]
    assert SOURCE.attrition(context)[-1].rows == 1

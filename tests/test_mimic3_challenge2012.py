"""The PhysioNet Challenge 2012: what stays become, on every grid, and what is said of it."""

import numpy as np
import pytest
from challenge_sets import (
    FIRST,
    extracted,
    made_up,
    manifest,
    of_rows,
    outcomes,
    packed,
    put,
    series,
    step,
    tar_gz,
    text,
)

from lnncmp.common.files import share_dir
from lnncmp.errors import DataError, UsageError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3 import challenge2012
from lnncmp.sources.mimic3.challenge2012 import SOURCE, published
from lnncmp.sources.mimic3.challenge2012.parameters import ALL
from lnncmp.sources.mimic3.variables import NAMES

PARAMETERS = tuple(parameter.name for parameter in ALL)


class TestVariables:
    def test_units_ranges_and_missing_values(self, tmp_path):
        rows = [
            *[("01:00", "HR", 80), ("01:30", "HR", 90), ("02:00", "HR", 0), ("03:00", "HR", 70)],
            *[("01:10", "Temp", -17.8), ("01:20", "Temp", 36.5), ("01:00", "SaO2", 97), ("01:00", "RespRate", 20)],
            *[("01:00", "FiO2", 0.4), ("01:30", "FiO2", 60), ("01:00", "Glucose", 120)],
            *[("01:00", "Urine", 100), ("01:45", "Urine", 50), ("01:00", "GCS", 15), ("01:00", "Weight", 80)],
        ]
        (stay,) = of_rows(tmp_path, rows).recordings
        assert series(stay, "hr") == {1.0: 85.0, 3.0: 70.0} and series(stay, "temp") == {1.0: 36.5}
        assert series(stay, "spo2") == {1.0: 97.0} and series(stay, "rr") == {1.0: 20.0}
        assert series(stay, "fio2") == {1.0: 0.5} and series(stay, "glucose") == {1.0: 120.0}
        assert series(stay, "urine") == {1.0: 150.0}
        assert series(stay, "gcs_eye") == series(stay, "gcs_motor") == {}
        assert stay.values.shape == (3, len(NAMES)) and stay.times.tolist() == [1.0, 2.0, 3.0]
        assert np.isnan(stay.values[~stay.observed]).all() and stay.group == f"stay-{FIRST['a']}"

    def test_pressures_of_an_arterial_line_displace_those_of_the_cuff_within_an_hour(self, tmp_path):
        rows = [("05:00", "NISysABP", 100), ("05:10", "SysABP", 120), ("05:20", "SysABP", 130)]
        rows += [("06:00", "NIMAP", 70), ("06:30", "MAP", 60), ("07:00", "NIDiasABP", 50)]
        (stay,) = of_rows(tmp_path, rows).recordings
        assert series(stay, "sbp") == {5.0: 125.0} and series(stay, "map") == {6.0: 60.0}
        assert series(stay, "dbp") == {7.0: 50.0}

    def test_general_descriptors_are_no_vital_signs(self, tmp_path):
        files = {
            f"{FIRST['a'] + n}.txt": text(FIRST["a"] + n, rows) for n, rows in enumerate([[], [("00:00", "HR", 70)]])
        }
        found = extracted(tmp_path, put(tmp_path / "set-a", files))
        (stay,) = found.recordings
        assert series(stay, "hr") == {0.0: 70.0}
        assert step(found, "stays with an observation").recordings == 1 and step(found, "rows read").recordings == 2

    def test_event_grid_keeps_the_minutes(self, tmp_path):
        rows = [("00:07", "HR", 80), ("00:07", "Temp", 37), ("01:30", "HR", 82), ("01:31", "Urine", 40)]
        (stay,) = of_rows(tmp_path, rows, grid="event").recordings
        assert stay.times.tolist() == [7 / 60, 1.5] and series(stay, "temp") == {round(7 / 60, 6): 37.0}
        assert series(stay, "urine") == {}

    def test_what_comes_after_two_days_is_left_out(self, tmp_path):
        found = of_rows(tmp_path, [("47:59", "HR", 80), ("48:00", "HR", 90)])
        assert series(found.recordings[0], "hr") == {47.0: 80.0}
        assert step(found, "rows within 48 hours").rows == 1

    def test_a_value_that_is_written_twice_counts_once(self, tmp_path):
        found = of_rows(tmp_path, [("01:00", "Urine", 80), ("01:00", "Urine", 80), ("01:00", "HR", 80)])
        assert series(found.recordings[0], "urine") == {1.0: 80.0}

    def test_attrition_counts_what_was_lost(self, tmp_path):
        rows = [
            ("01:00", "HR", 80),
            ("02:00", "HR", 999),
            ("02:00", "pH", 7.4),
            ("02:10", "Nonsense", 1),
            ("03:00", "HR", ""),
        ]
        found = of_rows(tmp_path, rows)
        assert step(found, "rows read").rows == 11 and step(found, "rows of the variables asked for").rows == 2
        assert (
            "1 of unknown ones; 2 record numbers and empty cells"
            in step(found, "rows of the variables asked for").reason
        )
        plausible = step(found, "rows within a plausible range")
        assert plausible.rows == 1 and plausible.reason == "artefacts: hr 1" and step(found, "rows kept").rows == 1


class TestAllParameters:
    ROWS = (("00:00", "HR", 70), ("00:07", "pH", 7.4), ("00:07", "Weight", 81), ("48:00", "MechVent", 1))

    def test_descriptors_stand_at_time_0(self, tmp_path):
        (stay,) = of_rows(tmp_path, self.ROWS, variables="all", grid="event").recordings
        assert stay.values.shape == (3, 41) and stay.times.tolist() == [0.0, 7 / 60, 48.0]
        assert series(stay, "Age", PARAMETERS) == {0.0: 61.0} and series(stay, "ICUType", PARAMETERS) == {0.0: 3.0}
        assert series(stay, "Height", PARAMETERS) == {}  # -1 means missing
        assert series(stay, "Weight", PARAMETERS) == {round(7 / 60, 6): 81.0}
        assert series(stay, "MechVent", PARAMETERS) == {48.0: 1.0}

    def test_numbers_of_one_minute_are_averaged_and_urine_of_one_hour_is_added(self, tmp_path):
        rows = [("00:05", "Urine", 100), ("00:05", "Urine", 200), ("00:05", "HR", 80), ("00:05", "HR", 90)]
        (stay,) = of_rows(tmp_path, rows, variables="all", grid="event").recordings
        assert series(stay, "Urine", PARAMETERS) == {round(5 / 60, 6): 150.0}
        assert series(stay, "HR", PARAMETERS) == {round(5 / 60, 6): 85.0}
        (stay,) = of_rows(tmp_path, rows, variables="all").recordings
        assert series(stay, "Urine", PARAMETERS) == {0.0: 300.0}

    def test_values_out_of_range_can_be_kept(self, tmp_path):
        (stay,) = of_rows(tmp_path, self.ROWS, variables="all", grid="event", ranges="keep").recordings
        assert series(stay, "Height", PARAMETERS) == {0.0: -1.0}

    def test_a_stay_without_any_measurement_has_its_descriptors(self, tmp_path):
        (stay,) = of_rows(tmp_path, [], variables="all", grid="event").recordings
        assert stay.times.tolist() == [0.0] and stay.observed.sum() == 3

    @pytest.mark.parametrize("quantum", [0.016, 0.1])
    def test_times_can_be_rounded(self, tmp_path, quantum):
        minutes = range(0, 2880, 13)
        rows = [(f"{m // 60:02d}:{m % 60:02d}", "HR", 60 + m % 7) for m in minutes]
        (stay,) = of_rows(tmp_path, rows, variables="all", grid="event", quantum=str(quantum)).recordings
        # As Python rounds the times that others compute.
        expected = sorted({round((m // 60 + m % 60 / 60) / quantum) * quantum for m in minutes})
        np.testing.assert_allclose(stay.times, expected, rtol=0, atol=1e-9)

    def test_the_41_parameters_are_those_of_rubanova_et_al(self):
        assert len(PARAMETERS) == len(set(PARAMETERS)) == 41 and PARAMETERS[:5] == (
            "Age",
            "Gender",
            "Height",
            "ICUType",
            "Weight",
        )
        assert all(parameter.low < parameter.high and parameter.unit for parameter in ALL)

    @pytest.mark.parametrize("options", [{"variables": "al"}, {"grid": "day"}, {"sets": "ad"}, {"quantum": "0"}])
    def test_unknown_options_are_refused(self, tmp_path, options):
        with pytest.raises(UsageError):
            of_rows(tmp_path, self.ROWS, **options)


class TestOrder:
    def test_neither_the_order_nor_the_kind_of_the_copy_matters(self, tmp_path):
        files = made_up(stays=3, hours=3)
        turned = dict(sorted(files.items(), reverse=True))
        (tmp_path / "set-a.tar.gz").write_bytes(tar_gz(turned))
        one = extracted(tmp_path, tmp_path / "set-a.tar.gz").recordings
        two = extracted(tmp_path, put(tmp_path / "own" / "set-a", files)).recordings
        assert [r.group for r in one] == [r.group for r in two] == [f"stay-{name[:-4]}" for name in sorted(files)]
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a.values, b.values)

    def test_more_stays_than_are_read_at_once(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lnncmp.sources.mimic3.challenge2012.extraction.STAYS_AT_ONCE", 2)
        found = extracted(tmp_path, put(tmp_path / "set-a", made_up(stays=5, hours=2)))
        assert len(found.recordings) == 5 and step(found, "rows kept").recordings == 5


class TestOutcomes:
    def context(self, data, **options):
        return SourceContext(cache=data, data_dir=data, options=options)

    def test_by_group_of_the_recordings(self, tmp_path):
        files = made_up(stays=4, hours=2)
        put(tmp_path / "set-a", files)
        put(tmp_path, {"Outcomes-a.txt": outcomes(files)})
        found = challenge2012.outcomes(self.context(tmp_path), manifest(packed()))
        assert set(found) == {r.group for r in extracted(tmp_path, tmp_path).recordings} and sum(found.values()) == 2

    def test_of_several_sets_and_beside_an_archive(self, tmp_path):
        for letter in "ab":
            put(tmp_path, packed(letter, stays=2, hours=1))
        assert len(challenge2012.outcomes(self.context(tmp_path, sets="ab"))) == 4
        assert len(challenge2012.outcomes(self.context(tmp_path / "set-b.tar.gz", sets="b"))) == 2

    @pytest.mark.parametrize(
        ("content", "phrase"),
        [
            (None, "no file Outcomes-a.txt"),
            (b"", "lacks the column RecordID, In-hospital_death"),
            (b"RecordID,Survival\n1,2\n", "lacks the column In-hospital_death"),
            (b"RecordID,In-hospital_death\n", "a header but no rows"),
            (b"RecordID,In-hospital_death\n17,2\n", "line 2 does not"),
            (b"RecordID,In-hospital_death\n17,\n", "line 2 does not"),
            (b"RecordID,In-hospital_death\nx17,1\n", "line 2 does not"),
            (b"RecordID,In-hospital_death\n17,1,0\n", "more or fewer cells in line 2"),
            (b"RecordID,In-hospital_death\n17,1\n17,0\n", "holds a stay twice"),
            (b"\x89PNG\r\n\x1a\n\0\0", "lacks the column"),
        ],
    )
    def test_bad_files_are_refused_without_naming_a_patient(self, tmp_path, content, phrase):
        if content is not None:
            put(tmp_path, {"Outcomes-a.txt": content})
        with pytest.raises(DataError) as caught:
            challenge2012.outcomes(self.context(tmp_path), manifest(packed()))
        assert phrase in caught.value.message and "17" not in caught.value.message.replace(str(tmp_path), "")


class TestTexts:
    @pytest.mark.parametrize(
        ("bad", "phrase"),
        [
            (b"", "first line is not Time,Parameter,Value"),
            (b"Time;Parameter;Value\n", "first line is not Time,Parameter,Value"),
            (b"\x89PNG\r\n\x1a\n\0\0\0", "first line is not Time,Parameter,Value"),
            (text(FIRST["a"], [("1:00", "HR", 80)]), "a time that is not written like 07:30"),
            (text(FIRST["a"], [("01:99", "HR", 80)]), "a time that is not written like 07:30"),
            (text(FIRST["a"], [("", "HR", 80)]), "a time that is not written like 07:30"),
            (text(FIRST["a"], [("01:00", "HR", "highest")]), "text where a number belongs"),
            (text(FIRST["a"], [("01:00", "HR", "80,5")]), "a row that has not 3 cells"),
            (text(FIRST["a"] + 1, [("01:00", "HR", 80)]), "a RecordID that is not the name of its file"),
        ],
    )
    def test_another_text_is_refused_without_naming_the_stay(self, tmp_path, bad, phrase):
        with pytest.raises(DataError) as caught:
            extracted(tmp_path, put(tmp_path / "set-a", {f"{FIRST['a']}.txt": bad}))
        assert phrase in caught.value.message and str(FIRST["a"]) not in caught.value.message + caught.value.hint
        assert [path.name for path in (tmp_path / "cache" / "mimic3").iterdir()] == []

    def test_ends_of_lines_and_a_mark_at_the_beginning_do_not_matter(self, tmp_path):
        plain = text(FIRST["a"], [("01:00", "HR", 80), ("02:00", "HR", 81)])
        odd = b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n").rstrip()
        found = extracted(tmp_path, put(tmp_path / "set-a", {f"{FIRST['a']}.txt": odd}))
        assert series(found.recordings[0], "hr") == {1.0: 80.0, 2.0: 81.0}

    def test_no_observation_at_all_is_one_sentence(self, tmp_path):
        with pytest.raises(DataError, match="no stay has an observation"):
            of_rows(tmp_path, [("01:00", "pH", 7.4)])


def test_the_published_manifest_names_all_sets_and_outcomes():
    known = published()
    assert {entry.name for entry in known.files} == {
        name for letter in "abc" for name in (f"set-{letter}.tar.gz", f"Outcomes-{letter}.txt")
    }
    of_a = challenge2012.of_sets(known, "a")
    assert [entry.name for entry in of_a.files] == ["Outcomes-a.txt", "set-a.tar.gz"] and of_a.files[1].content
    assert SOURCE.name == "challenge2012" and (share_dir("datasets") / SOURCE.card / "challenge2012.md").is_file()

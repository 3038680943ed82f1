"""The simulated intensive care stays: the bodies, the raw tables, the cache."""

import io
import json
import stat

import numpy as np
import polars as pl
import pytest

from lnncmp.errors import UsageError
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3 import synthetic as source
from lnncmp.sources.mimic3.synthetic import simulate
from lnncmp.sources.mimic3.synthetic.cohort import FIRST_SUBJECT, make_cohort
from lnncmp.sources.mimic3.synthetic.settings import Settings, settings_key
from lnncmp.sources.mimic3.synthetic.simulate import simulate_bodies, simulate_tables

SMALL = Settings(subjects=6)
HEADER = (
    '"ROW_ID","SUBJECT_ID","HADM_ID","ICUSTAY_ID","ITEMID","CHARTTIME","STORETIME","CGID","VALUE","VALUENUM",'
    '"VALUEUOM","WARNING","ERROR","RESULTSTATUS","STOPPED"'
)


@pytest.fixture(scope="module")
def tables():
    return simulate_tables(Settings())


@pytest.fixture(scope="module")
def chart(tables):
    """CHARTEVENTS with the times as text."""
    types = dict.fromkeys(("VALUE", "VALUEUOM", "RESULTSTATUS", "STOPPED"), pl.String)
    types |= {"VALUENUM": pl.Float64, "ERROR": pl.Int64, "WARNING": pl.Int64}
    return pl.read_csv(io.BytesIO(tables["CHARTEVENTS.csv"]), schema_overrides=types)


@pytest.fixture(scope="module")
def stays(tables):
    return pl.read_csv(io.BytesIO(tables["ICUSTAYS.csv"]), try_parse_dates=True)


@pytest.fixture(scope="module")
def bodies():
    return simulate_bodies(Settings())


class TestDeterminism:
    def test_same_settings_give_the_same_bytes(self):
        assert simulate_tables(SMALL) == simulate_tables(SMALL)

    def test_another_seed_gives_other_rows_in_every_table(self):
        first, second = simulate_tables(SMALL), simulate_tables(Settings(subjects=6, seed=1))
        assert all(first[name] != second[name] for name in first)

    def test_the_key_follows_the_settings(self):
        assert settings_key(SMALL) != settings_key(Settings(subjects=6, seed=1)) != settings_key(Settings())


class TestBodies:
    """The couplings between quantities have the right sign, in the true course without measurement noise."""

    @staticmethod
    def inside(bodies, name):
        """Return the quantity at all steps that belong to a stay, one array per stay."""
        cohort, course, _ = bodies
        return [course[name][: int(4 * hours) + 1, k] for k, hours in enumerate(cohort.hours)]

    def difference(self, bodies, name, illness):
        """Return the mean over stays of (value while severely ill) - (value while not ill)."""
        found = []
        for value, level in zip(self.inside(bodies, name), self.inside(bodies, illness), strict=True):
            if (level > 1).sum() > 8 and (level < 0.1).sum() > 8:
                found.append(value[level > 1].mean() - value[level < 0.1].mean())
        assert len(found) > 40
        return np.mean(found)

    def test_shock_lowers_pressure_and_urine_and_raises_heart_rate(self, bodies):
        assert -25 < self.difference(bodies, "map", "shock") < -6
        assert 3 < self.difference(bodies, "hr", "shock") < 25
        assert self.difference(bodies, "urine", "shock") < -5
        assert self.difference(bodies, "pressor", "shock") > 0.1
        assert self.difference(bodies, "volume", "shock") > 0.1

    def test_lung_failure_lowers_saturation_and_raises_breathing_and_oxygen(self, bodies):
        assert -10 < self.difference(bodies, "spo2", "lung") < -2
        assert 1 < self.difference(bodies, "rr", "lung") < 12
        assert self.difference(bodies, "fio2", "lung") > 0.02

    def test_pressure_recovers_while_shock_lasts_because_of_treatment(self, bodies):
        """Early in an episode pressure is lower than later, at the same severity."""
        early, late = [], []
        for pressure, level in zip(self.inside(bodies, "map"), self.inside(bodies, "shock"), strict=True):
            starts = np.flatnonzero((level[1:] > 1) & (level[:-1] <= 1)) + 1
            for start in starts:
                if len(level) > start + 26 and (level[start : start + 26] > 1).all():
                    early.append(pressure[start + 4 : start + 10].mean())
                    late.append(pressure[start + 20 : start + 26].mean())
        assert len(early) > 15 and np.mean(late) > np.mean(early) + 1

    def test_temperature_is_higher_in_the_evening(self, bodies):
        cohort, course, _ = bodies
        step = np.arange(len(course["temp"]))[:, None] / 4
        clock = (cohort.arrival / 3600 + step) % 24
        evening, morning = (clock > 15) & (clock < 19), (clock > 3) & (clock < 7)
        assert 0.1 < course["temp"][evening].mean() - course["temp"][morning].mean() < 0.5

    def test_mean_pressure_lies_a_third_of_the_way_up(self, bodies):
        _, course, _ = bodies
        share = (course["map"] - course["dbp"]) / (course["sbp"] - course["dbp"])
        assert np.allclose(share, 0.3)

    def test_stays_of_a_subject_do_not_overlap_and_lengths_are_as_wanted(self):
        cohort = make_cohort(Settings(subjects=2000))
        later = cohort.owner[1:] == cohort.owner[:-1]
        assert (cohort.arrival[1:] > cohort.departure[:-1])[later].all()
        assert 0.62 < (cohort.hours >= 36).mean() < 0.72
        assert 1.2 < len(cohort.stay) / 2000 < 1.45


class TestTables:
    def test_layout_is_that_of_the_full_data_set(self, tables):
        assert tables["CHARTEVENTS.csv"].split(b"\n", 1)[0].decode() == HEADER
        line = tables["CHARTEVENTS.csv"].split(b"\n", 2)[1].decode()
        assert line.count(",") == 14 and '"' in line
        assert tables["PATIENTS.csv"].startswith(b'"ROW_ID","SUBJECT_ID","GENDER","DOB","DOD",')
        assert tables["ICUSTAYS.csv"].startswith(b'"ROW_ID","SUBJECT_ID","HADM_ID","ICUSTAY_ID","DBSOURCE",')
        assert tables["OUTPUTEVENTS.csv"].startswith(b'"ROW_ID","SUBJECT_ID","HADM_ID","ICUSTAY_ID","CHARTTIME",')

    def test_identifiers_cannot_be_those_of_patients(self, chart, stays):
        assert chart["SUBJECT_ID"].min() >= FIRST_SUBJECT > 100_000
        assert stays["HADM_ID"].min() > 200_000 and stays["ICUSTAY_ID"].min() > 300_000
        assert 240 <= len(stays) <= 290 and stays["SUBJECT_ID"].n_unique() == 200
        assert stays["SUBJECT_ID"].value_counts()["count"].max() >= 3

    def test_newborns_the_oldest_and_a_stay_without_end_are_there(self, tables, stays):
        born = pl.read_csv(io.BytesIO(tables["PATIENTS.csv"]), try_parse_dates=True).select("SUBJECT_ID", "DOB")
        joined = stays.join(born, on="SUBJECT_ID")
        age = ((joined["INTIME"] - joined["DOB"]).dt.total_days() / 365.25).to_numpy()
        assert (age < 1).sum() >= 3 and (age > 290).sum() >= 5
        assert ((age > 15) & (age < 90)).mean() > 0.8
        assert stays["OUTTIME"].null_count() == 1
        assert set(stays["DBSOURCE"]) == {"carevue", "metavision"}

    @pytest.mark.parametrize(
        ("items", "wrong", "least", "most"),
        [
            ([211, 220045], pl.col("VALUENUM") == 0, 0.0002, 0.003),
            ([51, 455, 220050, 220179], pl.col("VALUENUM") > 300, 0.001, 0.005),
            ([618, 220210], pl.col("VALUENUM") == 0, 0.002, 0.01),
            ([646, 220277], pl.col("VALUENUM") <= 1, 0.0005, 0.004),
            ([52, 220052], pl.col("VALUENUM") < 0, 0.0002, 0.004),
        ],
    )
    def test_artefacts_occur_at_about_the_rates_of_real_charts(self, chart, items, wrong, least, most):
        rows = chart.filter(pl.col("ITEMID").is_in(items))
        assert least < len(rows.filter(wrong)) / len(rows) < most

    def test_both_units_of_temperature_and_of_oxygen_occur(self, chart):
        def median(item):
            return chart.filter(pl.col("ITEMID") == item)["VALUENUM"].median()

        assert all(96 < median(item) < 100 for item in (678, 223761))
        assert all(36 < median(item) < 38 for item in (676, 677, 223762))
        assert 0.2 < median(190) <= 1 and median(3420) > 20 and median(223835) > 20

    def test_flags_texts_and_copies(self, chart):
        carevue = pl.col("ITEMID") < 220_000
        assert chart.filter(carevue)["ERROR"].null_count() == len(chart.filter(carevue))
        assert chart.filter(~carevue)["ERROR"].null_count() == 0
        assert 0.001 < chart.filter(~carevue)["ERROR"].mean() < 0.005
        assert chart.filter(pl.col("VALUENUM").is_null() & (pl.col("ITEMID") == 211)).height > 3
        assert chart["VALUE"].str.contains('"', literal=True).any() and chart["VALUE"].str.contains(", ").any()
        assert chart.select("SUBJECT_ID", "ITEMID", "CHARTTIME", "VALUENUM").is_duplicated().any()
        assert 0 < chart["ICUSTAY_ID"].null_count() < 0.001 * len(chart)

    def test_some_rows_lie_outside_of_the_stay_they_name(self, chart, stays):
        joined = chart.join(stays.select("ICUSTAY_ID", "INTIME", "OUTTIME"), on="ICUSTAY_ID").with_columns(
            pl.col("CHARTTIME").str.to_datetime()
        )
        assert 0.003 < len(joined.filter(pl.col("CHARTTIME") < pl.col("INTIME"))) / len(joined) < 0.02
        assert 0.0002 < len(joined.filter(pl.col("CHARTTIME") >= pl.col("OUTTIME"))) / len(joined) < 0.01

    def test_most_heart_rates_are_charted_on_the_hour(self, chart):
        times = chart.filter(pl.col("ITEMID").is_in([211, 220045]))["CHARTTIME"].str.to_datetime()
        assert 0.78 < (times.dt.minute() == 0).mean() < 0.9


class TestCache:
    @pytest.fixture
    def counted(self, monkeypatch):
        calls = []

        def make(settings, progress):
            calls.append(settings)
            return simulate_tables(settings, progress)

        monkeypatch.setattr(source, "SETTINGS", SMALL)
        monkeypatch.setattr(simulate, "simulate_tables", make)
        return calls

    def test_tables_are_made_once_for_the_user_alone(self, tmp_path, counted):
        reports, warned = [], []
        context = SourceContext(tmp_path / "c", progress=lambda *r: reports.append(r), warn=warned.append)
        folder = source.SOURCE.fetch(context)
        assert folder == tmp_path / "c" / "mimic3-synthetic" / settings_key(SMALL)
        assert source.SOURCE.fetch(context) == folder and len(counted) == 1 and not warned
        assert reports and reports[-1][1] == reports[-1][2]
        assert {p.name for p in folder.iterdir()} == {*simulate_tables(SMALL), "manifest.json"}
        for path in (folder, folder.parent):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())

    def test_rights_of_others_are_taken_away(self, tmp_path, counted):
        folder = source.SOURCE.fetch(SourceContext(tmp_path))
        (folder / "PATIENTS.csv").chmod(0o644)
        folder.chmod(0o755)
        source.SOURCE.fetch(SourceContext(tmp_path))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "PATIENTS.csv").stat().st_mode) == 0o600 and len(counted) == 1

    @pytest.mark.parametrize("harm", ["flip", "cut", "lose", "manifest", "list"])
    def test_a_damaged_set_is_made_anew_with_a_warning(self, tmp_path, counted, harm):
        warned = []
        context = SourceContext(tmp_path, warn=warned.append)
        folder = source.SOURCE.fetch(context)
        whole = {path.name: path.read_bytes() for path in folder.iterdir()}
        chart, manifest = folder / "CHARTEVENTS.csv", folder / "manifest.json"
        if harm == "flip":
            chart.write_bytes(whole[chart.name].replace(b"NotStopd", b"NotStopt", 1))
        elif harm == "cut":
            chart.write_bytes(whole[chart.name][:-1000])
        elif harm == "lose":
            chart.unlink()
        elif harm == "manifest":
            manifest.write_bytes(b"{")
        else:
            manifest.write_text(json.dumps({"CHARTEVENTS.csv": "0"}))
        source.SOURCE.fetch(context)
        assert len(counted) == 2 and len(warned) == 1 and "damaged and are made again" in warned[0]
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole

    def test_an_unfinished_set_is_made_without_a_word(self, tmp_path, counted):
        warned = []
        context = SourceContext(tmp_path, warn=warned.append)
        (source.SOURCE.fetch(context) / "manifest.json").unlink()
        source.SOURCE.fetch(context)
        assert len(counted) == 2 and not warned

    def test_a_folder_of_the_user_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="simulated, not read") as caught:
            source.SOURCE.load(SourceContext(tmp_path, data_dir=tmp_path / "mine"))
        assert "--data" in caught.value.hint
        assert not list(tmp_path.iterdir())

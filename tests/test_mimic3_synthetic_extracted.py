"""The simulated stays as the extraction of real ones delivers them: numbers, missing values, memory of the past.

The bands lie around what was measured in the open demo of MIMIC-III, hourly, in the same way.
"""

from itertools import pairwise

import numpy as np
import pytest

from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3 import synthetic as source
from lnncmp.sources.mimic3.variables import CORE, NAMES, VARIABLES

MEANS = {"hr": 87.6, "sbp": 119.5, "dbp": 58.6, "map": 77.1, "rr": 20.8, "spo2": 97.3, "temp": 36.8}
SPREADS = {"hr": 16.5, "sbp": 22.8, "dbp": 13.9, "map": 16.3, "rr": 6.6, "spo2": 3.3, "temp": 0.81}
OBSERVED = {"hr": 91.3, "sbp": 88.5, "dbp": 88.5, "map": 88.6, "rr": 89.7, "spo2": 88.6, "temp": 29.9}
OBSERVED |= {"glucose": 23.5, "gcs_eye": 27.0, "gcs_motor": 26.8, "fio2": 17.6, "urine": 61.6}


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    warned = []
    return SourceContext(tmp_path_factory.mktemp("cache"), warn=warned.append), warned


@pytest.fixture(scope="module")
def recordings(context):
    return source.SOURCE.load(context[0])


@pytest.fixture(scope="module")
def steps(context, recordings):
    return {step.step: step for step in source.SOURCE.attrition(context[0])}


@pytest.fixture(scope="module")
def hours(recordings):
    """All rows one under the other, NaN where nothing was observed."""
    return np.concatenate([np.where(r.observed, r.values, np.nan) for r in recordings])


def column(name):
    return NAMES.index(name)


class TestNumbers:
    @pytest.mark.parametrize("name", MEANS)
    def test_means_and_spreads_are_those_of_the_demo(self, hours, name):
        values = hours[:, column(name)]
        assert np.nanmean(values) == pytest.approx(MEANS[name], abs=0.15 * SPREADS[name])
        assert np.nanstd(values) == pytest.approx(SPREADS[name], rel=0.15)

    @pytest.mark.parametrize("name", OBSERVED)
    def test_share_of_observed_hours_is_that_of_the_demo(self, hours, steps, name):
        """Of all hours of stay, as the demo's share was counted; the recordings lack empty hours at both ends."""
        seen = np.isfinite(hours[:, column(name)]).sum()
        assert 100 * seen / steps["hours of these stays"].rows == pytest.approx(OBSERVED[name], abs=4)

    def test_hourly_variables_are_missing_together(self, hours):
        seen = np.isfinite(hours[:, :6])
        independent = np.prod(seen.mean(axis=0))
        assert seen.all(axis=1).mean() > independent + 0.05
        assert 0.01 < (~seen).all(axis=1).mean() < 0.1

    def test_temperature_comes_every_four_hours(self, recordings):
        gaps = np.concatenate([np.diff(r.times[r.observed[:, column("temp")]]) for r in recordings])
        assert np.median(gaps) == 4

    def test_no_artefact_is_left_and_every_kind_was_there(self, hours, steps):
        for number, variable in enumerate(VARIABLES):
            values = hours[:, number]
            assert variable.low <= np.nanmin(values) and np.nanmax(values) <= variable.high
        told = steps["rows within a plausible range"].reason
        assert all(name in told for name in ("hr", "sbp", "map", "rr", "spo2"))

    def test_pressures_are_ordered_and_coupled(self, recordings):
        found = np.concatenate([r.values[r.observed[:, :6].all(axis=1)] for r in recordings])
        sbp, dbp, mean = (found[:, column(name)] for name in ("sbp", "dbp", "map"))
        assert (sbp > dbp).mean() > 0.98
        assert np.mean(mean - dbp - (sbp - dbp) / 3) == pytest.approx(0, abs=3)
        assert np.corrcoef(mean, sbp)[0, 1] > 0.6 and np.corrcoef(mean, dbp)[0, 1] > 0.6

    def test_low_saturation_goes_with_faster_breathing(self, recordings):
        both = [column("spo2"), column("rr")]
        rows = [r.values[r.observed[:, both].all(axis=1)][:, both] for r in recordings]
        around = np.concatenate([found - found.mean(axis=0) for found in rows if len(found)])
        assert np.corrcoef(around[:, 0], around[:, 1])[0, 1] < -0.05


class TestStays:
    def test_most_stays_survive_and_most_of_them_give_windows(self, recordings, steps):
        listed = steps["stays in ICUSTAYS"].recordings
        assert 240 <= listed <= 290 and 0.93 * listed < len(recordings) < listed
        assert 0.55 < np.mean([len(r.times) >= 36 for r in recordings]) < 0.72
        assert sum(max(len(r.times) - 35, 0) for r in recordings) > 10_000

    def test_subjects_have_one_or_several_stays(self, recordings):
        groups = [r.group for r in recordings]
        assert 180 < len(set(groups)) < 200
        assert max(groups.count(group) for group in set(groups)) >= 3

    def test_newborns_and_the_stay_without_end_are_lost(self, steps):
        listed, ended, adults = (
            steps[name].recordings
            for name in ("stays in ICUSTAYS", "stays with a beginning and an end", "stays of adults")
        )
        assert ended == listed - 1 and ended - 12 < adults < ended - 2

    def test_rows_are_lost_at_every_filter(self, steps):
        names = [
            "rows read", "rows of the items asked for", "rows with a number", "rows not flagged as errors",
            "rows within a plausible range", "rows inside a stay", "rows without duplicates",
        ]  # fmt: skip
        counts = [steps[name].rows for name in names]
        assert all(after < before for before, after in pairwise(counts))

    def test_nothing_is_warned_of_and_a_second_call_gives_the_same(self, context, recordings):
        again = source.SOURCE.load(context[0])
        assert not context[1]
        assert all(np.array_equal(a.values, b.values, equal_nan=True) for a, b in zip(recordings, again, strict=True))

    def test_the_event_grid_is_finer(self, context, recordings):
        events = source.SOURCE.load(SourceContext(context[0].cache, options={"grid": "event"}))
        assert len(events) == len(recordings)
        assert min(np.diff(r.times).min() for r in events if len(r.times) > 1) < 1


@pytest.fixture(scope="module")
def error(recordings, hours):
    """z-RMSE of persistence by horizon, on observed targets, after a day of history; mean of the seven."""
    core = len(CORE)
    mean, spread = np.nanmean(hours[:, :core], axis=0), np.nanstd(hours[:, :core], axis=0)

    def at(horizon):
        squares, count = np.zeros(core), np.zeros(core)
        for r in recordings:
            z = (np.where(r.observed, r.values, np.nan)[:, :core] - mean) / spread
            number = np.where(np.isfinite(z), np.arange(len(z))[:, None], -1)
            last = np.maximum.accumulate(number, axis=0)
            held = np.where(last >= 0, np.take_along_axis(z, np.maximum(last, 0), axis=0), 0.0)
            wrong = z[23 + horizon :] - held[23 : max(len(z) - horizon, 23)]
            squares += np.nansum(wrong**2, axis=0)
            count += np.isfinite(wrong).sum(axis=0)
        return float(np.sqrt(squares / count).mean())

    return {horizon: at(horizon) for horizon in (1, 4, 12, 24)}


def test_persistence_fails_as_in_the_demo(error):
    assert error[1] == pytest.approx(0.70, abs=0.06)
    assert error[4] == pytest.approx(0.81, abs=0.07)
    assert error[12] == pytest.approx(0.94, abs=0.07)
    assert error[24] == pytest.approx(0.98, abs=0.08)

"""Variables that are left out of an intensive care study, and how often each was measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from icu_studies import CASE, C, Knows, V, changed, cohort, made, prepare, recording, settings, source_of

from lnncmp.baselines import Persistence
from lnncmp.cases.mimic3.settings import Mimic3Settings
from lnncmp.data.recording import Recording
from lnncmp.data.windows import Futures
from lnncmp.errors import UsageError
from lnncmp.recipe.recipe import parse
from lnncmp.sources.base import SourceContext
from lnncmp.sources.mimic3.variables import CORE, NAMES
from lnncmp.training.predict import NetworkPredictor

RR, SPO2 = NAMES.index("rr"), NAMES.index("spo2")
LEFT = ("rr", "spo2")


def windows_of(preparation):
    shifted = [one.make() for one in preparation.test_sets()]
    return [preparation.splits.train, preparation.splits.validation, preparation.splits.test, *shifted]


class TestLeftOut:
    def test_windows_keep_their_shape_and_hold_nothing_of_them(self):
        whole, less = made(), made(leave_out=LEFT)
        for full, part in zip(windows_of(whole), windows_of(less), strict=True):
            assert part.x.shape == full.x.shape and part.y.shape == full.y.shape
            for column in (RR, SPO2):
                assert not part.target_mask[..., column].any() and not part.y[..., column].any()
                assert not part.x[..., column].any() and not part.x[..., C + column].any()
                assert (part.x[..., 2 * C + column][part.valid] == 1).all()
        others = [k for k in range(3 * C) if k % C not in (RR, SPO2)]
        np.testing.assert_array_equal(less.splits.train.x[..., others], whole.splits.train.x[..., others])
        assert not less.futures.counted[..., [RR, SPO2]].any() and less.futures.counted.any()

    def test_their_values_change_nothing(self):
        def mixed(one):
            values = one.values.copy()
            values[:, [RR, SPO2]] = values[::-1, [RR, SPO2]] + 1
            return np.where(one.observed, np.nan_to_num(values, nan=20.0), np.nan)

        recordings = cohort()
        one, two = made(recordings, leave_out=LEFT), made(changed(recordings, mixed), leave_out=LEFT)
        for a, b in zip(windows_of(one), windows_of(two), strict=True):
            assert a.x.tobytes() == b.x.tobytes() and a.y.tobytes() == b.y.tobytes()

    def test_variables_beside_the_core_can_be_left_out_too(self):
        less = made(variables="context", leave_out=("urine",))
        urine = NAMES.index("urine") - C
        assert not less.splits.train.x[..., 3 * C + urine].any() and less.futures.fed_back.all()
        assert less.splits.train.x[..., 3 * C : 3 * C + V - C].any()

    def test_metrics_are_those_of_the_others(self):
        prepared = prepare(leave_out=LEFT)
        found = prepared.metrics_of(Knows(0.5))
        assert found.values["z_rmse_1h"] == pytest.approx(0.5, abs=1e-6)
        assert "z_rmse_hr_1h" in found.values and "z_rmse_rr_1h" not in found.values
        assert all(np.isfinite(row).all() for row in found.replicates.values()) and "mse" in found.replicates
        assert np.isinf(prepared.scalers.outputs.std[[RR, SPO2]]).all()

    @pytest.mark.filterwarnings("error")
    def test_baselines_predict_numbers(self):
        prepared = prepare(leave_out=LEFT)
        for predictor in prepared.baselines().values():
            assert np.isfinite(predictor.predict(prepared.splits.test)).all()
            assert np.isfinite(predictor.roll_out(prepared.futures)).all()

    def test_data_and_titles_say_so(self):
        assert prepare().data_hash != prepare(leave_out=("rr",)).data_hash != prepare(leave_out=LEFT).data_hash
        assert settings(leave_out=("spo2", "rr")).conditions == "without rr and spo2"

    @pytest.mark.parametrize(
        ("names", "phrase"),
        [(["sp02"], "did you mean 'spo2'?"), (["zzz"], "not 'zzz'"), ([v.name for v in CORE], "nothing to predict")],
    )
    def test_names_that_do_not_fit_are_refused(self, names, phrase):
        with pytest.raises(UsageError) as caught:
            parse(Mimic3Settings, {"leave_out": names}, "data")
        assert "data.leave_out" in caught.value.message and phrase in caught.value.message


class TestIdentity:
    def test_runs_of_before_keep_theirs(self):
        table = Mimic3Settings().model_dump(mode="json")
        assert not {"leave_out", "sets"} & set(table)
        assert parse(Mimic3Settings, table, "data") == Mimic3Settings()

    def test_what_was_chosen_is_written_down(self):
        chosen = Mimic3Settings(leave_out=("rr",), sets="abc")
        table = chosen.model_dump(mode="json")
        assert (table["leave_out"], table["sets"]) == (["rr"], "abc")
        assert parse(Mimic3Settings, table, "data") == chosen


class AddsOne:
    """A network whose prediction is its input plus one, of every target."""

    def eval(self):
        return self

    def sequence(self, x, dt, valid, state):
        return x[..., :C] + 1, ()

    def step(self, x, dt, state):
        return x[:, :C] + 1, ()


class TestFedBack:
    def test_predictions_of_what_is_left_out_are_not_fed_back(self):
        futures = made(leave_out=LEFT).futures
        assert futures.fed_back.tolist() == [name not in LEFT for name in NAMES[:C]]
        rolled = NetworkPredictor(AddsOne(), torch.device("cpu")).roll_out(futures)
        steps = np.diff(rolled, axis=1)
        np.testing.assert_allclose(steps[..., futures.fed_back], 1, atol=1e-5)
        np.testing.assert_array_equal(rolled[..., [RR, SPO2]], 1)
        masks, ages = futures.others[..., :C], futures.others[..., C : 2 * C]
        assert (masks[..., futures.fed_back] == 1).all() and (ages[..., futures.fed_back] == 0).all()
        assert (masks[..., [RR, SPO2]] == 0).all() and (ages[..., [RR, SPO2]] == 1).all()

    def test_so_it_is_for_what_no_training_stay_has(self):
        def without(one):
            observed = one.observed.copy()
            observed[:, RR] = False
            return Recording(one.values, one.times, observed, one.group)

        bare = [without(one) for one in cohort()]
        assert made(bare).futures.fed_back.tolist() == [name != "rr" for name in NAMES[:C]]
        assert prepare(bare).data_hash != prepare().data_hash

    def test_a_mask_of_another_shape_is_refused(self):
        futures = made().futures
        with pytest.raises(Exception, match="fed_back should have shape"):
            Futures(futures.context, futures.future, futures.dt, futures.observed, futures.others, np.ones(2, bool))


class TestCoverage:
    def test_counts_rows_and_stays(self):
        rng = np.random.default_rng(0)
        recordings = [recording(rng, f"subject-{n}", share=1.0) for n in range(20)]
        for one in recordings[:5]:
            one.observed[:, RR] = False
        for one in recordings:
            one.observed[::2, SPO2] = False
        (table,) = made(recordings, leave_out=("rr",)).described
        rows = {row[0]: row[2:] for row in table.rows}
        assert list(rows) == list(NAMES[:C]) and rows["hr"] == ("100.0", "100.0", "")
        assert rows["rr"] == ("75.0", "75.0", "left out") and rows["spo2"] == ("50.0", "100.0", "")

    def test_is_part_of_the_prepared_data(self):
        assert [one.title for one in CASE.sample().described] == ["How often each variable was measured"]


def test_a_mean_that_covers_some_of_the_variables_only_is_said(recwarn):
    never = [replace(r, observed=r.observed & (np.arange(r.observed.shape[1]) != C - 1)) for r in cohort()]
    heard = []
    source = source_of(never)
    CASE.prepare(source, SourceContext(cache=Path(), warn=heard.append), settings(), 4)
    assert heard == [
        "temperature cannot be scored, having no value in training or in test stays: means over the variables cover "
        "6 of 7"
    ]
    prepared = made(never)
    values = prepared.measure(Persistence(C)).values
    assert np.isfinite(values["z_rmse_1h"]) and "z_rmse_temp_1h" not in values
    assert made().unscored == [] == made(leave_out=("temp",)).unscored
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]

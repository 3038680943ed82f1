"""Measures of damped sine predictions where there is too little, nothing or no number to measure."""

import numpy as np
import pytest
from wave_settings import NAMES, STEPS, WARMUP, Setting, make, one

from lnncmp.cases.sine.metrics import phases

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=[0.0, 0.5], ids=["regular", "irregular"])
def sampled(request):
    return make(request.param)


class TestWhatDoesNotCount:
    @pytest.mark.parametrize("filling", [1e9, np.nan, -np.inf])
    def test_warm_up_and_padding_never_matter(self, sampled, filling):
        predicted = sampled.clean + 0.1 * np.random.default_rng(9).standard_normal(sampled.clean.shape)
        sampled.scored[::2, 70:] = False
        before = sampled.measure(predicted)
        sampled.times = np.where(sampled.scored, sampled.times, filling)
        assert sampled.measure(np.where(sampled.scored, predicted, filling)) == before

    def test_padding_is_as_if_it_were_cut_off(self, sampled):
        predicted = sampled.clean + 0.1 * np.random.default_rng(9).standard_normal(sampled.clean.shape)
        sampled.scored[:, 60:] = False
        cut = Setting(sampled.waves, sampled.times[:, WARMUP:60])
        assert sampled.measure(predicted) == pytest.approx(cut.measure(predicted[:, WARMUP:60]), rel=1e-9)

    def test_waves_without_scored_targets_are_left_out(self, sampled):
        predicted = sampled.clean + 0.1
        sampled.scored[1:] = False
        alone = Setting(sampled.waves.take(slice(0, 1)), sampled.times[:1], sampled.scored[:1])
        assert sampled.measure(predicted) == pytest.approx(alone.measure(predicted[:1]), rel=1e-9)


class TestNotFinite:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_makes_infinite_what_uses_it_and_drops_nothing(self, sampled, value):
        where = phases(sampled.waves, sampled.times)
        row, column = np.argwhere(where["elsewhere"] & sampled.scored)[0]
        predicted = sampled.clean.copy()
        predicted[row, column] = value
        found = sampled.measure(predicted)
        assert list(found) == NAMES
        untouched = {name: found.pop(name) for name in ("mse_peak", "mse_zero_crossing")}
        assert set(untouched.values()) == {0.0}
        assert set(found.values()) == {np.inf}

    def test_everywhere_makes_everything_infinite(self, sampled):
        found = sampled.measure(np.full_like(sampled.clean, np.nan))
        assert found == dict.fromkeys(NAMES, np.inf)

    @pytest.mark.parametrize("size", [1e160, 1e308])
    def test_numbers_too_large_to_square_are_never_nan(self, sampled, size):
        signs = np.where(np.arange(STEPS) % 2, 1.0, -1.0)
        found = sampled.measure(size * signs + 0 * sampled.clean)
        assert list(found) == NAMES and not np.isnan(list(found.values())).any()
        assert found["mse_clean"] == found["roughness"] == np.inf


class TestTooFewTargets:
    def test_one_wave_is_enough(self):
        setting = one()
        assert list(setting.measure(setting.clean)) == NAMES

    def test_one_target_allows_errors_only(self):
        setting = one(times=[3.0])
        assert list(setting.measure(setting.clean + 1)) == ["mse_clean", "mse_elsewhere", "noise_gain"]

    def test_no_target_allows_nothing(self):
        setting = one()
        setting.scored[:] = False
        assert setting.measure(setting.clean) == {}

    def test_slow_wave_has_no_peak_and_no_crossing_to_time(self):
        setting = one(damping=0.001, frequency=0.01, phase=0.6)
        found = setting.measure(setting.waves.values(setting.times - 2))
        assert not {"peak_timing", "crossing_timing", "mse_zero_crossing"} & set(found)
        assert found["lag"] == pytest.approx(2.0, abs=1e-6)

    def test_samples_on_crossings_only_tell_no_amplitude(self):
        setting = one(damping=0.0, frequency=np.pi)
        found = setting.measure(setting.clean)
        assert not {"amplitude_error", "lag", "damping_error"} & set(found)

    def test_which_measures_there_are_depends_on_no_prediction(self):
        setting = one(times=np.arange(0.0, 12.0))
        random = np.random.default_rng(0).standard_normal(setting.clean.shape)
        keys = [list(setting.measure(p)) for p in (setting.clean, 0 * random, random, random * np.nan)]
        assert keys[0] and all(one == keys[0] for one in keys)


class TestNoWaveAtAll:
    def test_zero_prediction_has_finite_bad_numbers(self, sampled):
        found = sampled.measure(np.zeros_like(sampled.clean))
        frequency = sampled.waves.frequency
        assert found["amplitude_error"] == 1 and found["roughness"] == 0
        assert found["damping_error"] == 1
        assert found["lag"] == pytest.approx((np.pi / frequency).mean())
        assert found["crossing_timing"] > np.pi / frequency.max()
        assert found["peak_timing"] > np.pi / 2 / frequency.max() - 1.5
        assert found["mse_clean"] == pytest.approx((sampled.clean[sampled.scored] ** 2).mean())

    @pytest.mark.parametrize("constant", [1.0, -1e-3])
    def test_constant_prediction_has_finite_numbers(self, sampled, constant):
        found = sampled.measure(np.full_like(sampled.clean, constant))
        assert list(found) == NAMES and np.isfinite(list(found.values())).all()
        assert found["crossing_timing"] > np.pi / 2 / sampled.waves.frequency.max() - 1e-9

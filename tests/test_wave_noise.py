"""Noise passed on, bias and what is lost of the wave: told apart by repeated noise."""

import numpy as np
import pytest
from sine_studies import CASE, made, prepare
from wave_settings import make

from lnncmp.baselines import Persistence, TrainMean
from lnncmp.cases.sine.noise_metrics import NOISE_MEASURES, noise_parts
from lnncmp.evaluation.evaluate import score

pytestmark = pytest.mark.filterwarnings("error")


def parts(setting, predicted, draws=4, scored=None):
    given = np.broadcast_to(predicted, (draws, *setting.clean.shape)) if predicted.ndim == 2 else predicted
    return noise_parts(
        predicted=given,
        truth=setting.clean,
        scored=setting.scored if scored is None else scored,
        noise_std=setting.noise_std,
    )


def noise(setting, share, draws=4, seed=0):
    drawn = np.random.default_rng(seed).standard_normal((draws, *setting.clean.shape))
    return share * setting.noise_std[:, None] * drawn


class TestParts:
    def test_the_wave_itself_passes_nothing_on_and_loses_nothing(self):
        setting = make()
        assert parts(setting, setting.clean) == {"noise_passed_on": 0, "bias": 0, "wave_lost": 0}

    def test_what_passes_all_noise_on_has_no_bias(self):
        setting = make(count=200)
        found = parts(setting, setting.clean + noise(setting, 1.0))
        assert found["noise_passed_on"] == pytest.approx(1, rel=0.05)
        assert found["bias"] == pytest.approx(0, abs=0.02) and found["wave_lost"] < 1e-3

    @pytest.mark.parametrize("draws", [2, 4, 16])
    def test_the_two_are_told_apart_however_many_draws_there_are(self, draws):
        setting = make(count=200)
        off = 0.7 * setting.noise_std[:, None]
        found = parts(setting, setting.clean + off + noise(setting, 0.5, draws))
        assert found["noise_passed_on"] == pytest.approx(0.25, rel=0.05)
        assert found["bias"] == pytest.approx(0.49, rel=0.05)

    def test_a_constant_passes_no_noise_on_and_loses_the_wave(self):
        setting = make()
        found = parts(setting, np.zeros(setting.clean.shape))
        own = setting.clean[setting.scored]
        assert found["noise_passed_on"] == 0 and found["wave_lost"] == pytest.approx(1)
        assert found["bias"] == pytest.approx(np.mean(own**2) / 0.01, rel=0.1)
        assert setting.measure(np.zeros(setting.clean.shape))["roughness"] == 0

    def test_half_the_wave_loses_a_quarter_of_its_power(self):
        setting = make()
        assert parts(setting, 0.5 * setting.clean)["wave_lost"] == pytest.approx(0.25)

    @pytest.mark.parametrize("filling", [1e9, np.nan, np.inf])
    def test_warm_up_and_padding_never_matter(self, filling):
        setting = make()
        setting.scored[::2, 70:] = False
        predicted = setting.clean + noise(setting, 0.5)
        hidden = np.where(setting.scored, predicted, filling)
        assert parts(setting, hidden) == parts(setting, predicted)

    def test_one_that_is_not_finite_makes_all_infinite(self):
        setting = make()
        predicted = setting.clean + noise(setting, 0.5)
        predicted[2, 3, 20] = np.nan
        assert parts(setting, predicted) == {metric.name: np.inf for metric in NOISE_MEASURES}
        assert set(parts(setting, predicted * 0 + 1e308 * np.sign(noise(setting, 1.0))).values()) == {np.inf}

    def test_no_target_allows_nothing(self):
        setting = make()
        assert parts(setting, setting.clean, scored=np.zeros(setting.clean.shape, bool)) == {}


class TestOfTheCase:
    @pytest.mark.parametrize("noise_std", [0.0, 0.3])
    def test_make_up_the_noise_gain(self, noise_std):
        preparation, _ = made(test_waves=300, noise_std=noise_std)
        found = preparation.measure(Persistence(1)).values
        assert found["noise_passed_on"] == pytest.approx(1, rel=0.05)
        assert found["noise_passed_on"] + found["bias"] == pytest.approx(found["noise_gain"], rel=0.05)

    def test_a_constant_wins_roughness_but_not_what_it_is_paired_with(self):
        prepared = prepare(noise_std=0.2, test_waves=60)
        constant, bank = (score(prepared.baselines()[name], prepared, CASE) for name in ("mean", "kalman_bank"))
        constant, bank = constant.metrics["test"], bank.metrics["test"]
        assert constant["roughness"] < bank["roughness"] and constant["noise_passed_on"] < bank["noise_passed_on"]
        assert constant["wave_lost"] == pytest.approx(1, abs=0.01) and bank["wave_lost"] < 0.2
        assert constant["bias"] > 5 * bank["bias"] and constant["noise_gain"] > bank["noise_gain"]

    def test_do_not_depend_on_what_the_predictor_was_asked_before(self):
        preparation, _ = made(noise_std=0.2)
        predictor = TrainMean(np.float32(0.3))
        assert preparation.measure(predictor) == preparation.measure(predictor)
